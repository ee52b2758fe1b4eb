/**
 * Where a critic's server is, and the key to it: from the environment or a file, and never from the
 * command line.
 */
import { parse } from "yaml";
import { z } from "zod";
import { AttuneError } from "../core/errors.ts";
import { readRegularText } from "../text/regular-file.ts";

/** Where a critic's server is, and the key to it. */
export interface ServerSettings {
  /** Address before `/chat/completions`, such as http://127.0.0.1:8000/v1. */
  baseUrl: string;
  /** Never written anywhere; see {@link withoutSecrets}. */
  apiKey: string;
}

const file = z.strictObject({
  baseUrl: z.string().optional(),
  apiKey: z.string().min(1).optional(),
  apiKeyEnvironment: z.string().min(1).optional(),
});

/** Servers on one's own machine want no key, and the client wants some text. */
const NO_KEY = "none";
const DEFAULT_URL = "https://api.openai.com/v1";

/**
 * Settings from a YAML or JSON file (`baseUrl`, and `apiKey` or `apiKeyEnvironment`, the name of a
 * variable), else from OPENAI_BASE_URL and OPENAI_API_KEY.
 * @throws AttuneError `config`, which names keys and never repeats a value
 */
export function readServerSettings(
  path: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): ServerSettings {
  const given = path === undefined ? {} : readFile(path);
  const variable = given.apiKeyEnvironment ?? "OPENAI_API_KEY";
  const apiKey = given.apiKey ?? environment[variable];
  if (given.apiKeyEnvironment !== undefined && apiKey === undefined)
    throw new AttuneError(
      "config",
      `the environment variable ${variable} is not set`,
      path === undefined ? {} : { file: path },
    );
  const baseUrl = given.baseUrl ?? (environment["OPENAI_BASE_URL"] || DEFAULT_URL);
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new AttuneError("config", "the critic's base URL is no http address", {
      expected: "such as http://127.0.0.1:8000/v1",
      hint: "OPENAI_BASE_URL, or baseUrl in the settings file",
    });
  if (url.username !== "" || url.password !== "")
    throw new AttuneError("config", "the critic's base URL holds a user or password", {
      hint: "give the key as OPENAI_API_KEY, or as apiKey in the settings file",
    });
  if (apiKey === undefined && baseUrl === DEFAULT_URL)
    throw new AttuneError("config", "there is no key for the critic's server", {
      hint:
        "set OPENAI_API_KEY (and OPENAI_BASE_URL for another server), or give --critic-settings " +
        "FILE",
    });
  return { baseUrl: `${url.origin}${url.pathname.replace(/\/+$/, "")}`, apiKey: apiKey ?? NO_KEY };
}

function readFile(path: string): z.output<typeof file> {
  let value: unknown;
  try {
    value = parse(readRegularText(path, { code: "config" })) as unknown;
  } catch (error) {
    if (error instanceof AttuneError) throw error;
    // the parser quotes the line that it stumbles over, which may hold the key
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new AttuneError(
      "config",
      missing ? "there is no such file" : "the file cannot be read as YAML",
      { file: path },
    );
  }
  const result = file.safeParse(value);
  if (result.success) return result.data;
  const { code, path: key } = result.error.issues[0]!;
  throw new AttuneError("config", "the settings of the critic's server are wrong", {
    file: path,
    got:
      code === "unrecognized_keys"
        ? "a key that is not known"
        : `${key.map(String).join(".") || "the file"} of another type`,
    expected: Object.keys(file.shape).join(", "),
  });
}

/** A text from outside, with the key and whatever looks like one taken out. */
export function withoutSecrets(text: string, apiKey: string): string {
  const cut = apiKey === NO_KEY ? text : text.replaceAll(apiKey, "[key]");
  return cut
    .replaceAll(/\b(?:sk|pk|rk|key|token)-[\w*.-]{6,}/gi, "[key]")
    .replaceAll(/Bearer\s+[^\s"',]+/gi, "Bearer [key]");
}

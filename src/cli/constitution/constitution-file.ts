/** A constitution from its file, or attune's own. */
import type { Constitution } from "../../constitution/constitution.ts";
import { parseConstitution } from "../../constitution/constitution.ts";
import { DEFAULT_CONSTITUTION, DEFAULT_NAME } from "../../constitution/default-constitution.ts";
import { AttuneError } from "../../core/errors.ts";
import { readRegularText } from "../../text/regular-file.ts";

export interface ConstitutionText {
  constitution: Constitution;
  /** The file as written, for the run folder. */
  text: string;
}

/** @param path empty for attune's own. @throws AttuneError `config` with file and line */
export function loadConstitution(path: string): ConstitutionText {
  if (path === "")
    return {
      constitution: parseConstitution(DEFAULT_CONSTITUTION, DEFAULT_NAME),
      text: DEFAULT_CONSTITUTION,
    };
  const text = readText(path);
  return { constitution: parseConstitution(text, path), text };
}

/** @throws AttuneError `config` where the file cannot be read */
export function readText(path: string): string {
  try {
    return readRegularText(path, { code: "config" });
  } catch (cause) {
    if (cause instanceof AttuneError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new AttuneError(
      "config",
      missing ? "there is no such file" : "the file cannot be read as UTF-8 text",
      {
        file: path,
        cause,
        ...(missing ? { hint: "`attune constitution init` writes one to begin with" } : {}),
      },
    );
  }
}

/**
 * Data of a studio's project, whether the studio runs (it has the store open, and is asked) or not.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { AttuneError } from "../../core/errors.ts";
import { isStudioSource } from "../../data/files.ts";
import {
  keepSnapshot,
  parseStudioSource,
  snapshotFile,
  studioSource,
  takeSnapshot,
  unknownProject,
} from "../../labelling/snapshots/snapshot.ts";
import { openStore, STUDIO_FOLDER } from "../../labelling/store/open.ts";
import { readRegularText } from "../../text/regular-file.ts";
import type { CommandContext } from "../command.ts";

/** Of whoever begins a command for a studio that lies elsewhere. */
export const FOLDER_VARIABLE = "ATTUNE_STUDIO_FOLDER";
const studioFolder = (): string => process.env[FOLDER_VARIABLE] ?? STUDIO_FOLDER;

type Context = Pick<CommandContext, "reporter" | "signal">;

/** The file of `studio:PROJECT`, as it is now, or of a snapshot. */
export async function studioFile(source: string, context: Context): Promise<string> {
  const { slug, hash } = parseStudioSource(await pinned(source, context));
  return snapshotFile(studioFolder(), { slug, hash: hash! });
}

/** `studio:PROJECT` with the hash of a snapshot that is taken now; anything else as it is. */
export async function pinned(source: string, { reporter, signal }: Context): Promise<string> {
  if (!isStudioSource(source)) return source;
  const { slug, hash } = parseStudioSource(source);
  if (hash !== undefined) return source;
  const folder = studioFolder();
  const taken = (await askStudio(folder, slug, signal)) ?? (await fromStore(folder, slug));
  const name = studioSource({ slug, hash: taken });
  reporter.note(`${source}: the labels of now are kept as ${name}`);
  return name;
}

/** Options with every `studio:PROJECT` named by its snapshot. */
export async function pinnedValues(
  values: Readonly<Record<string, unknown>>,
  context: Context,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  let changed = false;
  const pin = async (value: unknown): Promise<unknown> => {
    if (Array.isArray(value)) {
      const list: unknown[] = [];
      for (const each of value) list.push(await pin(each));
      return list;
    }
    if (typeof value !== "string" || !isStudioSource(value)) return value;
    const name = await pinned(value, context);
    changed ||= name !== value;
    return name;
  };
  const fresh: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) fresh[name] = await pin(value);
  return changed ? fresh : undefined;
}

const runningSchema = z.object({ url: z.url(), token: z.string() });
const listSchema = z.array(z.object({ slug: z.string() }));

/** @returns the snapshot's hash; undefined where no studio runs */
async function askStudio(
  folder: string,
  slug: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const file = join(folder, "studio.json");
  if (!existsSync(file)) return undefined;
  const parsed = runningSchema.safeParse(jsonOf(readRegularText(file, { code: "run" })));
  if (!parsed.success) return undefined;
  const { url, token } = parsed.data;
  const opened = await fetch(`${url}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
    signal,
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    // a studio that was killed leaves its file behind
    if (error instanceof TypeError) return undefined;
    throw error;
  });
  if (opened?.ok !== true) return undefined;
  const cookie = opened.headers.get("set-cookie")?.split(";")[0] ?? "";
  const ask = (path: string, method = "GET"): Promise<Response> =>
    fetch(`${url}${path}`, { method, headers: { cookie }, signal });
  try {
    const reply = await ask(`/api/projects/${slug}/export`);
    if (reply.status === 404) {
      const projects = listSchema.parse(await (await ask("/api/projects")).json());
      throw unknownProject(slug, projects);
    }
    if (!reply.ok || reply.body === null) throw await refusal(reply, slug);
    return await keepSnapshot(folder, slug, reply.body as unknown as AsyncIterable<Uint8Array>);
  } finally {
    await ask("/api/session", "DELETE").catch(() => undefined);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const refusalSchema = z.object({ error: z.object({ message: z.string() }) });

async function refusal(reply: Response, slug: string): Promise<AttuneError> {
  const parsed = refusalSchema.safeParse(jsonOf(await reply.text()));
  return new AttuneError("data", "the studio gives no labels of this project", {
    got: `${slug}: ${parsed.success ? parsed.data.error.message : `status ${reply.status}`}`,
  });
}

async function fromStore(folder: string, slug: string): Promise<string> {
  const databaseUrl = process.env["DATABASE_URL"] ?? "";
  if (databaseUrl === "" && !existsSync(join(folder, "store")))
    throw new AttuneError("data", "there is no studio here", {
      file: folder,
      got: `studio:${slug}`,
      hint: `run this where \`attune studio\` was begun, or name its folder in ${FOLDER_VARIABLE}`,
    });
  const database = await openStore({ folder, databaseUrl });
  try {
    return await takeSnapshot(database, folder, slug);
  } finally {
    await database.close();
  }
}

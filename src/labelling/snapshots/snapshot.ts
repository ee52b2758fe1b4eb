/**
 * `studio:PROJECT` as data: the labels of now, in a file that is named by its content and never
 * changes. `studio:PROJECT@HASH` is that file again, whatever was judged since.
 */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { AttuneError } from "../../core/errors.ts";
import { writeAll, writeError } from "../../data/writers/atomic.ts";
import { exportFile, removeExport } from "../exchange/export-file.ts";
import { WHOLE } from "../exchange/export-rows.ts";
import { KIND_NAMES } from "../kinds/index.ts";
import type { Database } from "../store/database.ts";
import { select } from "../store/database.ts";

export interface StudioSource {
  readonly slug: string;
  /** Beginning of the content's SHA-256; the labels of now where left out. */
  readonly hash?: string;
}

const PREFIX = "studio:";
const FORM = /^studio:([a-z0-9][a-z0-9-]{0,59})(?:@([0-9a-f]{16}))?$/;
const HASH_DIGITS = 16;

/** @throws AttuneError `data` for another form */
export function parseStudioSource(source: string): StudioSource {
  const [, slug, hash] = FORM.exec(source) ?? [];
  if (slug === undefined)
    throw new AttuneError("data", "this names no project of the studio", {
      got: source,
      expected: "studio:PROJECT, as in the address of the project's page",
    });
  return { slug, ...(hash === undefined ? {} : { hash }) };
}

export const studioSource = ({ slug, hash }: StudioSource): string =>
  `${PREFIX}${slug}${hash === undefined ? "" : `@${hash}`}`;

const folderOf = (folder: string): string => join(folder, "snapshots");
const fileOf = (folder: string, slug: string, hash: string): string =>
  join(folderOf(folder), `${slug}-${hash}.jsonl`);

/**
 * Where a snapshot lies.
 * @param folder of the studio
 * @throws AttuneError `data` where it is not there
 */
export function snapshotFile(
  folder: string,
  { slug, hash }: { slug: string; hash: string },
): string {
  const path = fileOf(folder, slug, hash);
  if (existsSync(path)) return path;
  throw new AttuneError("data", "this snapshot of a project is not here", {
    file: path,
    got: studioSource({ slug, hash }),
    hint: `run it in the folder where it was made, or take the labels of now: studio:${slug}`,
  });
}

/** Keeps bytes as a snapshot, once. @returns its hash */
export async function keepSnapshot(
  folder: string,
  slug: string,
  chunks: AsyncIterable<Uint8Array | string>,
): Promise<string> {
  const place = folderOf(folder);
  mkdirSync(place, { recursive: true, mode: 0o700 });
  const temporary = join(place, `.tmp-${randomBytes(6).toString("hex")}`);
  const digest = createHash("sha256");
  try {
    await writeAll(
      temporary,
      (async function* () {
        for await (const chunk of chunks) {
          digest.update(chunk);
          yield chunk;
        }
      })(),
    );
    const hash = digest.digest("hex").slice(0, HASH_DIGITS);
    const path = fileOf(folder, slug, hash);
    if (!existsSync(path)) renameSync(temporary, path);
    return hash;
  } catch (error) {
    throw writeError(error, place);
  } finally {
    rmSync(temporary, { force: true });
  }
}

const projectRow = z.object({ id: z.number(), slug: z.string(), kind: z.enum(KIND_NAMES) });

/** Takes a snapshot out of an open store. @returns its hash */
export async function takeSnapshot(
  database: Database,
  folder: string,
  slug: string,
): Promise<string> {
  const projects = await select(
    database,
    projectRow,
    "SELECT id, slug, kind FROM projects ORDER BY slug",
  );
  const project = projects.find((each) => each.slug === slug);
  if (project === undefined) throw unknownProject(slug, projects);
  const place = folderOf(folder);
  mkdirSync(place, { recursive: true, mode: 0o700 });
  const exported = await exportFile(database, {
    project,
    filter: WHOLE,
    format: "attune",
    as: "jsonl",
    folder: place,
  });
  try {
    return await keepSnapshot(folder, slug, createReadStream(exported.path));
  } finally {
    removeExport(exported);
  }
}

export const unknownProject = (
  slug: string,
  projects: readonly { readonly slug: string }[],
): AttuneError =>
  new AttuneError("data", "the studio has no such project", {
    got: slug,
    ...(projects.length === 0
      ? { hint: "begin one: attune studio" }
      : { expected: projects.map((each) => each.slug).join(", ") }),
  });

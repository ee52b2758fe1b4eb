/** Files that come into a project, and files that go out of it. */
import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { defaultConstitution } from "../../constitution/default-constitution.ts";
import { AttuneError } from "../../core/errors.ts";
import { DATA_ENDINGS, isDataFile } from "../../data/readers/read-rows.ts";
import { exportFile, removeExport } from "../../labelling/exchange/export-file.ts";
import type { Exported } from "../../labelling/exchange/export-file.ts";
import { importFile } from "../../labelling/exchange/import-file.ts";
import { describeExport, exportData, importData } from "../api/projects.ts";
import type { RequestOf } from "../api/route.ts";
import { handle } from "../http/handler.ts";
import type { CallContext } from "../http/handler.ts";
import { projectOf } from "./project-of.ts";

const TYPES = {
  jsonl: "application/jsonl",
  json: "application/json",
  csv: "text/csv",
  parquet: "application/octet-stream",
} as const;

const words = (text: string | undefined): string[] =>
  (text ?? "").split(",").flatMap((word) => (word.trim() === "" ? [] : [word.trim()]));

/** A name without folders, and without anything that a file system may not like. */
export const plainName = (name: string): string =>
  basename(name.replaceAll("\\", "/"))
    .replaceAll(/[^\w.-]+/g, "_")
    .replace(/^\.+/, "")
    .slice(-120);

/** @returns where the file lies, in a folder of its own */
async function receive({ studio, upload, signal }: CallContext, name: string): Promise<string> {
  const folder = join(studio.folder, "uploads", randomUUID());
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, plainName(name));
  try {
    await pipeline(upload, createWriteStream(path, { flags: "wx", mode: 0o600 }), { signal });
    return path;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Of a critique: the project's own, else those of the default constitution. */
const principlesOf = (own: readonly string[]): readonly string[] =>
  own.length > 0 ? own : defaultConstitution().principles.flatMap(({ critique }) => critique ?? []);

async function bringIn({ query }: RequestOf<typeof importData>, context: CallContext) {
  const { name, format, columns, ignore, as, judgements, bad } = query;
  const { id, kind, settings } = await projectOf(context);
  if (!isDataFile(plainName(name)))
    throw new AttuneError("data", "this kind of file is not read", {
      file: name,
      expected: DATA_ENDINGS,
    });
  const path = await receive(context, name);
  try {
    return await importFile(context.studio.database, {
      project: { id, kind },
      principles: principlesOf(settings.principles),
      path,
      name,
      as,
      judgements,
      onBad: bad,
      reading: {
        columns: words(columns),
        ignoreColumns: words(ignore),
        ...(format === undefined ? {} : { format }),
      },
      signal: context.signal,
    });
  } finally {
    rmSync(join(path, ".."), { recursive: true, force: true });
  }
}

async function takeOut(
  { query }: Pick<RequestOf<typeof exportData>, "query">,
  context: CallContext,
): Promise<Exported> {
  const { format, as, ...filter } = query;
  const { id, slug, kind } = await projectOf(context);
  const folder = join(context.studio.folder, "exports");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return exportFile(context.studio.database, {
    project: { id, slug, kind },
    filter,
    format,
    as,
    folder,
  });
}

export const exchangeHandlers = [
  handle(importData, bringIn),
  handle(describeExport, async (request, context) => {
    const exported = await takeOut(request, context);
    removeExport(exported);
    return { rows: exported.rows, notes: [...exported.notes] };
  }),
  handle(exportData, async (request, context) => {
    const { format, as, what } = request.query;
    const exported = await takeOut(request, context);
    const body = createReadStream(exported.path);
    body.once("close", () => removeExport(exported));
    return {
      name: `${context.membership.slug}-${what}${format === "attune" ? "" : `-${format}`}.${as}`,
      type: TYPES[as],
      body,
    };
  }),
];

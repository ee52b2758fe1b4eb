/**
 * Checkpoints of a run: folders `step-000123`, complete or absent. Each holds `manifest.json` with
 * the size and SHA-256 of every file, so a half-written or damaged one is recognised and passed
 * over. Nothing in a checkpoint depends on the clock: equal runs have equal bytes.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { z } from "zod";
import { AttuneError } from "../core/errors.ts";
import { numberFromJson, parseJson, stringifyJson } from "../core/json.ts";
import {
  diskError,
  filesBelow,
  type FolderFile,
  hashFolder,
  isDiskFull,
  isTemporaryName,
  makeFolder,
  publishFolder,
  readWholeFile,
  removeFolder,
  removeTemporary,
  writeFileAtomic,
} from "./files.ts";
import { isBetter } from "./metrics.ts";

const MANIFEST = "manifest.json";

/** What the best checkpoint is chosen by. */
export interface Score {
  /** A metric with a good direction, usually with the prefix `eval_`. */
  readonly metric: string;
  readonly value: number;
}

export interface Checkpoint {
  /** Optimiser steps done. */
  readonly step: number;
  readonly folder: string;
  /** Length of metrics.jsonl when it was saved: a resumed run goes on from there. */
  readonly metricsBytes: number;
  readonly score: Score | undefined;
  /** Saved because the run was interrupted; goes away when the next one is saved. */
  readonly temporary: boolean;
}

export interface SkippedCheckpoint {
  readonly folder: string;
  readonly reason: string;
}

export interface SaveOptions {
  readonly score?: Score;
  readonly temporary?: boolean;
}

const manifestSchema = z.object({
  schema: z.literal(1),
  step: z.int().min(0),
  metricsBytes: z.int().min(0),
  score: z
    .object({
      metric: z.string(),
      value: z.unknown().transform((value) => numberFromJson(value) ?? NaN),
    })
    .optional(),
  temporary: z.boolean(),
  files: z.record(z.string(), z.object({ bytes: z.int().min(0), sha256: z.string() })),
});

type Manifest = z.output<typeof manifestSchema>;

export class Checkpoints {
  private readonly folder: string;
  private readonly keepLast: number;

  /** @param keepLast how many of the newest to keep, besides the best; 0 for all */
  constructor(folder: string, keepLast: number) {
    this.folder = folder;
    this.keepLast = keepLast === 0 ? Infinity : keepLast;
  }

  /**
   * Saves a checkpoint and then deletes those that are no longer wanted.
   * @param write puts the files into the folder it is given
   * @throws AttuneError `disk`, naming the last good checkpoint; nothing half-written remains
   */
  async save(
    step: number,
    write: (folder: string) => Promise<void>,
    options: SaveOptions & { metricsBytes: number },
  ): Promise<Checkpoint> {
    const folder = join(this.folder, `step-${String(step).padStart(6, "0")}`);
    const { metricsBytes, score, temporary = false } = options;
    const existing = this.list().find((checkpoint) => checkpoint.step === step);
    // the interruption came right after a regular checkpoint
    if (temporary && existing) return existing;
    try {
      makeFolder(this.folder);
      const seal = (draft: string, files: Record<string, FolderFile>): void => {
        const manifest: Manifest = { schema: 1, step, metricsBytes, score, temporary, files };
        writeFileAtomic(join(draft, MANIFEST), `${stringifyJson(manifest, 2)}\n`);
      };
      await publishFolder(folder, write, { seal });
    } catch (error) {
      throw this.saveError(error, step, folder);
    }
    const checkpoint = { step, folder, metricsBytes, score, temporary };
    this.prune();
    return checkpoint;
  }

  /** All complete checkpoints by step, with sizes checked and contents not. */
  list(): Checkpoint[] {
    return this.scan().checkpoints;
  }

  /** What is no checkpoint or not a whole one, by its sizes, and why. */
  skipped(): SkippedCheckpoint[] {
    return this.scan().skipped;
  }

  /**
   * The newest checkpoint that is intact, and what had to be passed over to find it.
   * @param metricsBytes length of metrics.jsonl: a checkpoint that needs more of it cannot be gone
   * on from
   */
  async latest(
    metricsBytes: number,
  ): Promise<{ checkpoint: Checkpoint | undefined; skipped: SkippedCheckpoint[] }> {
    const { checkpoints, skipped } = this.scan();
    for (const checkpoint of checkpoints.toReversed()) {
      const short = checkpoint.metricsBytes > metricsBytes;
      const reason = short
        ? "metrics.jsonl ends before it"
        : await contentProblem(checkpoint.folder);
      if (reason === undefined) return { checkpoint, skipped };
      skipped.push({ folder: checkpoint.folder, reason });
    }
    return { checkpoint: undefined, skipped };
  }

  /** The one with the best score; the earliest among equals; undefined where none has a score. */
  best(): Checkpoint | undefined {
    return bestOf(this.list());
  }

  /**
   * Deletes everything but the newest `keepLast`, the best, and a temporary one that is the newest
   * of all.
   */
  prune(): void {
    const all = this.list();
    const regular = all.filter(({ temporary }) => !temporary);
    const keep = new Set([...regular.slice(-this.keepLast), bestOf(regular), all.at(-1)]);
    for (const checkpoint of all) {
      if (!keep.has(checkpoint)) removeFolder(checkpoint.folder);
    }
  }

  /** Deletes what an interruption saved: an uninterrupted run would not have it. */
  removeTemporary(): void {
    for (const { temporary, folder } of this.list()) if (temporary) removeFolder(folder);
  }

  /** Removes half-written folders of killed writers. */
  clean(): void {
    removeTemporary(this.folder);
  }

  private scan(): { checkpoints: Checkpoint[]; skipped: SkippedCheckpoint[] } {
    const checkpoints: Checkpoint[] = [];
    const skipped: SkippedCheckpoint[] = [];
    for (const name of existsSync(this.folder) ? readdirSync(this.folder) : []) {
      if (isTemporaryName(name)) continue;
      const folder = join(this.folder, name);
      const manifest = readManifest(folder);
      const reason = typeof manifest === "string" ? manifest : sizeProblem(folder, manifest);
      if (typeof manifest === "string" || reason !== undefined)
        skipped.push({ folder, reason: reason ?? "unreadable" });
      else
        checkpoints.push({
          folder,
          step: manifest.step,
          metricsBytes: manifest.metricsBytes,
          score: manifest.score,
          temporary: manifest.temporary,
        });
    }
    return { checkpoints: checkpoints.toSorted((a, b) => a.step - b.step), skipped };
  }

  private saveError(error: unknown, step: number, folder: string): unknown {
    // an error of the trainer's own (a NaN, an abort) keeps its name
    if (!isDiskFull(error) && !(error instanceof AttuneError && error.code === "disk"))
      return error;
    const good = this.list().at(-1);
    const kept =
      good === undefined
        ? "no checkpoint was saved before"
        : `the last good checkpoint is step ${good.step}`;
    const cause = diskError(error, "", folder).details.cause;
    return new AttuneError(
      "disk",
      `the checkpoint of step ${step} cannot be ` +
        `saved${isDiskFull(error) ? ": the disk is full" : ""}`,
      {
        file: folder,
        got: cause instanceof Error ? cause.message : String(cause),
        hint: `${kept}; free some space, then \`attune resume\` goes on from it`,
        cause,
      },
    );
  }
}

function bestOf(checkpoints: readonly Checkpoint[]): Checkpoint | undefined {
  let best: Checkpoint | undefined;
  for (const checkpoint of checkpoints) {
    if (
      checkpoint.score &&
      isBetter(checkpoint.score.metric, checkpoint.score.value, best?.score?.value)
    )
      best = checkpoint;
  }
  return best;
}

/** The manifest, or why there is none. */
function readManifest(folder: string): Manifest | string {
  let text: string;
  try {
    text = readWholeFile(join(folder, MANIFEST));
  } catch {
    return "it has no manifest.json";
  }
  try {
    const result = manifestSchema.safeParse(parseJson(text));
    return result.success ? result.data : "its manifest.json is not one of this version";
  } catch {
    return "its manifest.json is not JSON";
  }
}

/**
 * Compares names and sizes with the manifest. Only names found in the folder are opened, never
 * names from the manifest.
 */
function sizeProblem(folder: string, manifest: Manifest): string | undefined {
  const found = filesBelow(folder)
    .map((path) => relative(folder, path).split(sep).join("/"))
    .filter((name) => name !== MANIFEST);
  const missing = Object.keys(manifest.files).find((name) => !found.includes(name));
  if (missing !== undefined) return `${missing} is missing`;
  for (const name of found) {
    const expected = Object.hasOwn(manifest.files, name) ? manifest.files[name] : undefined;
    if (expected === undefined) return `${name} is not in its manifest`;
    const { size } = statSync(join(folder, name));
    if (size !== expected.bytes) return `${name} has ${size} bytes instead of ${expected.bytes}`;
  }
  return undefined;
}

/** What of a checkpoint's content is not what was saved; undefined where all is. */
export async function contentProblem(folder: string): Promise<string | undefined> {
  const manifest = readManifest(folder);
  if (typeof manifest === "string") return manifest;
  const files: Record<string, FolderFile> = await hashFolder(folder);
  const changed = Object.entries(manifest.files).find(
    ([name, { sha256 }]) => files[name]?.sha256 !== sha256,
  );
  return changed === undefined ? undefined : `the content of ${changed[0]} does not match its hash`;
}

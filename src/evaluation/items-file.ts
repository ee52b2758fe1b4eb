/**
 * items.jsonl, beside findings.json: a line for each item, with what it scored on every measure
 * that is a mean of items. Findings hold intervals alone, which lose the pairing of runs.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { AttuneError, preview } from "../core/errors.ts";
import { stringifyJson } from "../core/json.ts";
import { writeFileAtomic } from "../runs/files.ts";
import { readJsonLines } from "../runs/json-lines.ts";
import type { Findings } from "./findings.ts";
import { measuresOf } from "./findings.ts";
import type { ItemScore } from "./items.ts";
import { shortHash } from "./items.ts";

export const ITEMS_FILE = "items.jsonl";

/** Characters of what is asked, enough to know it again. */
const TEXT = 80;

const lineSchema = z.strictObject({
  key: z.string(),
  cluster: z.string(),
  text: z.string(),
  /** By the id of the measure. */
  scores: z.record(z.string(), z.number()),
});
type Line = z.infer<typeof lineSchema>;

/** Writes nothing where no measure is a mean of items. */
export function writeItems(folder: string, findings: Pick<Findings, "findings">): void {
  const lines = linesOf(findings);
  if (lines.length > 0)
    writeFileAtomic(
      join(folder, ITEMS_FILE),
      lines.map((line) => `${stringifyJson(line)}\n`).join(""),
    );
}

function linesOf(findings: Pick<Findings, "findings">): Line[] {
  const lines = new Map<string, Line>();
  for (const { id, items = [] } of measuresOf(findings)) {
    const seen = new Map<string, number>();
    for (const { item, score } of items) {
      const count = (seen.get(item.key) ?? 0) + 1;
      seen.set(item.key, count);
      // what is asked twice is two items, of one key in every run
      const key = count === 1 ? item.key : `${item.key}-${count}`;
      const cluster = shortHash(item.cluster);
      const line = lines.get(`${key} ${cluster}`);
      if (line) line.scores[id] = score;
      else
        lines.set(`${key} ${cluster}`, {
          key,
          cluster,
          text: item.text.slice(0, TEXT),
          scores: { [id]: score },
        });
    }
  }
  return [...lines.values()];
}

/**
 * Scores by the id of the measure; clusters have other names than when they were written.
 * @returns undefined where the folder keeps none
 * @throws AttuneError `data` where the file is not what {@link writeItems} writes
 */
export function readItems(folder: string): ReadonlyMap<string, readonly ItemScore[]> | undefined {
  const file = join(folder, ITEMS_FILE);
  if (!existsSync(file)) return undefined;
  const found = new Map<string, ItemScore[]>();
  for (const [i, record] of readJsonLines(file).entries()) {
    const line = lineSchema.safeParse(record);
    if (!line.success)
      throw new AttuneError("data", "what items scored cannot be read", {
        file,
        row: i + 1,
        got: preview(record),
        expected: "what `attune eval` writes: key, cluster, text, scores",
        hint: `without ${ITEMS_FILE} the findings are read alone`,
      });
    const { scores, ...item } = line.data;
    for (const [id, score] of Object.entries(scores)) {
      const own = found.get(id) ?? [];
      own.push({ item, score });
      found.set(id, own);
    }
  }
  return found;
}

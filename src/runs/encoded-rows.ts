/**
 * What the rows of a run look like in ids. It is kept with the run, and a run that goes on must
 * find the same: another template, another date in it, or an encoder that works differently would
 * mix two data sets.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";

export const encodedRowsSchema = z.object({
  rows: z.number(),
  tokens: z.number(),
  hash: z.string(),
});
export type EncodedRows = z.output<typeof encodedRowsSchema>;

/**
 * Over ids and masks, wherever they stand in the rows; what was computed from them does not count.
 */
export function hashRows(rows: readonly unknown[], more = ""): EncodedRows {
  const hash = createHash("sha256").update(more);
  let tokens = 0;
  const add = (value: unknown): void => {
    if (value instanceof Int32Array || value instanceof Uint8Array) {
      if (value instanceof Int32Array) tokens += value.length;
      hash
        .update(`${value.length} `)
        .update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    } else if (Array.isArray(value)) {
      hash.update(`[${value.length}`);
      for (const each of value) add(each);
    } else if (value !== null && typeof value === "object" && !ArrayBuffer.isView(value)) {
      for (const each of Object.values(value)) add(each);
    }
  };
  add(rows);
  return { rows: rows.length, tokens, hash: hash.digest("hex") };
}

/** @throws AttuneError `run` where a run would go on with other rows than it began with */
export function refuseOtherRows(file: string, before: EncodedRows, now: EncodedRows): void {
  if (now.hash === before.hash) return;
  const words = ({ rows, tokens, hash }: EncodedRows): string =>
    `${countOf(rows, "row")}, ${countOf(tokens, "token")}, ${hash.slice(0, 12)}`;
  throw new AttuneError("run", "the rows are encoded differently from when the run began", {
    file,
    got: words(now),
    expected: words(before),
    hint:
      "put the tokenizer, the chat template and its arguments back, use the version of attune " +
      "that began the run, or begin a new one",
  });
}

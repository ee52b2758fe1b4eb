/**
 * Lays token sequences out for attention: plain rows, several documents packed into one row, and
 * pairs that share the prompt (prompt, chosen, rejected in one row, so that the prompt is computed
 * once: 2(P+R) tokens become P+2R).
 *
 * Source of the shared prefix: Wang and Hegde 2024 (prefix sharing for DPO).
 */
import type { HostTensor } from "../core/tensor.ts";
import { int64, zeros } from "../core/tensor.ts";
import type { TokenBatch } from "../models/plans/plan.ts";
import { HIDDEN } from "../models/plans/plan.ts";

/** A token that is read: its log-probability is taken at row index `row` of the sequence. */
export interface Read {
  row: number;
  target: number;
  /** Index of the sequence (answer) that it belongs to, within its row. */
  sequence: number;
}

/** One row of a batch. All arrays have one entry a token. */
export interface LaidRow {
  ids: Int32Array;
  /** Position within the text that the token belongs to. */
  positions: Int32Array;
  /** A token sees what lies between this index and itself ... */
  branchStart: Int32Array;
  /**
   * ... and the tokens before this index that belong to its prefix, which begins at `prefixStart`.
   */
  prefixEnd: Int32Array;
  prefixStart: Int32Array;
  reads: Read[];
  /** Number of sequences. */
  sequences: number;
}

function emptyRow(length: number, sequences: number): LaidRow {
  const make = (): Int32Array => new Int32Array(length);
  return {
    ids: make(),
    positions: make(),
    branchStart: make(),
    prefixEnd: make(),
    prefixStart: make(),
    reads: [],
    sequences,
  };
}

/** A text alone in its row, read where the next token is supervised. */
export function layExample(example: { ids: Int32Array; supervised: Uint8Array }): LaidRow {
  return packExamples([example]);
}

/** A text alone in its row, read at its last token. */
export function layAtEnd(ids: Int32Array): LaidRow {
  const row = layExample({ ids, supervised: new Uint8Array(ids.length) });
  return { ...row, reads: [{ row: ids.length - 1, target: 0, sequence: 0 }] };
}

/** Several texts in one row, which do not see each other. */
export function packExamples(
  examples: readonly { ids: Int32Array; supervised: Uint8Array }[],
): LaidRow {
  const row = emptyRow(
    examples.reduce((total, { ids }) => total + ids.length, 0),
    examples.length,
  );
  let start = 0;
  examples.forEach(({ ids, supervised }, sequence) => {
    row.ids.set(ids, start);
    for (let i = 0; i < ids.length; i++) {
      row.positions[start + i] = i;
      row.branchStart[start + i] = start;
      if (i + 1 < ids.length && supervised[i + 1])
        row.reads.push({ row: start + i, target: ids[i + 1]!, sequence });
    }
    start += ids.length;
  });
  return row;
}

/**
 * A prompt once, then each answer, which sees the prompt and itself.
 * @param supervised where a token of an answer is read; everywhere where left out
 */
export function layShared(
  prompt: Int32Array,
  answers: readonly Int32Array[],
  supervised?: readonly Uint8Array[],
): LaidRow {
  const row = emptyRow(
    answers.reduce((total, answer) => total + answer.length, prompt.length),
    answers.length,
  );
  row.ids.set(prompt);
  prompt.forEach((_, i) => (row.positions[i] = i));
  let start = prompt.length;
  answers.forEach((answer, sequence) => {
    row.ids.set(answer, start);
    answer.forEach((target, i) => {
      row.positions[start + i] = prompt.length + i;
      row.branchStart[start + i] = start;
      row.prefixEnd[start + i] = prompt.length;
      if (supervised?.[sequence]![i] !== 0)
        row.reads.push({ row: i === 0 ? prompt.length - 1 : start + i - 1, target, sequence });
    });
    start += answer.length;
  });
  return row;
}

/**
 * A prompt once, then each answer, which is read at its last token.
 * @param answers none of them empty
 */
export function layAnswersAtEnd(prompt: Int32Array, answers: readonly Int32Array[]): LaidRow {
  const row = layShared(prompt, answers);
  let end = prompt.length - 1;
  return {
    ...row,
    reads: answers.map(({ length }, sequence) => ({ row: (end += length), target: 0, sequence })),
  };
}

/** Reads the prompt of such a row too, as its last sequence. */
export function withPromptReads(row: LaidRow, promptLength: number): LaidRow {
  const prompt = Array.from({ length: Math.max(0, promptLength - 1) }, (_, i): Read => ({
    row: i,
    target: row.ids[i + 1]!,
    sequence: row.sequences,
  }));
  return { ...row, reads: [...row.reads, ...prompt], sequences: row.sequences + 1 };
}

export interface LaidBatch {
  batch: TokenBatch;
  /** Sequence of each read, counted through the batch. */
  sequenceOfRead: HostTensor<"int64", readonly [number]>;
  /** Tokens without padding. */
  tokens: number;
}

/** Sums of the read log-probabilities by sequence. @param sequences of LaidBatch.sequenceOfRead */
export function sumBySequence(
  readout: Float32Array,
  sequences: HostTensor<"int64">,
  count: number,
): Float32Array {
  const sums = new Float64Array(count);
  sequences.data.forEach((sequence, read) => (sums[Number(sequence)]! += readout[read]!));
  return Float32Array.from(sums);
}

export interface BatchOptions {
  padId: number;
}

/** Joins rows into a batch, padded on the right to the longest. */
export function joinRows(rows: readonly LaidRow[], { padId }: BatchOptions): LaidBatch {
  const time = Math.max(...rows.map(({ ids }) => ids.length));
  const tokens = int64(
    [rows.length, time],
    new BigInt64Array(rows.length * time).fill(BigInt(padId)),
  );
  const positions = zeros("int64", [rows.length, time]);
  const bias = zeros("float32", [rows.length, 1, time, time]);
  const reads: Read[] = [];
  let sequence = 0;
  rows.forEach((row, index) => {
    row.ids.forEach((id, i) => (tokens.data[index * time + i] = BigInt(id)));
    row.positions.forEach((position, i) => (positions.data[index * time + i] = BigInt(position)));
    fillBias(bias.data.subarray(index * time * time, (index + 1) * time * time), row, time);
    for (const read of row.reads)
      reads.push({
        row: index * time + read.row,
        target: read.target,
        sequence: sequence + read.sequence,
      });
    sequence += row.sequences;
  });
  const vector = (pick: (read: Read) => number) => int64([reads.length], reads.map(pick));
  return {
    batch: {
      tokens,
      positions,
      bias,
      selected: vector((read) => read.row),
      targets: vector((read) => read.target),
    },
    sequenceOfRead: vector((read) => read.sequence),
    tokens: rows.reduce((total, { ids }) => total + ids.length, 0),
  };
}

/** 0 where query (row) may see key (column). Padding sees itself, so that no softmax is empty. */
function fillBias(bias: Float32Array, row: LaidRow, time: number): void {
  bias.fill(HIDDEN);
  for (let query = 0; query < time; query++) {
    const start = query * time;
    bias[start + query] = 0;
    if (query >= row.ids.length) continue;
    bias.fill(0, start + row.prefixStart[query]!, start + row.prefixEnd[query]!);
    bias.fill(0, start + row.branchStart[query]!, start + query + 1);
  }
}

/**
 * Groups items into micro-batches of at most `budget` padded tokens, the longest first, so that
 * rows of a batch are of similar length. One item always fits.
 */
export function groupByLength<T>(
  items: readonly T[],
  length: (item: T) => number,
  budget: number,
): T[][] {
  const groups: T[][] = [];
  for (const item of items.toSorted((a, b) => length(b) - length(a))) {
    const group = groups.at(-1);
    if (group && (group.length + 1) * length(group[0]!) <= budget) group.push(item);
    else groups.push([item]);
  }
  return groups;
}

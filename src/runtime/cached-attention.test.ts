/**
 * Cached attention over one buffer, as decoding uses it: rows of different lengths, prefill and
 * many steps, against the plain reference over the whole sequence at once. Pins onnxruntime-node
 * 1.30.0: the cache is extended in place.
 */
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { float32, int32, zeros } from "../core/tensor.ts";
import { difference } from "../graph/check/compare.ts";
import { at, build, fromHost } from "../graph/interpreter/plain.ts";
import type { PlainTensor } from "../graph/interpreter/plain.ts";
import { referenceOf } from "../graph/interpreter/references.ts";
import { createGraph } from "../graph/op-table.ts";
import type { OpAttributes } from "../graph/op-types.ts";
import { Session } from "./session.ts";

const SIZE = 16;
const ROOM = 24;
/**
 * What the cache holds before it is written, and padding: one read of it would spoil every result.
 */
const UNTOUCHED = NaN;

interface Setup {
  attributes: OpAttributes["cachedAttention"];
  lengths: readonly number[];
  steps: number;
}

const table = (wave: (x: number) => number): Float32Array =>
  Float32Array.from({ length: (ROOM * SIZE) / 2 }, (_, i) =>
    wave(Math.floor(i / 8) * 1e4 ** (-(i % 8) / 8)),
  );

async function createSession(attributes: OpAttributes["cachedAttention"]): Promise<Session> {
  const graph = createGraph();
  const { heads, keyValueHeads } = attributes;
  const [query, key, value] = [heads, keyValueHeads, keyValueHeads].map((count, i) =>
    graph.input(["query", "key", "value"][i]!, "float32", ["batch", "step", count * SIZE]),
  );
  const [pastKey, pastValue] = ["pastKey", "pastValue"].map((name) =>
    graph.input(name, "float32", ["batch", keyValueHeads, "cache", SIZE]),
  );
  const inputs = [
    query!,
    key!,
    value!,
    pastKey!,
    pastValue!,
    graph.input("lengths", "int32", ["batch"]),
    graph.input("total", "int32", [1]),
  ];
  const tables = attributes.rotary
    ? ["cosines", "sines"].map((name) => graph.input(name, "float32", ["table", SIZE / 2]))
    : [];
  const [mixed, keys, values] = graph.apply("cachedAttention", [...inputs, ...tables], attributes);
  return Session.create(graph, { mixed: mixed!, keys: keys!, values: values! }, { device: "cpu" });
}

/** Queries, keys and values of whole sequences, [B, T, count*D]. */
function sequences(rows: number, length: number, count: number, name: string): PlainTensor {
  const random = Random.for(1, name);
  return fromHost(
    float32(
      [rows, length, count * SIZE],
      random.fillNormal(new Float32Array(rows * length * count * SIZE)),
    ),
  );
}

interface Span {
  /** First position of each row. */
  firsts: readonly number[];
  count: number;
  /** Tokens of each row in all; what follows them is padding. */
  filled: readonly number[];
}

/** Tokens of each row from its own first position on. */
function tokensFrom(
  whole: PlainTensor,
  { firsts, count, filled }: Span,
): ReturnType<typeof float32> {
  const [rows, , width] = whole.shape as [number, number, number];
  const part = build("float32", [rows, count, width], ([row, step, i]) => {
    const position = firsts[row!]! + step!;
    return position < filled[row!]! ? at(whole, [row!, position, i!]) : UNTOUCHED;
  });
  return float32(part.shape, Float32Array.from(part.data));
}

/** Outputs [B, T, H*D] of attention over whole sequences, from the plain reference. */
function wholeAttention(
  attributes: OpAttributes["cachedAttention"],
  inputs: readonly PlainTensor[],
): PlainTensor {
  const [rows, length] = inputs[0]!.shape as [number, number];
  const empty = fromHost(zeros("float32", [rows, attributes.keyValueHeads, ROOM, SIZE]));
  const counts = [
    int32(
      [rows],
      Array.from({ length: rows }, () => length - 1),
    ),
    int32([1], [length]),
  ].map(fromHost);
  const tables = attributes.rotary
    ? [Math.cos, Math.sin].map((wave) => fromHost(float32([ROOM, SIZE / 2], table(wave))))
    : [];
  return referenceOf("cachedAttention")(
    [...inputs, empty, empty, ...counts, ...tables],
    attributes,
    () => [],
  )[0]!;
}

async function decode({ attributes, lengths, steps }: Setup): Promise<void> {
  const rows = lengths.length;
  const longest = Math.max(...lengths);
  const counts = [attributes.heads, attributes.keyValueHeads, attributes.keyValueHeads];
  const whole = counts.map((count, i) => sequences(rows, longest + steps, count, `input ${i}`));
  const expected = wholeAttention(attributes, whole);
  const session = await createSession(attributes);
  const caches = [0, 1].map(() =>
    float32(
      [rows, attributes.keyValueHeads, ROOM, SIZE],
      new Float32Array(rows * attributes.keyValueHeads * ROOM * SIZE).fill(UNTOUCHED),
    ),
  );
  const call = async (count: number, filled: readonly number[]): Promise<void> => {
    const firsts = count === 1 ? filled.map((length) => length - 1) : filled.map(() => 0);
    const [query, key, value] = whole.map((x) => tokensFrom(x, { firsts, count, filled }));
    const feeds = {
      query: query!,
      key: key!,
      value: value!,
      pastKey: caches[0]!,
      pastValue: caches[1]!,
      lengths: int32(
        [rows],
        filled.map((length) => length - 1),
      ),
      total: int32([1], [Math.max(...filled)]),
      cosines: float32([ROOM, SIZE / 2], table(Math.cos)),
      sines: float32([ROOM, SIZE / 2], table(Math.sin)),
    };
    const { mixed } = await session.run(feeds, { keys: caches[0]!, values: caches[1]! });
    const want = build("float32", mixed!.shape, ([row, step, i]) => {
      const position = firsts[row!]! + step!;
      return position < filled[row!]! ? at(expected, [row!, position, i!]) : NaN;
    });
    expect(difference(fromHost(mixed!), want, { tolerance: 1e-5, open: true })).toBeUndefined();
  };
  await call(longest, lengths);
  for (let step = 1; step <= steps; step++)
    await call(
      1,
      lengths.map((length) => length + step),
    );
  expectUntouched(
    caches[0]!.data,
    lengths.map((length) => length + steps),
    attributes.keyValueHeads,
  );
  await session.close();
}

/** Positions after the last real token hold nothing new, those up to it hold numbers. */
function expectUntouched(cache: Float32Array, written: readonly number[], heads: number): void {
  for (let head = 0; head < written.length * heads; head++) {
    const entries = cache.subarray(head * ROOM * SIZE, (head + 1) * ROOM * SIZE);
    const used = written[Math.floor(head / heads)]! * SIZE;
    expect(entries.subarray(used).every((entry) => Number.isNaN(entry))).toBe(true);
    expect(entries.subarray(0, used).includes(UNTOUCHED)).toBe(false);
  }
}

const grouped = { heads: 4, keyValueHeads: 2 };

describe("decoding over a cache in place equals attention over the whole sequence", () => {
  test("one row", () =>
    decode({ attributes: { ...grouped, rotary: true, window: 0 }, lengths: [5], steps: 6 }));
  test("rows of different lengths", () =>
    decode({
      attributes: { ...grouped, rotary: true, window: 0 },
      lengths: [3, 7, 1, 5],
      steps: 6,
    }));
  test("without rotation", () =>
    decode({ attributes: { ...grouped, rotary: false, window: 0 }, lengths: [3, 7, 1], steps: 4 }));
  test("a sliding window shorter than the prompts", () =>
    decode({ attributes: { ...grouped, rotary: true, window: 3 }, lengths: [3, 7, 1], steps: 6 }));
  test("a sliding window that is reached while decoding", () =>
    decode({ attributes: { ...grouped, rotary: true, window: 8 }, lengths: [3, 7, 1], steps: 6 }));
  test("prompts of one token", () =>
    decode({ attributes: { ...grouped, rotary: true, window: 0 }, lengths: [1, 1], steps: 3 }));
  test("as many key heads as heads", () =>
    decode({
      attributes: { heads: 3, keyValueHeads: 3, rotary: true, window: 0 },
      lengths: [2, 4],
      steps: 3,
    }));
  test("until the cache is full", () =>
    decode({
      attributes: { ...grouped, rotary: true, window: 0 },
      lengths: [4, 6],
      steps: ROOM - 6,
    }));
});

describe("what ONNX Runtime refuses", () => {
  const feedsFor = (
    rows: number,
    count: number,
    lengths: number[],
    total: number,
  ): Record<string, ReturnType<typeof float32> | ReturnType<typeof int32>> => ({
    query: zeros("float32", [rows, count, 64]),
    key: zeros("float32", [rows, count, 32]),
    value: zeros("float32", [rows, count, 32]),
    pastKey: zeros("float32", [rows, 2, ROOM, SIZE]),
    pastValue: zeros("float32", [rows, 2, ROOM, SIZE]),
    lengths: int32([rows], lengths),
    total: int32([1], [total]),
  });

  test("several tokens on a filled cache in a batch of rows", async () => {
    const session = await createSession({ ...grouped, rotary: false, window: 0 });
    await expect(session.run(feedsFor(2, 3, [6, 6], 7))).rejects.toThrow(/batch_size must be 1/);
    await expect(session.run(feedsFor(1, 3, [6], 7))).resolves.toBeDefined();
  });
});

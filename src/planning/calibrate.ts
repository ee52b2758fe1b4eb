/**
 * What this machine can do, measured in a few seconds: the product of two large matrices, and
 * reading memory.
 */
import { Random } from "../core/random.ts";
import { float32, zeros } from "../core/tensor.ts";
import { matmul, sum } from "../graph/build.ts";
import { createGraph } from "../graph/op-table.ts";
import { watchOthers } from "../runtime/other-work.ts";
import { Session } from "../runtime/session.ts";

export interface Machine {
  /** Operations a second of a 2048-cubed float32 product. */
  rate: number;
  /** Bytes a second at which memory is read. */
  bandwidth: number;
  /** Operations a second in the slower of two measurements. */
  slowerRate: number;
  slowerBandwidth: number;
  /** Share of all processors that others used meanwhile, 0 to 1. */
  others: number;
}

const SIZE = 2048;
const ROWS = 128;
const COLUMNS = 2 ** 19;

/**
 * Seconds of the fastest of a few runs, the first left out: other work can only slow a run down.
 */
async function fastest(runs: number, run: () => Promise<unknown>): Promise<number> {
  await run();
  let best = Infinity;
  for (let i = 0; i < runs; i++) {
    const began = performance.now();
    await run();
    best = Math.min(best, (performance.now() - began) / 1000);
  }
  return best;
}

async function productRate(): Promise<number> {
  const graph = createGraph();
  const [a, b] = ["a", "b"].map((name) => graph.input(name, "float32", [SIZE, SIZE]));
  const session = await Session.create(
    graph,
    { c: matmul(a!, b!) },
    { device: "cpu", label: "a large product" },
  );
  const matrix = (seed: number) =>
    float32([SIZE, SIZE], new Random(seed).fillNormal(new Float32Array(SIZE * SIZE)));
  const feeds = { a: matrix(1), b: matrix(2) };
  const into = { c: zeros("float32", [SIZE, SIZE]) };
  const seconds = await fastest(5, () => session.run(feeds, into));
  await session.close();
  return (2 * SIZE ** 3) / seconds;
}

async function readingRate(): Promise<number> {
  const graph = createGraph();
  const session = await Session.create(
    graph,
    { y: sum(graph.input("x", "float32", [ROWS, COLUMNS]), [1]) },
    { device: "cpu", label: "reading memory" },
  );
  const x = float32([ROWS, COLUMNS], new Float32Array(ROWS * COLUMNS).fill(1));
  const seconds = await fastest(4, () => session.run({ x }));
  await session.close();
  return x.data.byteLength / seconds;
}

/**
 * Above this share of the processors, or this difference of two measurements, a machine is called
 * busy.
 */
const BUSY = 0.1;

/** Measures everything twice, and keeps the faster: other work can only slow a measurement down. */
export async function calibrate(): Promise<Machine> {
  const others = watchOthers();
  const rates = [await productRate()];
  const bandwidths = [await readingRate()];
  rates.push(await productRate());
  bandwidths.push(await readingRate());
  return {
    rate: Math.max(...rates),
    bandwidth: Math.max(...bandwidths),
    slowerRate: Math.min(...rates),
    slowerBandwidth: Math.min(...bandwidths),
    others: others(),
  };
}

/** Why the measurements are not to be trusted, as a sentence; undefined where they are. */
export function busyNote({
  rate,
  bandwidth,
  slowerRate,
  slowerBandwidth,
  others,
}: Machine): string | undefined {
  const differ = (fast: number, slow: number): boolean => slow < (1 - BUSY) * fast;
  if (others <= BUSY && !differ(rate, slowerRate) && !differ(bandwidth, slowerBandwidth))
    return undefined;
  const giga = (value: number): string => (value / 1e9).toFixed(value < 1e11 ? 1 : 0);
  return (
    `the machine is busy: others used ${Math.round(100 * others)}% of its processors while it ` +
    `was measured, and two measurements gave ${giga(slowerRate)} and ${giga(rate)} GFLOP/s, ` +
    `${giga(slowerBandwidth)} and ${giga(bandwidth)} GB/s; a quiet machine may be faster`
  );
}

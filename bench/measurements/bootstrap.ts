/** 10,000 bootstrap replicates of 10,000 comparisons, against drawing each observation. */
import { Random } from "../../src/core/random.ts";
import { bootstrapMean } from "../../src/stats/bootstrap-mean.ts";
import type { Figure } from "../measure.ts";
import { disturbance, inTurns, median, ratios, rounded, seconds, spread } from "../measure.ts";

const COUNT = 10_000;
const REPLICATES = 10_000;

const random = new Random(1);
const outcomes = Array.from({ length: COUNT }, () => random.pick([0, 0.5, 1]));
const differences = Array.from({ length: COUNT }, () => random.normal());
/** Both orders of a prompt. */
const prompts = outcomes.map((_, i) => Math.floor(i / 2));

/** The plain loop: draws every unit of every replicate; sums and sizes lie in typed arrays. */
function drawEach(values: readonly number[], clusterSize: number): Float64Array {
  const units = values.length / clusterSize;
  const sums = new Float64Array(units);
  for (const [i, value] of values.entries()) sums[Math.floor(i / clusterSize)]! += value;
  const replicates = new Float64Array(REPLICATES);
  for (let r = 0; r < REPLICATES; r++) {
    let sum = 0;
    for (let i = 0; i < units; i++) sum += sums[random.integer(units)]!;
    replicates[r] = sum / values.length;
  }
  return replicates.toSorted();
}

const CASES = [
  { name: "bootstrap-outcomes", what: "wins, ties and losses", values: outcomes },
  { name: "bootstrap-clusters", what: "the same in pairs", values: outcomes, clusters: prompts },
  { name: "bootstrap-scores", what: "differences of scores", values: differences },
];

export async function bootstrap(rounds: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { name, what, values, clusters } of CASES) {
    const subject = (): Promise<number> =>
      seconds(async () => bootstrapMean(values, { random, resamples: REPLICATES, clusters }));
    const limit = (): Promise<number> =>
      seconds(async () => drawEach(values, clusters === undefined ? 1 : 2));
    await subject();
    await limit();
    const turns = await inTurns({ subject, limit, rounds });
    figures.push({
      name,
      title: `bootstrap of 10,000 comparisons, ${what}: time over that of a plain loop`,
      ratio: spread(ratios(turns.subject, turns.limit)),
      target: { atMost: 0.1 },
      details: {
        "interval ms": rounded(1e3 * median(turns.subject)),
        "plain ms": rounded(1e3 * median(turns.limit)),
        "others busy": disturbance(turns),
      },
    });
  }
  return figures;
}

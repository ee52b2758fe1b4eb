/**
 * Did a reward rise over the roll-outs? The slope of a line through them, whose errors hang
 * together: a policy that wanders carries its last place along, and a plain t of the slope then
 * finds rises that are not there (of level rewards with a memory of 0.9: in every third).
 *
 * The errors are taken as an autoregression of first order, up to a random walk. How much they
 * remember is bounded by what the line leaves, and the slope is held against the memory within that
 * bound under which chance makes the steepest slopes.
 *
 * Source: Berger and Boos (1994) for the largest p-value over a confidence set; null distributions
 * by simulation, as slope and memory depend on nothing else than the number of roll-outs (Dufour
 * 2006, Monte Carlo tests).
 */
import { Random } from "../../core/random.ts";
import type { Interval } from "../../stats/intervals.ts";
import { mean } from "../../stats/intervals.ts";

/** Over all of the roll-outs, from the line; one-sided, that it is not above 0. */
export type Rise = Interval & { pValue: number };

const ALPHA = 0.05;
/** Error of the bound of the memory, which the p-value has on top. */
const BOUND = 0.01;
/** Memories that are tried; 1 is a random walk. */
const MEMORIES = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1];
const SIMULATIONS = 999;
/** Fewer say nothing of how errors hang together. */
const FEWEST = 6;

/** @param values in order of time, at equal distances */
export function riseOver(values: readonly number[]): Rise {
  const n = values.length;
  const none = (estimate: number, noClaim: string): Rise => ({
    estimate,
    low: -Infinity,
    high: Infinity,
    n,
    noClaim,
    pValue: NaN,
  });
  if (n === 0) return none(NaN, "no roll-out since the peak");
  if (n < FEWEST)
    return none(values.at(-1)! - values[0]!, `fewer than ${FEWEST} roll-outs since the peak`);
  const { slope, error, memory } = lineThrough(values);
  const estimate = slope * (n - 1);
  if (!(error > 0)) return none(estimate, "the roll-outs lie on one line");
  const laws = plausible(n, memory);
  const t = slope / error;
  const worst = Math.max(...laws.map((law) => shareOf(law, (value) => value >= t)));
  const critical = Math.max(
    ...laws.map((law) => law.slopes.map(Math.abs).toSorted()[allowed(law.slopes.length)]!),
  );
  const half = critical * error * (n - 1);
  return {
    estimate,
    low: estimate - half,
    high: estimate + half,
    n,
    pValue: Math.min(1, worst + BOUND),
  };
}

/** Place, among sorted sizes, that no more than alpha less the bound are beyond. */
const allowed = (count: number): number => Math.ceil((1 - ALPHA + BOUND) * count) - 1;

/** What chance makes of level errors with one memory. */
interface NullLaw {
  /** The slope in its standard errors. */
  slopes: Float64Array;
  /** Autocorrelation of what the line leaves. */
  memories: Float64Array;
}

/** Laws of the memories under which what was left is no rare thing; that of none at least. */
function plausible(n: number, memory: number): NullLaw[] {
  const laws = lawsOf(n);
  const kept = laws.filter(
    ({ memories }) => memories.filter((value) => value <= memory).length > BOUND * SIMULATIONS,
  );
  return kept.length > 0 ? kept : [laws[0]!];
}

/** Memories that a law's intervals reckon with are beyond what was left in so many of 100. */
const CAUTION = 0.2;

/**
 * How much of one value's error the next one keeps, rather too much than too little: the largest
 * memory under which a fifth of what chance makes remembers no more than these values.
 */
export function memoryOf(values: readonly number[]): number {
  const { memory } = lineThrough(values);
  const kept = MEMORIES.filter((each, i) => {
    const { memories } = lawsOf(values.length)[i]!;
    return each < 1 && memories.filter((value) => value <= memory).length > CAUTION * SIMULATIONS;
  });
  return kept.at(-1) ?? 0;
}

const shareOf = ({ slopes }: NullLaw, holds: (slope: number) => boolean): number =>
  (slopes.filter(holds).length + 1) / (slopes.length + 1);

const known = new Map<number, NullLaw[]>();

/** Made once for each number of roll-outs. */
function lawsOf(n: number): NullLaw[] {
  const laws = known.get(n) ?? MEMORIES.map((memory) => nullLaw(n, memory));
  known.set(n, laws);
  return laws;
}

/** The same for the same numbers, whatever is asked. */
function nullLaw(n: number, memory: number): NullLaw {
  const random = Random.for(n, "rise", String(memory));
  const law = {
    slopes: new Float64Array(SIMULATIONS),
    memories: new Float64Array(SIMULATIONS),
  };
  const fresh = memory < 1 ? Math.sqrt(1 - memory * memory) : 1;
  for (let i = 0; i < SIMULATIONS; i++) {
    let place = random.normal();
    const line = lineThrough(
      Array.from({ length: n }, () => (place = memory * place + fresh * random.normal())),
    );
    law.slopes[i] = line.slope / line.error;
    law.memories[i] = line.memory;
  }
  return law;
}

/**
 * Slope of the line, by least squares on the order. What is left is what a parabola leaves, so that
 * a rise that levels off is no memory; standard error as if errors were independent.
 */
function lineThrough(values: readonly number[]): { slope: number; error: number; memory: number } {
  const n = values.length;
  const centre = mean(values);
  const width = (n * n - 1) / 12;
  let [xx, xy, qq, qy] = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const x = i - (n - 1) / 2;
    // a square that is uncorrelated with the order
    const q = x * x - width;
    xx += x * x;
    xy += x * (values[i]! - centre);
    qq += q * q;
    qy += q * (values[i]! - centre);
  }
  const [slope, bend] = [xy / xx, qy / qq];
  let [squares, products, before] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const x = i - (n - 1) / 2;
    const left = values[i]! - centre - slope * x - bend * (x * x - width);
    squares += left * left;
    products += left * before;
    before = left;
  }
  // what rounding leaves of a straight line is no error
  const nothing = 1e-20 * n * (1 + centre * centre);
  return {
    slope,
    error: squares > nothing ? Math.sqrt(squares / (n - 3) / xx) : 0,
    memory: squares > 0 ? products / squares : 0,
  };
}

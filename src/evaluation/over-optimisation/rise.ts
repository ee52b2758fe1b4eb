/**
 * Did a reward rise over the roll-outs? The slope of a line through them, whose errors hang
 * together: a policy that wanders carries its last place along, and a plain t of the slope then
 * finds rises that are not there (of level rewards with a memory of 0.9: in every third).
 *
 * The errors are taken as an autoregression of first order, up to a random walk. How much they
 * remember is bounded by what a polynomial through the whole run leaves, and the slope is held
 * against the memory within that bound under which chance makes the steepest slopes.
 *
 * Source: Berger and Boos (1994) for the largest p-value over a confidence set; null distributions
 * by simulation, as slope and memory depend on nothing else than the number of roll-outs (Dufour
 * 2006, Monte Carlo tests).
 */
import { Random } from "../../core/random.ts";
import type { Interval } from "../../stats/intervals.ts";
import { largestOf } from "../../core/extremes.ts";

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
/** A rise that levels off is no memory: a parabola of what is tested, more of a whole run. */
const DEGREE = { slope: 2, memory: 4 } as const;

/**
 * @param values in order of time, at equal distances
 * @param run the whole run that they are of, by which memory is bounded; themselves where left out
 */
export function riseOver(values: readonly number[], run: readonly number[] = values): Rise {
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
  const { slope, t } = lineThrough(values);
  const estimate = slope * (n - 1);
  if (!Number.isFinite(t)) return none(estimate, "the roll-outs lie on one line");
  const laws = plausible(run, BOUND).map((memory) => slopesOf(n, memory));
  const worst = largestOf(laws.map((law) => law.filter((value) => value >= t).length));
  const critical = Math.max(
    ...laws.map((law) => law.map(Math.abs).toSorted()[allowed(law.length)]!),
  );
  const half = Math.abs(estimate / t) * critical;
  return {
    estimate,
    low: estimate - half,
    high: estimate + half,
    n,
    pValue: Math.min(1, (worst + 1) / (SIMULATIONS + 1) + BOUND),
  };
}

/** Place, among sorted sizes, that no more than alpha less the bound are beyond. */
const allowed = (count: number): number => Math.ceil((1 - ALPHA + BOUND) * count) - 1;

/** An interval of a law reckons with memories that are not beyond what was seen in so many of 100. */
const CAUTION = 0.2;

/** How much of one value's error the next one keeps: rather too much than too little, below 1. */
export const memoryOf = (values: readonly number[]): number =>
  plausible(values, CAUTION).findLast((memory) => memory < 1) ?? 0;

/** Memories under which what is left remembers no more in more than a share of chance's turns. */
function plausible(values: readonly number[], share: number): number[] {
  // a polynomial goes through so few whatever they remember
  if (values.length < DEGREE.memory + 4) return MEMORIES;
  const seen = memoryLeft(values);
  const kept = MEMORIES.filter(
    (memory) =>
      memoriesOf(values.length, memory).filter((value) => value <= seen).length >
      share * SIMULATIONS,
  );
  return kept.length > 0 ? kept : [0];
}

/** Slopes in their standard errors that chance makes of level errors. */
const slopesOf = (n: number, memory: number): Float64Array =>
  lawOf("slope", { n, memory }, (values) => lineThrough(values).t);

/** What level errors leave of memory. */
const memoriesOf = (n: number, memory: number): Float64Array =>
  lawOf("memory", { n, memory }, memoryLeft);

const known = new Map<string, Float64Array>();

/** The same for the same numbers, whatever is asked; made once. */
function lawOf(
  name: keyof typeof DEGREE,
  { n, memory }: { n: number; memory: number },
  read: (values: readonly number[]) => number,
): Float64Array {
  const key = `${name} ${n} ${memory}`;
  const made = known.get(key);
  if (made) return made;
  const random = Random.for(n, "rise", String(memory));
  const fresh = memory < 1 ? Math.sqrt(1 - memory * memory) : 1;
  const law = Float64Array.from({ length: SIMULATIONS }, () => {
    let place = random.normal();
    return read(
      Array.from({ length: n }, () => (place = memory * place + fresh * random.normal())),
    );
  });
  known.set(key, law);
  return law;
}

/** Slope of the line, by least squares on the order, and its t as if errors were independent. */
function lineThrough(values: readonly number[]): { slope: number; t: number } {
  const n = values.length;
  const { coefficients, left } = polynomial(values, DEGREE.slope);
  const squares = left.reduce((sum, x) => sum + x * x, 0);
  const along = coefficients[1]!;
  // of the orthonormal line, whose ends are the same distance apart for every n
  const slope = along / Math.sqrt((n * (n * n - 1)) / 12);
  const size = values.reduce((sum, x) => sum + x * x, 0);
  // what rounding leaves of a straight line is no error
  const error = squares > 1e-20 * size ? Math.sqrt(squares / (n - 1 - DEGREE.slope)) : 0;
  return { slope, t: error > 0 ? along / error : NaN };
}

/** First autocorrelation of what a polynomial leaves. */
function memoryLeft(values: readonly number[]): number {
  const { left } = polynomial(values, DEGREE.memory);
  let [squares, products] = [0, 0];
  for (const [i, value] of left.entries()) {
    squares += value * value;
    if (i > 0) products += value * left[i - 1]!;
  }
  return squares > 0 ? products / squares : 0;
}

/** Least squares on orthonormal polynomials of the order. */
function polynomial(
  values: readonly number[],
  degree: number,
): { coefficients: number[]; left: Float64Array } {
  const left = Float64Array.from(values);
  const coefficients = basis(values.length)
    .slice(0, degree + 1)
    .map((power) => {
      const along = power.reduce((sum, x, i) => sum + x * left[i]!, 0);
      for (let i = 0; i < left.length; i++) left[i]! -= along * power[i]!;
      return along;
    });
  return { coefficients, left };
}

const bases = new Map<number, Float64Array[]>();

/** By Gram and Schmidt, up to the highest degree that is asked for. */
function basis(n: number): Float64Array[] {
  const made = bases.get(n) ?? [];
  for (let degree = made.length; degree <= DEGREE.memory; degree++) {
    const power = Float64Array.from({ length: n }, (_, i) => (i / (n - 1) - 0.5) ** degree);
    for (const other of made) {
      const along = other.reduce((sum, x, i) => sum + x * power[i]!, 0);
      for (let i = 0; i < n; i++) power[i]! -= along * other[i]!;
    }
    const size = Math.sqrt(power.reduce((sum, x) => sum + x * x, 0));
    made.push(power.map((x) => x / size));
  }
  bases.set(n, made);
  return made;
}

/**
 * Draws from binomial and multinomial distributions, exact, at a cost that does not grow with the
 * number of trials.
 *
 * Source: Hörmann (1993, "The generation of binomial random variates"), algorithm BTRS (transformed
 * rejection with a squeeze) from ten expected successes on; below that the inverse of the
 * distribution function, term by term.
 */
import type { Random } from "../core/random.ts";

/** ln k! for k from 0 to `most`. */
export function logFactorials(most: number): Float64Array {
  const table = new Float64Array(most + 1);
  for (let k = 2; k <= most; k++) table[k] = table[k - 1]! + Math.log(k);
  return table;
}

export interface BinomialOptions {
  random: Random;
  /** {@link logFactorials} up to n or more. */
  table: Float64Array;
}

/** Successes among n trials that each succeed with probability p. */
export function drawBinomial(n: number, p: number, options: BinomialOptions): number {
  if (p > 0.5) return n - drawBinomial(n, 1 - p, options);
  if (n === 0 || p <= 0) return 0;
  return n * p < 10 ? byInversion(n, p, options.random) : byRejection(n, p, options);
}

function byInversion(n: number, p: number, random: Random): number {
  const odds = p / (1 - p);
  let probability = Math.exp(n * Math.log1p(-p));
  let left = random.uniform();
  for (let k = 0; k < n; k++) {
    if (left < probability) return k;
    left -= probability;
    probability *= (odds * (n - k)) / (k + 1);
  }
  return n;
}

function byRejection(n: number, p: number, { random, table }: BinomialOptions): number {
  const deviation = Math.sqrt(n * p * (1 - p));
  const b = 1.15 + 2.53 * deviation;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const centre = n * p + 0.5;
  const squeeze = 0.92 - 4.2 / b;
  for (;;) {
    const u = random.uniform() - 0.5;
    const v = random.uniform();
    const edge = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / edge + b) * u + centre);
    if (edge >= 0.07 && v <= squeeze) return k;
    if (k < 0 || k > n) continue;
    const mode = Math.floor((n + 1) * p);
    const ratio =
      table[mode]! +
      table[n - mode]! -
      table[k]! -
      table[n - k]! +
      (k - mode) * Math.log(p / (1 - p));
    const height = (v * (2.83 + 5.1 / b) * deviation) / (a / (edge * edge) + b);
    if (Math.log(height) <= ratio) return k;
  }
}

/**
 * How many of n draws with replacement fall on each cell.
 * @param cells members of each; a draw takes each member with the same probability
 * @param into receives the counts
 */
export function drawMultinomial(
  n: number,
  cells: ArrayLike<number>,
  { into, ...options }: BinomialOptions & { into: Float64Array },
): void {
  let members = 0;
  for (let i = 0; i < cells.length; i++) members += cells[i]!;
  let left = n;
  for (let i = 0; i < cells.length; i++) {
    const size = cells[i]!;
    into[i] = members === size ? left : drawBinomial(left, size / members, options);
    left -= into[i]!;
    members -= size;
  }
}

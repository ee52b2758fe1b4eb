/**
 * The next token of one row, chosen from the logits and a few hundred numbers about them that the
 * graph computes: of each block of the vocabulary the largest logit, and the sum of e^((logit -
 * largest) / temperature). Finding the most likely token, drawing one by the inverse of the
 * cumulative distribution, and the log-probability then read one block instead of the vocabulary:
 * at 49,152 tokens and 64 rows, JavaScript's own passes took longer than the head's product.
 *
 * The same uniform number gives the same token as the plain form in `choose.ts`, but for rounding:
 * the sums of the blocks are float32. Within a block the draw is in proportion to exact terms.
 */
import type { Random } from "../core/random.ts";
import { gemm, exp, max, multiply, reshape, subtract, sum } from "../graph/build.ts";
import type { Value } from "../graph/ir.ts";
import type { ChosenToken, Filters, SamplingOptions } from "./choose.ts";
import { drawInProportion, keepMostLikely, keepsAll } from "./choose.ts";

/**
 * Tokens in a block: the divisor of the vocabulary's size that is nearest to its root, by ratio.
 */
export function blockSize(vocabulary: number): number {
  let best = 1;
  const distance = (size: number): number => Math.abs(Math.log(size) - Math.log(vocabulary) / 2);
  for (let size = 1; size * size <= vocabulary; size++) {
    if (vocabulary % size !== 0) continue;
    for (const candidate of [size, vocabulary / size])
      if (distance(candidate) < distance(best)) best = candidate;
  }
  return best;
}

/** Logits [B, V] of hidden states [B, d], with the numbers that choosing needs. */
export function buildScores(
  hidden: Value,
  head: Value,
  inverseTemperatures: Value,
): Record<"logits" | "maxima" | "sums", Value> {
  const logits = gemm(hidden, head, { transposeRight: true });
  const [batch, vocabulary] = logits.shape as readonly [string, number];
  const size = blockSize(vocabulary);
  const inBlocks = (x: Value): Value => reshape(x, [batch, vocabulary / size, size]);
  const maxima = max(inBlocks(logits), [2]);
  const shifted = multiply(subtract(logits, max(maxima, [1], true)), inverseTemperatures);
  return { logits, maxima, sums: sum(inBlocks(exp(shifted)), [2]) };
}

/**
 * Widths of the steps in which candidates are counted, nats, and their number: what is less likely
 * than e^-32 of the best is one step.
 */
const STEP = 0.25;
const STEPS = 128;

/** What is known of the next token of one row. */
export class Scores {
  readonly logits: Float32Array;
  readonly maxima: Float32Array;
  readonly sums: Float32Array;
  readonly inverseTemperature: number;
  private readonly size: number;
  private readonly bestBlock: number;
  private readonly total: number;

  /**
   * @param logits [V]
   * @param maxima largest logit of each block
   * @param sums of e^((logit - largest of all) * inverseTemperature) in each block
   */
  constructor(
    logits: Float32Array,
    maxima: Float32Array,
    sums: Float32Array,
    inverseTemperature: number,
  ) {
    this.logits = logits;
    this.maxima = maxima;
    this.sums = sums;
    this.inverseTemperature = inverseTemperature;
    this.size = logits.length / maxima.length;
    let [best, total] = [0, 0];
    for (let block = 0; block < maxima.length; block++) {
      if (maxima[block]! > maxima[best]!) best = block;
      total += sums[block]!;
    }
    this.bestBlock = best;
    this.total = total;
  }

  /** The scores of logits that no graph has summed: those that were changed after it. */
  static of(logits: Float32Array, inverseTemperature: number): Scores {
    const size = blockSize(logits.length);
    const maxima = Float32Array.from({ length: logits.length / size }, (_, block) =>
      logits.subarray(block * size, (block + 1) * size).reduce((a, b) => Math.max(a, b), -Infinity),
    );
    const largest = maxima.reduce((a, b) => Math.max(a, b));
    const sums = Float32Array.from(maxima, (maximum, block) => {
      let sum = 0;
      if (maximum > -Infinity)
        for (let id = block * size; id < (block + 1) * size; id++)
          sum += Math.exp((logits[id]! - largest) * inverseTemperature);
      return sum;
    });
    return new Scores(logits, maxima, sums, inverseTemperature);
  }

  /** A copy that stays as it is while the row goes on. */
  copy(): Scores {
    return new Scores(
      this.logits.slice(),
      this.maxima.slice(),
      this.sums.slice(),
      this.inverseTemperature,
    );
  }

  /** The most likely token, the first of ties. */
  best(): number {
    const start = this.bestBlock * this.size;
    const place = this.logits.subarray(start, start + this.size).indexOf(this.largest);
    return start + Math.max(0, place);
  }

  /** log p over the whole vocabulary, at the temperature that the sums were made with. */
  logp(id: number): number {
    return -this.gap(id) - Math.log(this.total);
  }

  /**
   * Draws a token, or takes the most likely where the temperature is 0; its log p is of the whole
   * vocabulary, whatever was left out.
   */
  choose(sampling: SamplingOptions, random: Random): ChosenToken {
    const draw = (): number =>
      keepsAll(sampling) ? this.drawFromAll(random) : this.drawFromKept(sampling, random);
    const id = sampling.temperature === 0 ? this.best() : draw();
    return { id, logp: this.logp(id) };
  }

  /** The tokens that the filters leave, the most likely first. */
  kept(filters: Filters): readonly number[] {
    return keepMostLikely(this.sorted(filters), filters, {
      weight: (id) => this.weight(id),
      total: this.total,
    });
  }

  /** The most likely tokens, in order. */
  mostLikely(count: number): ChosenToken[] {
    return this.sorted({ topK: count, topP: 1 })
      .slice(0, count)
      .map((id) => ({ id, logp: this.logp(id) }));
  }

  private get largest(): number {
    return this.maxima[this.bestBlock]!;
  }

  /** How far below the most likely token one is, nats. */
  private gap(id: number): number {
    return (this.largest - this.logits[id]!) * this.inverseTemperature;
  }

  /** How likely a token is beside the most likely one. */
  private weight(id: number): number {
    return Math.exp(-this.gap(id));
  }

  private drawFromAll(random: Random): number {
    let rest = random.uniform() * this.total;
    let block = 0;
    while (block < this.sums.length - 1 && rest >= this.sums[block]!) rest -= this.sums[block++]!;
    const start = block * this.size;
    const terms = Array.from({ length: this.size }, (_, i) => this.weight(start + i));
    // The block's sum was rounded, and its terms were not.
    rest *= terms.reduce((a, b) => a + b, 0) / this.sums[block]!;
    const place = terms.findIndex((term) => (rest -= term) < 0);
    return place >= 0 ? start + place : this.best();
  }

  private drawFromKept(filters: Filters, random: Random): number {
    const kept = this.kept(filters);
    // Of logits that are no numbers none is kept.
    return kept.length === 0
      ? this.best()
      : drawInProportion(kept, (id) => this.weight(id), random);
  }

  /**
   * At least the tokens that the filters need to see, the most likely first: those within the steps
   * that surely hold them.
   */
  private sorted(filters: Filters): number[] {
    const counts = new Int32Array(STEPS);
    const step = (id: number): number => Math.min(STEPS - 1, Math.floor(this.gap(id) / STEP));
    for (let id = 0; id < this.logits.length; id++) counts[step(id)]!++;
    const last = Math.min(this.lastStep(counts, filters), lastOfMinP(filters));
    const ids: number[] = [];
    for (let id = 0; id < this.logits.length; id++) if (step(id) <= last) ids.push(id);
    return ids.toSorted((a, b) => this.logits[b]! - this.logits[a]! || a - b);
  }

  /** The first step by which top-k, or else top-p, has what it keeps. */
  private lastStep(counts: Int32Array, { topK, topP }: Filters): number {
    let [last, count, mass] = [0, 0, 0];
    for (; last < STEPS - 1; last++) {
      count += counts[last]!;
      mass += counts[last]! * Math.exp(-(last + 1) * STEP);
      if (topK > 0 ? count >= topK : topP < 1 && mass >= topP * this.total) break;
    }
    return last;
  }
}

/**
 * The step of the least likely token that min-p keeps; after top-k, top-p's share is of all that
 * top-k keeps.
 */
function lastOfMinP({ topK, topP, minP = 0 }: Filters): number {
  return minP <= 0 || (topK > 0 && topP < 1)
    ? STEPS - 1
    : Math.min(STEPS - 1, Math.floor(-Math.log(minP) / STEP) + 1);
}

/**
 * Standard errors of annotators' accuracies: the observed information of Dawid and Skene's
 * likelihood, by Louis' identity (what complete data would tell, less what the unknown classes
 * hide), in logits of the probabilities.
 */
import { inverse } from "../newton.ts";
import type { CrowdVote, Layout } from "./crowd.ts";

export interface Fitted {
  shares: Float64Array;
  confusion: Float64Array;
  posterior: Float64Array;
  classShares: "estimated" | "uniform";
}

export interface AccuracyError {
  estimate: number;
  standardError: number;
  /** The votes tell it, and not only the pseudo-votes. */
  determined: boolean;
}

/** More unknowns: each annotator by himself, the others held where they are. */
const MOST_UNKNOWNS = 1200;
/** The votes must tell so many times what the pseudo-votes do. */
const LEAST_EVIDENCE = 4;

export function annotatorErrors(layout: Layout, fit: Fitted): AccuracyError[] {
  const shape = shapeOf(layout, fit);
  const joint = shape.size <= MOST_UNKNOWNS;
  const covariance = joint ? covarianceOf(layout, fit, shape) : undefined;
  const alone = joint ? undefined : blockInformation(layout, fit, shape);
  return Array.from({ length: layout.annotators }, (_, j) => {
    const { estimate, gradient } = accuracyOf(layout, fit, j);
    const own =
      covariance === undefined
        ? inverse(alone![j]!)
        : block(covariance, shape.size, { start: j * shape.each, each: shape.each });
    const prior = inverse(priorInformation(layout, fit, j));
    const variance = own ? quadratic(own, gradient) : Infinity;
    const priorVariance = prior ? quadratic(prior, gradient) : Infinity;
    return {
      estimate,
      standardError: Math.sqrt(variance),
      determined: Number.isFinite(variance) && variance * LEAST_EVIDENCE < priorVariance,
    };
  });
}

interface Shape {
  /** Unknowns of one annotator. */
  each: number;
  /** Of all, with those of the shares at the end. */
  size: number;
  sharesAt: number;
}

function shapeOf(
  { annotators, classes, form }: Layout,
  { classShares, shares }: Pick<Fitted, "classShares" | "shares">,
): Shape {
  const each = form === "one-coin" ? 1 : classes * (classes - 1);
  // a share of nothing has no error that its logit could show
  const free = classShares === "estimated" && shares.every((share) => share > 1e-9);
  const sharesAt = annotators * each;
  return { each, sharesAt, size: sharesAt + (free ? classes - 1 : 0) };
}

/** Accuracy of an annotator, and its slopes by his logits. */
function accuracyOf(
  { classes, form }: Layout,
  { confusion, shares }: Fitted,
  j: number,
): { estimate: number; gradient: Float64Array } {
  const at = (k: number, l: number): number => confusion[(j * classes + k) * classes + l]!;
  if (form === "one-coin") {
    const accuracy = at(0, 0);
    return { estimate: accuracy, gradient: Float64Array.of(accuracy * (1 - accuracy)) };
  }
  const gradient = new Float64Array(classes * (classes - 1));
  let estimate = 0;
  for (let k = 0; k < classes; k++) {
    estimate += shares[k]! * at(k, k);
    for (let c = 0; c < classes - 1; c++)
      gradient[k * (classes - 1) + c] = shares[k]! * at(k, k) * ((k === c ? 1 : 0) - at(k, c));
  }
  return { estimate, gradient };
}

/** Slopes of log P(said | class seen) by an annotator's logits: places and values. */
function slopes(
  { classes, form }: Layout,
  row: ArrayLike<number>,
  { seen, said }: { seen: number; said: number },
): { at: number; value: number }[] {
  if (form === "one-coin") {
    const accuracy = row[seen]!;
    return [{ at: 0, value: seen === said ? 1 - accuracy : -accuracy }];
  }
  return Array.from({ length: classes - 1 }, (_, c) => ({
    at: seen * (classes - 1) + c,
    value: (said === c ? 1 : 0) - row[c]!,
  }));
}

/** What a vote would tell were the class known, [each, each], added at a place. */
function addComplete(
  { classes, form }: Layout,
  row: ArrayLike<number>,
  add: { seen: number; weight: number; into: Float64Array; start: number; size: number },
): void {
  const { seen, weight, into, start, size } = add;
  if (form === "one-coin") {
    into[start * size + start]! += weight * row[seen]! * (1 - row[seen]!);
    return;
  }
  const first = start + seen * (classes - 1);
  for (let c = 0; c < classes - 1; c++)
    for (let d = 0; d < classes - 1; d++)
      into[(first + c) * size + first + d]! += weight * row[c]! * ((c === d ? 1 : 0) - row[d]!);
}

const rowOf = ({ classes }: Layout, confusion: Float64Array, j: number, seen: number) =>
  confusion.subarray((j * classes + seen) * classes, (j * classes + seen + 1) * classes);

function priorInformation(layout: Layout, { confusion }: Fitted, j: number): Float64Array {
  const { classes, form, pseudoVotes } = layout;
  const each = form === "one-coin" ? 1 : classes * (classes - 1);
  const into = new Float64Array(each * each);
  const rows = form === "one-coin" ? [0] : Array.from({ length: classes }, (_, k) => k);
  const votes = pseudoVotes * (form === "one-coin" ? 2 : classes);
  for (const seen of rows)
    addComplete(layout, rowOf(layout, confusion, j, seen), {
      seen,
      weight: votes,
      into,
      start: 0,
      size: each,
    });
  return into;
}

function votesByItem({ votes, items }: Layout): CrowdVote[][] {
  const byItem: CrowdVote[][] = Array.from({ length: items }, () => []);
  for (const vote of votes) byItem[vote.item]!.push(vote);
  return byItem;
}

function covarianceOf(layout: Layout, fit: Fitted, shape: Shape): Float64Array | undefined {
  const { size } = shape;
  const information = new Float64Array(size * size);
  for (let j = 0; j < layout.annotators; j++) {
    const prior = priorInformation(layout, fit, j);
    for (let a = 0; a < shape.each; a++)
      for (let b = 0; b < shape.each; b++)
        information[(j * shape.each + a) * size + j * shape.each + b]! +=
          prior[a * shape.each + b]!;
  }
  for (const [item, own] of votesByItem(layout).entries())
    if (own.length > 0) addItem(information, { item, own }, { layout, fit, shape });
  return inverse(information) ?? inverse(withRidge(information, size));
}

/** A matrix that rounding left singular. */
function withRidge(matrix: Float64Array, size: number): Float64Array {
  const result = matrix.slice();
  for (let i = 0; i < size; i++)
    result[i * size + i]! += 1e-9 + 1e-9 * Math.abs(matrix[i * size + i]!);
  return result;
}

interface Fit {
  layout: Layout;
  fit: Fitted;
  shape: Shape;
}

/** What an item tells: its votes as if the class were known, less the spread of the classes. */
function addItem(
  information: Float64Array,
  { item, own }: { item: number; own: readonly CrowdVote[] },
  { layout, fit, shape }: Fit,
): void {
  const { classes } = layout;
  const { size, each, sharesAt } = shape;
  const p = fit.posterior.subarray(item * classes, (item + 1) * classes);
  const touched = new Map<number, Float64Array>();
  const touch = (place: number, k: number, value: number): void => {
    const found = touched.get(place) ?? new Float64Array(classes);
    found[k]! += value;
    touched.set(place, found);
  };
  for (let k = 0; k < classes; k++) {
    for (const { annotator, label, swapped } of own) {
      const [seen, said] = swapped ? [1 - k, 1 - label] : [k, label];
      const row = rowOf(layout, fit.confusion, annotator, seen);
      const start = annotator * each;
      if (p[k]! > 0)
        addComplete(layout, row, { seen, weight: p[k]!, into: information, start, size });
      for (const { at, value } of slopes(layout, row, { seen, said })) touch(start + at, k, value);
    }
    if (size === sharesAt) continue;
    for (let c = 0; c < classes - 1; c++) {
      touch(sharesAt + c, k, (k === c ? 1 : 0) - fit.shares[c]!);
      for (let d = 0; d < classes - 1; d++)
        information[(sharesAt + c) * size + sharesAt + d]! +=
          p[k]! * fit.shares[c]! * ((c === d ? 1 : 0) - fit.shares[d]!);
    }
  }
  subtractSpread(information, size, { touched, p });
}

function subtractSpread(
  information: Float64Array,
  size: number,
  { touched, p }: { touched: ReadonlyMap<number, Float64Array>; p: Float64Array },
): void {
  const centred = [...touched].map(([place, values]) => {
    const centre = values.reduce((sum, value, k) => sum + p[k]! * value, 0);
    return { place, values: values.map((value) => value - centre) };
  });
  for (const a of centred)
    for (const b of centred) {
      let spread = 0;
      for (let k = 0; k < p.length; k++) spread += p[k]! * a.values[k]! * b.values[k]!;
      information[a.place * size + b.place]! -= spread;
    }
}

/** Each annotator's own part of the information alone. */
function blockInformation(layout: Layout, fit: Fitted, { each }: Shape): Float64Array[] {
  const { classes, annotators } = layout;
  const blocks = Array.from({ length: annotators }, (_, j) => priorInformation(layout, fit, j));
  for (const { item, annotator, label, swapped } of layout.votes) {
    const p = fit.posterior.subarray(item * classes, (item + 1) * classes);
    const touched = new Map<number, Float64Array>();
    for (let k = 0; k < classes; k++) {
      const [seen, said] = swapped ? [1 - k, 1 - label] : [k, label];
      const row = rowOf(layout, fit.confusion, annotator, seen);
      addComplete(layout, row, {
        seen,
        weight: p[k]!,
        into: blocks[annotator]!,
        start: 0,
        size: each,
      });
      for (const { at, value } of slopes(layout, row, { seen, said })) {
        const found = touched.get(at) ?? new Float64Array(classes);
        found[k]! += value;
        touched.set(at, found);
      }
    }
    subtractSpread(blocks[annotator]!, each, { touched, p });
  }
  return blocks;
}

function block(
  matrix: Float64Array,
  size: number,
  { start, each }: { start: number; each: number },
): Float64Array {
  return Float64Array.from(
    { length: each * each },
    (_, n) => matrix[(start + Math.floor(n / each)) * size + start + (n % each)]!,
  );
}

function quadratic(matrix: Float64Array, vector: Float64Array): number {
  const n = vector.length;
  let sum = 0;
  for (let a = 0; a < n; a++)
    for (let b = 0; b < n; b++) sum += vector[a]! * vector[b]! * matrix[a * n + b]!;
  return sum;
}

/**
 * Agreement of people (or judges) who label the same items: raw, Cohen's and Fleiss' kappa,
 * Krippendorff's alpha.
 *
 * Source: Cohen (1960, 1968), Fleiss (1971), Krippendorff, "Computing Krippendorff's
 * Alpha-Reliability" (2011). Reading alpha (Krippendorff): from 0.8 reliable, from 0.667 good
 * enough for tentative conclusions.
 */
import { AttuneError } from "../core/errors.ts";

/** A label: categories are compared by identity, so keep to texts or numbers. */
export type Label = string | number;

/** The labels that one item got; missing ones are left out or undefined. */
export type ItemLabels = readonly (Label | undefined)[];

export interface Agreement {
  /**
   * NaN where it is undefined, which is not the same as no agreement: nothing to compare, or only
   * one category.
   */
  value: number;
  /** Share of agreement found, and by chance. */
  observed: number;
  expected: number;
  /** Items that count: those with at least two labels. */
  items: number;
}

export interface KappaOptions {
  /** Distances for ordered categories: 1 per step, or its square. Unordered where left out. */
  weights?: "linear" | "quadratic";
  /** The order of the categories, worst to best; needed with weights. */
  categories?: readonly Label[];
}

/** Cohen's kappa of two raters, over the items that both labelled. */
export function cohenKappa(a: ItemLabels, b: ItemLabels, options: KappaOptions = {}): Agreement {
  if (a.length !== b.length) throw new RangeError(`kappa: ${a.length} and ${b.length} labels`);
  const pairs = a
    .map((label, i) => [label, b[i]] as const)
    .filter((pair): pair is [Label, Label] => pair[0] !== undefined && pair[1] !== undefined);
  const categories = options.categories ?? [...new Set(pairs.flat())];
  const place = new Map(categories.map((category, i) => [category, i]));
  const unknown = pairs.flat().find((label) => !place.has(label));
  if (unknown !== undefined)
    throw new AttuneError(
      "data",
      `kappa: the label ${String(unknown)} is not one of the categories`,
      { expected: categories.join(", ") },
    );
  if (options.weights && !options.categories)
    throw new RangeError("weighted kappa needs the order of the categories");
  const likeness = likenessOf(categories.length, options.weights);
  const [first, second] = [
    new Float64Array(categories.length),
    new Float64Array(categories.length),
  ];
  let observed = 0;
  for (const [x, y] of pairs) {
    const [i, j] = [place.get(x)!, place.get(y)!];
    first[i]! += 1;
    second[j]! += 1;
    observed += likeness(i, j);
  }
  let expected = 0;
  for (const [i, x] of first.entries())
    for (const [j, y] of second.entries()) expected += x * y * likeness(i, j);
  // Counts first: of perfect agreement nothing is lost to rounding.
  return chanceCorrected(observed / pairs.length, expected / pairs.length ** 2, pairs.length);
}

/** 1 for equal categories, less the further they lie apart. */
export function likenessOf(
  count: number,
  weights: "linear" | "quadratic" | undefined,
): (i: number, j: number) => number {
  if (!weights) return (i, j) => (i === j ? 1 : 0);
  const span = Math.max(1, count - 1);
  return (i, j) => 1 - (Math.abs(i - j) / span) ** (weights === "linear" ? 1 : 2);
}

/** Fleiss' kappa: the same number of labels for every item, by whatever raters. */
export function fleissKappa(items: readonly ItemLabels[]): Agreement {
  const labels = items.map(present);
  const raters = labels[0]?.length ?? 0;
  const odd = labels.findIndex((each) => each.length !== raters);
  if (odd >= 0) {
    throw new AttuneError("data", "Fleiss' kappa needs the same number of labels for every item", {
      got: `${raters} for item 1, ${labels[odd]!.length} for item ${odd + 1}`,
      hint: "use krippendorffAlpha",
    });
  }
  if (raters < 2) return chanceCorrected(NaN, NaN, 0);
  const observed = labels.map(pairAgreement).reduce((x, y) => x + y, 0) / labels.length;
  const expected = [...countLabels(labels.flat()).values()].reduce(
    (sum, count) => sum + (count / (raters * labels.length)) ** 2,
    0,
  );
  return chanceCorrected(observed, expected, labels.length);
}

export interface AlphaOptions {
  /**
   * How far two labels lie apart; `nominal` where left out. Ordinal needs `categories`, interval
   * needs numbers.
   */
  level?: "nominal" | "ordinal" | "interval";
  /** The order of the categories, for `ordinal`. */
  categories?: readonly Label[];
}

/**
 * Krippendorff's alpha: any number of raters, any labels missing. `observed` and `expected` are 1 -
 * disagreement for nominal labels, and minus the disagreement for the others, whose disagreement
 * has no upper bound.
 */
export function krippendorffAlpha(
  items: readonly ItemLabels[],
  options: AlphaOptions = {},
): Agreement {
  const units = items.map(present).filter((labels) => labels.length > 1);
  const totals = countLabels(units.flat());
  const n = [...totals.values()].reduce((x, y) => x + y, 0);
  const distance = distanceOf(totals, options);
  let observed = 0;
  for (const labels of units)
    observed += pairSum(countLabels(labels), distance) / (labels.length - 1);
  observed /= n;
  const expected = pairSum(totals, distance) / (n * (n - 1));
  const value = units.length === 0 || expected === 0 ? NaN : 1 - observed / expected;
  const top = options.level === undefined || options.level === "nominal" ? 1 : 0;
  return { value, observed: top - observed, expected: top - expected, items: units.length };
}

/** Sum of distances over all ordered pairs of different labels. */
function pairSum(
  counts: ReadonlyMap<Label, number>,
  distance: (x: Label, y: Label) => number,
): number {
  let sum = 0;
  for (const [x, m] of counts)
    for (const [y, k] of counts) if (x !== y) sum += m * k * distance(x, y);
  return sum;
}

/** How far two labels lie apart, for {@link krippendorffAlpha}. */
export function distanceOf(
  totals: ReadonlyMap<Label, number>,
  { level = "nominal", categories }: AlphaOptions,
): (x: Label, y: Label) => number {
  if (level === "nominal") return () => 1;
  if (level === "interval") {
    const text = [...totals.keys()].find((label) => typeof label !== "number");
    if (text !== undefined)
      throw new AttuneError(
        "data",
        `alpha of interval labels needs numbers; got ${JSON.stringify(text)}`,
      );
    return (x, y) => ((x as number) - (y as number)) ** 2;
  }
  if (!categories)
    throw new RangeError("alpha of ordinal labels needs the order of the categories");
  const place = new Map(categories.map((category, i) => [category, i]));
  const unknown = [...totals.keys()].find((label) => !place.has(label));
  if (unknown !== undefined)
    throw new AttuneError(
      "data",
      `alpha: the label ${String(unknown)} is not one of the categories`,
      { expected: categories.join(", ") },
    );
  const counts = categories.map((category) => totals.get(category) ?? 0);
  return (x, y) => {
    const [low, high] = [place.get(x)!, place.get(y)!].toSorted((i, j) => i - j) as [
      number,
      number,
    ];
    const between = counts.slice(low, high + 1).reduce((sum, count) => sum + count, 0);
    return (between - (counts[low]! + counts[high]!) / 2) ** 2;
  };
}

/** The labels of an item that are there. */
export const present = (labels: ItemLabels): Label[] =>
  labels.filter((label) => label !== undefined);

/** How often each label is given. */
export function countLabels(labels: readonly Label[]): Map<Label, number> {
  const counts = new Map<Label, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** Share of agreeing pairs among the labels of one item. */
export function pairAgreement(labels: readonly Label[]): number {
  const agreeing = [...countLabels(labels).values()].reduce(
    (sum, count) => sum + count * (count - 1),
    0,
  );
  return agreeing / (labels.length * (labels.length - 1));
}

function chanceCorrected(observed: number, expected: number, items: number): Agreement {
  const value = items === 0 || 1 - expected < 1e-15 ? NaN : (observed - expected) / (1 - expected);
  return { value, observed, expected, items };
}

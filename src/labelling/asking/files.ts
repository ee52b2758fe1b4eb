/** The files of `attune ask`: the order of the pool, and the learning curve. */
import { z } from "zod";
import type { AskResult, OrderedPair } from "./ask.ts";
import { RULE_NAMES } from "./rules.ts";

export const ORDER_FILE = "order.jsonl";
export const CURVE_FILE = "curve.json";

/**
 * A pair in its place. It is no row of preferences, so that nobody learns from it as if it had been
 * judged.
 */
export const orderRowSchema = z.object({
  /** Of the pool, from 1. */
  row: z.int().min(1),
  score: z.number(),
  chosen_by: z.enum(RULE_NAMES),
  /** That `pair.chosen` is better, as the models think. */
  probability: z.number(),
  /** Columns of the pool's row that no trainer reads. */
  extra: z.record(z.string(), z.unknown()).optional(),
  pair: z.object({ prompt: z.unknown(), chosen: z.unknown(), rejected: z.unknown() }),
});
export type OrderRow = z.output<typeof orderRowSchema>;

export const orderLines = (order: readonly OrderedPair[]): string =>
  order
    .map(({ index, score, chosenBy, probability, pair }) => {
      const { prompt, chosen, rejected, extra } = pair;
      const row: OrderRow = {
        row: index + 1,
        score,
        chosen_by: chosenBy,
        probability,
        ...(extra ? { extra: { ...extra } } : {}),
        pair: { prompt, chosen, rejected },
      };
      return `${JSON.stringify(row)}\n`;
    })
    .join("");

const interval = z.object({
  estimate: z.number(),
  low: z.number(),
  high: z.number(),
  n: z.int(),
  noClaim: z.string().optional(),
});
const point = z.object({ labels: z.int(), accuracy: interval });

export const curveFileSchema = z.object({
  learned: z.int(),
  heldOut: z.int(),
  byChance: z.int(),
  /** Accuracy on held-out labels by number of labels. */
  points: z.array(point),
  /** The law through the points, from now on. */
  fitted: z.array(point),
  /** Share of held-out labels that further labels would meet besides. */
  gains: z.array(z.object({ labels: z.int(), gain: interval })),
  /** What cannot be told, and why. */
  noClaim: z.string().optional(),
});
export type CurveFile = z.output<typeof curveFileSchema>;

export function curveFile({ curve, noCurve, learned, heldOut, byChance }: AskResult): CurveFile {
  const told = curve ?? { points: [], fitted: [], gains: [] };
  const noClaim = noCurve ?? curve?.noClaim;
  return {
    learned,
    heldOut,
    byChance,
    points: told.points,
    fitted: told.fitted,
    gains: told.gains,
    ...(noClaim === undefined ? {} : { noClaim }),
  };
}

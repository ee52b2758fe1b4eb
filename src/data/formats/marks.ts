/**
 * Marks that say whether a turn is learned: OpenAI's `weight`, Axolotl's `train` and `training`,
 * ms-swift's `loss`, ShareGPT's `train` and `weight`. Read alike in every format; whatever else
 * could be such a mark is refused, since passing it over would teach what was meant to be left
 * alone.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import type { Role } from "../../text/messages.ts";
import type { Row } from "../readers/row.ts";
import type { Notes } from "./format.ts";

const MARKS = ["weight", "train", "training", "trainable", "loss", "train_on_turn"] as const;
/** Marks of parts of a turn, or of degrees. */
const FINER_MARKS = [
  "train_detail",
  "training_detail",
  "loss_mask",
  "loss_scale",
  "loss_weight",
  "label_mask",
  "train_mask",
  "token_weights",
  "mask",
] as const;
const MEANINGS = new Map<unknown, 0 | 1>([
  [true, 1],
  [1, 1],
  [false, 0],
  [0, 0],
]);

export const MARK_KEYS: ReadonlySet<string> = new Set([...MARKS, ...FINER_MARKS]);

export const isAbsent = (found: unknown): boolean =>
  found === undefined || found === null || (Array.isArray(found) && found.length === 0);

/**
 * 0 for a turn that is not to be learned; undefined for one whose mark says what holds anyway.
 * @throws AttuneError `data` for a mark that is neither yes nor no, and for two that contradict
 * each other
 */
export function readWeight(
  object: Readonly<Record<string, unknown>>,
  role: Role,
  { column, row, notes }: { column: string; row: Row; notes: Notes },
): 0 | undefined {
  const finer = FINER_MARKS.find((name) => !isAbsent(object[name]));
  if (finer !== undefined)
    throw new AttuneError(
      "data",
      `a message of the column ${column} has the key ${finer}, which marks parts of a turn`,
      {
        ...row.place,
        got: preview(object[finer]),
        expected: 'whole turns that are learned or not: "weight": 0 or 1',
        hint: "split the turn, or remove the key",
      },
    );
  const marks = MARKS.filter((name) => !isAbsent(object[name])).map((name) => ({
    name,
    weight: MEANINGS.get(object[name]),
  }));
  const unclear = marks.find(({ weight }) => weight === undefined);
  if (unclear !== undefined)
    throw new AttuneError(
      "data",
      `the ${unclear.name} of a message in the column ${column} is neither 0 nor 1`,
      {
        ...row.place,
        got: preview(object[unclear.name]),
        expected: "1 or true for a turn that is learned, 0 or false for one that is only read",
      },
    );
  const first = marks[0];
  if (first === undefined) return undefined;
  if (marks.some(({ weight }) => weight !== first.weight))
    throw new AttuneError(
      "data",
      `a message of the column ${column} has marks that contradict each other`,
      {
        ...row.place,
        got: marks.map(({ name }) => `${name}: ${preview(object[name])}`).join(", "),
        expected: "one mark",
      },
    );
  if (first.weight === 1 && role !== "assistant")
    notes.note(
      `the mark ${first.name} of turns that are not the assistant's, which are never learned alone`,
    );
  return first.weight === 0 ? 0 : undefined;
}

/**
 * What the label p of a pair means to whoever learns from it: which answer is the better one, and
 * what is told where a probability is read as certainty, or not at all.
 *
 * Why pairs are turned over and not refused: docs/decisions/soft-labels.md.
 */
import { countOf } from "../core/counts.ts";
import { formatPlace } from "../core/errors.ts";
import { swapped } from "./formats/format.ts";
import type { PreferenceRecord } from "./records.ts";

/** The same judgement with the answer as chosen that is preferred with p of 0.5 or more. */
export const likelierAsChosen = (pair: PreferenceRecord): PreferenceRecord =>
  pair.p < 0.5 ? swapped(pair) : pair;

/** Nobody's answer is the better one. */
export const isTie = ({ p }: PreferenceRecord): boolean => p === 0.5;

/** Something of the labels that is worth telling, by a stable name. */
export interface LabelNote {
  id: string;
  message: string;
}

/** How many pairs were turned over. */
export function turnedOver(pairs: readonly PreferenceRecord[]): LabelNote[] {
  return noteOf(
    pairs,
    ({ p }) => p < 0.5,
    (count) => ({
      id: "turned-over-pairs",
      message:
        `${count} have a p below 0.5, which says that the rejected answer is the better one: it ` +
        "is taken as the chosen one",
    }),
  );
}

/**
 * What a reader makes of probabilities that it does not read: ties are left out, and the likelier
 * answer is the better one for certain.
 * @param reader who it is, in words: `ipo`, `KTO`
 */
export function readAsCertain(pairs: readonly PreferenceRecord[], reader: string): LabelNote[] {
  const ties = noteOf(pairs, isTie, (count) => ({
    id: "ties",
    message: `${count} are ties (p 0.5), from which ${reader} learns nothing: left out`,
  }));
  const soft = noteOf(
    pairs,
    ({ p }) => p !== 0 && p !== 0.5 && p !== 1,
    (count) => ({
      id: "soft-labels",
      message:
        `${count} have a p between 0 and 1, which ${reader} does not read: the likelier answer ` +
        "counts as the better one for certain",
    }),
  );
  return [...ties, ...soft];
}

/** A note with the count of the pairs that it is about, and the first of them. */
function noteOf(
  pairs: readonly PreferenceRecord[],
  isMeant: (pair: PreferenceRecord) => boolean,
  say: (count: string) => LabelNote,
): LabelNote[] {
  const meant = pairs.filter(isMeant);
  const [first] = meant;
  if (!first) return [];
  const place = formatPlace(first.place);
  const note = say(`${meant.length.toLocaleString("en-US")} of ${countOf(pairs.length, "pair")}`);
  const example = `${place === "" ? "" : `${place}, `}p ${first.p}`;
  return [{ ...note, message: `${note.message}; the first: ${example}` }];
}

/** What a row is encoded to: ids and labels, with what is worth telling of it. */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { Cut, Fitted } from "./truncation.ts";
import type { EncodingRow, Part } from "./turns.ts";

/** What is worth telling of a row. */
export interface Encoded {
  /** What truncation took. */
  cut?: Cut;
  /** An answer got an empty thought: the template's prompt opens one, and the data has none. */
  emptyThought?: true;
}

/** A prompt and its answer as one row of T tokens. */
export interface EncodedExample extends Encoded {
  /** Token ids [T]. */
  ids: Int32Array;
  /** Tokens before the first supervised one. */
  promptLength: number;
  /** 1 where this token is a label; same length as ids. */
  supervised: Uint8Array;
}

/** A prompt and several answers to it. */
export interface EncodedAnswers extends Encoded {
  /** Ids of the prompt. */
  prompt: Int32Array;
  /** Ids of each completion, stop token included. */
  completions: Int32Array[];
  /** 1 where a token of a completion is a label: not in a tool's turn, nor in one of weight 0. */
  supervised: Uint8Array[];
}

/** A prompt, the preferred answer and the other one. */
export interface EncodedPair extends Encoded {
  /** Ids of the prompt. */
  prompt: Int32Array;
  /** Completions, stop token included. */
  chosen: Int32Array;
  /** As chosen. */
  rejected: Int32Array;
  /** As in {@link EncodedAnswers}: chosen, rejected. */
  supervised: [Uint8Array, Uint8Array];
}

/** @throws AttuneError `data` where two answers differed only in what truncation took */
export function refuseIdenticalAnswers(
  completions: readonly Int32Array[],
  cut: Cut | undefined,
  { place }: EncodingRow,
): void {
  const [first, second] = completions;
  if (
    cut === undefined ||
    cut.answers === 0 ||
    completions.length !== 2 ||
    first!.join() !== second!.join()
  )
    return;
  throw new AttuneError("data", "truncation leaves the same of both answers", {
    ...place,
    got: `${countOf(first!.length, "token")} of each`,
    hint: "a larger max length, or drop this row",
  });
}

const idsOf = (parts: readonly Part[]): number[] => parts.flatMap(({ ids }) => ids);
const labelsOf = (parts: readonly Part[]): number[] =>
  parts.flatMap(({ ids, learned }) => ids.map(() => (learned ? 1 : 0)));

type Told = Pick<Fitted, "cut"> & { emptyThought?: boolean };
const toldOf = ({ cut, emptyThought }: Told): Encoded => ({
  ...(cut === undefined ? {} : { cut }),
  ...(emptyThought === true ? { emptyThought } : {}),
});

/** @throws AttuneError `data` where no token is supervised */
export function toExample(
  { shape: { prompt, completions }, ...told }: Fitted & Told,
  { place }: EncodingRow,
): EncodedExample {
  const [parts] = completions as [Part[]];
  const ids = Int32Array.from([...prompt, ...idsOf(parts)]);
  const supervised = Uint8Array.from([...prompt.map(() => 0), ...labelsOf(parts)]);
  // the first token is predicted by nothing
  if (supervised.indexOf(1, 1) < 0)
    throw new AttuneError("data", "the row has no supervised token", {
      ...place,
      got: countOf(ids.length, "token"),
      hint: "a larger max length, or drop this row",
    });
  return { ids, promptLength: supervised.indexOf(1), supervised, ...toldOf(told) };
}

export function toAnswers({
  shape: { prompt, completions },
  ...told
}: Fitted & Told): EncodedAnswers {
  return {
    prompt: Int32Array.from(prompt),
    completions: completions.map((parts) => Int32Array.from(idsOf(parts))),
    supervised: completions.map((parts) => Uint8Array.from(labelsOf(parts))),
    ...toldOf(told),
  };
}

/**
 * Which answer to a question about a behaviour a model writes, where it tells no log-probabilities:
 * it is asked for one of the answers alone. A reply that names none of them counts as no answer.
 */
import type { AskOptions } from "../behaviour/asking.ts";
import { askAll } from "../behaviour/asking.ts";
import type { Measuring, Remarks } from "../behaviour/measured.ts";
import type { BehaviourItem } from "./behaviour-rows.ts";
import type { BehaviourSet, ScoredItem } from "./behaviours.ts";
import { LETTERS, stopsFor } from "./forms.ts";
import { letterOf } from "./multiple-choice.ts";

const answersOf = ({ matching, others }: BehaviourItem): string[] =>
  [...matching, ...others].map((answer) => answer.trim());

const LETTER = /^\(?([A-J])\)?$/;

/** Index of the answer that a reply begins with, or whose letter it names. */
export function answerNamed(reply: string, answers: readonly string[]): number | undefined {
  const letters = answers.map((answer) => LETTER.exec(answer)?.[1]);
  if (letters.every((letter) => letter !== undefined)) {
    const letter = letterOf(reply, LETTERS.length);
    const index = letter === undefined ? -1 : letters.indexOf(LETTERS[letter]!);
    return index < 0 ? undefined : index;
  }
  const plain = (text: string): string => text.toLowerCase().replace(/^[^\p{L}\p{N}]+/u, "");
  const said = plain(reply);
  const named = answers.flatMap((answer, i) => {
    const text = plain(answer).replace(/[^\p{L}\p{N}]+$/u, "");
    const begins = text !== "" && said.startsWith(text);
    return begins && !/^[\p{L}\p{N}]/u.test(said.slice(text.length)) ? [i] : [];
  });
  return named.length === 1 ? named[0] : undefined;
}

/** As scoreBehaviour (behaviours.ts), without probabilities. */
export async function writeBehaviour(
  measuring: Measuring,
  { items, name }: BehaviourSet,
  { remarks, ask }: { remarks: Remarks; ask: AskOptions },
): Promise<(ScoredItem | undefined)[]> {
  const replies = await askAll(
    measuring,
    // the same order of the answers for every question, so that none is first because it matches
    items.map((item) => {
      const answers = answersOf(item).toSorted();
      return `${item.question}\n\nReply with ${answers.join(" or ")} and nothing else.`;
    }),
    { ...ask, ...stopsFor(measuring.subject), maxNewTokens: 16, stage: name, remarks },
  );
  return items.map((item, i): ScoredItem | undefined => {
    const reply = replies[i];
    if (reply === undefined) return undefined;
    const answers = answersOf(item);
    const index = answerNamed(reply.text, answers);
    if (index === undefined) {
      remarks.lack(name, "a reply that names none of the answers", reply.text);
      return undefined;
    }
    const matches = index < item.matching.length ? 1 : 0;
    return { item, probability: undefined, matches, picked: answers[index]! };
  });
}

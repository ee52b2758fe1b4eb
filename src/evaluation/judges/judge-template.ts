/** The form of a user's judge: what errors show, and what `--judge --init` writes. */

/** The form in one line. */
export const JUDGE_FORM =
  "export function score({ prompt, completion, messages, extra }): number, or " +
  "export function compare(prompt, first, second, row): number from 0 to 1";

/** A commented file to start from. */
export const JUDGE_TEMPLATE = `/**
 * A judge: which of two answers is better? Export one of two functions. Both may be async (to ask
 * a server, say) and run in a thread of their own; what they print goes to standard error. What
 * they said is kept in the run folder: \`attune resume\` asks nothing twice. A change of this file,
 * or of one that it imports by a relative path, asks everything anew; a package's is not noticed.
 *
 *   attune compare runs/old runs/new --data prompts.jsonl --judge ./judge.ts
 */
interface Answer {
  /** The prompt as text, roles included. */
  prompt: string;
  /** The answer. May be empty, cut, or nonsense. */
  completion: string;
  /** The prompt as it is in the data: a text, or messages with role and content. */
  messages: string | readonly { role: string; content: string }[];
  /** Further columns of the row, such as "solution" in {"prompt": "2 + 3 =", "solution": 5}. */
  extra: Readonly<Record<string, unknown>>;
}

/** How good is one answer? Higher is better; the better answer wins, equal ones are a tie. */
export function score({ prompt, completion, extra }: Answer): number {
  // right or wrong, where the row has a column "solution"
  const numbers = completion.match(/-?\\d+(\\.\\d+)?/g) ?? [];
  if ("solution" in extra) return Number(numbers.at(-1)) === Number(extra["solution"]) ? 1 : 0;
  // otherwise only a beginning, put your own in its place: what share of its different words takes up
  // what was asked, where one is its own? Padding, flattery and saying it again raise no such share.
  const words = (text: string): Set<string> =>
    new Set(text.toLowerCase().match(/[\\p{L}\\p{N}]{4,}/gu));
  const [asked, said] = [words(prompt), words(completion)];
  const shared = [...said].filter((word) => asked.has(word)).length;
  return shared === said.size ? 0 : shared / said.size;
}

/*
 * Or both answers at once, in both orders (take \`score\` away then). Gives the chance that the
 * first is better: 1, 0, 0.5 for a tie, or anything between.
 *
 * export function compare(prompt: string, first: string, second: string, row: Answer): number {
 *   return first.length < second.length ? 1 : 0;
 * }
 */
`;

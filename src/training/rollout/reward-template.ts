/** The form of a reward function: what errors show, and what `--reward --init` writes. */

/** The form in one line. */
export const REWARD_FORM =
  "export default ({ prompt, completion, stopped, messages, extra }) => number";

/** A commented file to start from. */
export const REWARD_TEMPLATE = `/**
 * A reward: how good is an answer? Higher is better; any finite number will do. It is called once
 * for each answer, many at a time, in a thread of its own, and once before the run, to see that it
 * works. It may be async (to ask a server, say). What it prints goes to standard error.
 *
 *   attune grpo --model MODEL --reward ./reward.ts --data tasks.jsonl
 */
interface Answer {
  /** The prompt as text, roles included. */
  prompt: string;
  /** The answer's text, without special tokens. May be empty, cut, or nonsense. */
  completion: string;
  /** Whether the answer ended by itself instead of being cut at --max-new-tokens. */
  stopped: boolean;
  /** The prompt as it is in the data: a text, or messages with role and content. */
  messages: string | readonly { role: string; content: string }[];
  /** Further columns of the row, such as "solution" in {"prompt": "2 + 3 =", "solution": 5}. */
  extra: Readonly<Record<string, unknown>>;
}

export default function reward({ completion, stopped, extra }: Answer): number {
  // 1 for the right number, where the row has a column "solution"
  const numbers = completion.match(/-?\\d+(\\.\\d+)?/g) ?? [];
  if ("solution" in extra) return Number(numbers.at(-1)) === Number(extra["solution"]) ? 1 : 0;
  // otherwise: short answers that end by themselves
  return (stopped ? 1 : 0) - completion.length / 1000;
}
`;

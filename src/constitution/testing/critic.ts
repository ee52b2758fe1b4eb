/** Critics without a model, and a small constitution, for tests. */
import type { Message } from "../../text/messages.ts";
import { answerKey } from "../answer-cache.ts";
import type { Constitution } from "../constitution.ts";
import { parseConstitution } from "../constitution.ts";
import type { Critic, LetterRequest, WritingRequest } from "../critic.ts";
import type { Letter } from "../letters.ts";

export const TEST_CONSTITUTION: Constitution = parseConstitution(`name: test
principles:
  - id: kind
    critique: Is it kind?
    revision: Make it kind.
    comparison: Which answer is kinder?
    tags: [helpful]
  - {id: calm, critique: Is it calm?, revision: Make it calm., comparison: Which answer is calmer?}
examples:
  critiques:
    - {prompt: Hi, answer: Go away, principle: kind, critique: That is rude., revision: "Hello!"}
  comparisons:
    - {prompt: Hi, first: "Hello!", second: Go away, principle: kind,
       reasoning: The second one is rude., better: first}
    - {prompt: Bye, first: Good riddance, second: "See you!", principle: calm,
       reasoning: The first one is bitter., better: second}
`);

export interface FakeCritic extends Critic {
  readonly written: WritingRequest[];
  readonly chosen: LetterRequest[];
}

/** A critic that does as it is told. */
export function fakeCritic({
  write = () => "text",
  letters = () => ({ A: Math.log(0.5), B: Math.log(0.5) }),
}: {
  write?: (request: WritingRequest) => string;
  letters?: (last: string, request: LetterRequest) => Record<Letter, number> | undefined;
}): FakeCritic {
  const [written, chosen]: [WritingRequest[], LetterRequest[]] = [[], []];
  return {
    name: "fake",
    concurrency: 3,
    letterConcurrency: 3,
    usage: { asked: 0, reused: 0, inputTokens: 0, outputTokens: 0, shortened: 0 },
    written,
    chosen,
    async write(request) {
      written.push(request);
      return { text: write(request), finish: "stop", keys: [answerKey(request)] };
    },
    async readLetters(request) {
      chosen.push(request);
      const logps = letters(lastUser(request.messages), request);
      return {
        method: "log-probabilities",
        keys: [answerKey(request)],
        ...(logps === undefined ? {} : { logps }),
      };
    },
    close: async () => undefined,
  };
}

/** The last request to the critic; where it reasons, the one before its thoughts. */
function lastUser(messages: readonly Message[]): string {
  return messages.findLast(({ role, content }) => role === "user" && content.includes("Answer A:"))!
    .content;
}

/** The two answers that a request shows, without their quotation marks. */
export function shownAnswers(request: string): [string, string] {
  const quoted = (name: string): string =>
    new RegExp(`Answer ${name}:\\n((?:\\| [^\\n]*\\n?)+)`)
      .exec(request)![1]!
      .trimEnd()
      .split("\n")
      .map((line) => line.slice(2))
      .join("\n");
  return [quoted("A"), quoted("B")];
}

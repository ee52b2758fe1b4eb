/** A model whose answers a test writes down. */
import type { Prompt } from "../../text/messages.ts";
import { promptText } from "../../text/messages.ts";
import type { AnswerRequest, ContinuationScore, NoAnswer, Subject } from "../subject.ts";

export interface Script {
  /** What it says to a prompt, whose text has the roles before its turns; undefined for none. */
  answer?: (prompt: string, request: AnswerRequest) => string | undefined;
  /** Log-probability of a continuation; undefined for none. */
  score?: (prompt: string, continuation: string) => number | undefined;
}

export interface ScriptedSubject extends Subject {
  /** Everything that was asked, in order. */
  readonly asked: string[];
}

const text = (prompt: Prompt): string =>
  typeof prompt === "string" ? `user: ${prompt}` : promptText(prompt);

export function scriptedSubject({ answer, score }: Script): ScriptedSubject {
  const asked: string[] = [];
  return {
    name: "scripted",
    fingerprint: "scripted",
    asked,
    answer(requests, hooks) {
      return Promise.resolve(
        requests.map((request, i) => {
          asked.push(text(request.prompt));
          const said = answer?.(text(request.prompt), request);
          hooks?.onDone?.(i + 1);
          return said === undefined
            ? { refused: "too long" }
            : { text: said, stopped: true, tokens: said.split(/\s+/).length };
        }),
      );
    },
    ...(score
      ? {
          score: (requests, hooks) =>
            Promise.resolve(
              requests.map(({ prompt, continuation }, i): ContinuationScore | NoAnswer => {
                asked.push(`${text(prompt)} -> ${continuation}`);
                const found = score(text(prompt), continuation);
                hooks?.onDone?.(i + 1);
                return found === undefined
                  ? { refused: "too long" }
                  : {
                      logProbability: found,
                      tokens: continuation.trim().split(/\s+/).length,
                      greedy: false,
                    };
              }),
            ),
        }
      : {}),
    close: () => Promise.resolve(),
  };
}

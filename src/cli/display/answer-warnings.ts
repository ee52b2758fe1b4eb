/** Says of drawn answers that they are worth nothing: empty, all the same, or cut. */
import { countOf } from "../../core/counts.ts";
import type { SeenAnswer } from "../../text/answer-faults.ts";
import { answerFaults, faultWarning } from "../../text/answer-faults.ts";
import type { Prompt } from "../../text/messages.ts";
import { promptText } from "../../text/messages.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { Reporter } from "./reporter.ts";

/**
 * Few answers say nothing of the model, but that one is not whole is said of each. Programs read it
 * in `finish`.
 */
export function noteCutAnswers(
  answers: readonly SeenAnswer[],
  reporter: Pick<Reporter, "note" | "mode">,
): void {
  const cut = answers.filter(({ stopped }) => stopped === false).length;
  if (
    cut === 0 ||
    reporter.mode === "json" ||
    answerFaults(answers).some(({ kind }) => kind === "cut")
  )
    return;
  const which =
    answers.length === 1
      ? "the answer was"
      : `${cut} of ${countOf(answers.length, "answer")} ${cut === 1 ? "was" : "were"}`;
  reporter.note(`${which} cut before the end (--max-new-tokens, or the model's context)`);
}

/**
 * Says of prompts that the model does not see them whole, since its vocabulary lacks their
 * characters.
 */
export function warnOfLostCharacters(
  prompts: readonly Prompt[],
  tokenizer: Tokenizer,
  reporter: Pick<Reporter, "warn">,
): void {
  const lost = prompts.map((prompt) => tokenizer.lostCharacters(promptText(prompt)));
  const all = lost.flat();
  if (all.length === 0) return;
  const rows = lost.filter(({ length }) => length > 0).length;
  const where =
    prompts.length === 1 ? "the prompt" : `${rows} of ${countOf(prompts.length, "prompt")}`;
  reporter.warn(
    "lost-characters",
    `the tokenizer has no token for ${countOf(all.length, "character")} of ` +
      `${where}, such as ${JSON.stringify(all[0])}: the model does not see what it has no token for`,
  );
}

/** @param what the answers are, in the plural; left out where there is only one kind */
export function warnOfAnswers(
  answers: readonly SeenAnswer[],
  reporter: Pick<Reporter, "warn">,
  what?: string,
): void {
  for (const fault of answerFaults(answers)) {
    const { id, message } = faultWarning(fault);
    reporter.warn(id, `${what === undefined ? "" : `${what}: `}${message}`);
  }
}

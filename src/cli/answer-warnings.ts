/** Says of drawn answers that they are worth nothing: empty, all the same, or cut. */
import { countOf } from "../core/counts.ts";
import type { SeenAnswer } from "../text/answer-faults.ts";
import { answerFaults, faultWarning } from "../text/answer-faults.ts";
import type { Reporter } from "./reporter.ts";

/** Few answers say nothing of the model, but that one is not whole is said of each. Programs read it in `finish`. */
export function noteCutAnswers(answers: readonly SeenAnswer[], reporter: Pick<Reporter, "note" | "mode">): void {
  const cut = answers.filter(({ stopped }) => stopped === false).length;
  if (cut === 0 || reporter.mode === "json" || answerFaults(answers).some(({ kind }) => kind === "cut")) return;
  reporter.note(`${answers.length === 1 ? "the answer was" : `${cut} of ${countOf(answers.length, "answer")} ${cut === 1 ? "was" : "were"}`} cut before the end (--max-new-tokens, or the model's context)`);
}

/** @param what the answers are, in the plural; left out where there is only one kind */
export function warnOfAnswers(answers: readonly SeenAnswer[], reporter: Pick<Reporter, "warn">, what?: string): void {
  for (const fault of answerFaults(answers)) {
    const { id, message } = faultWarning(fault);
    reporter.warn(id, `${what === undefined ? "" : `${what}: `}${message}`);
  }
}

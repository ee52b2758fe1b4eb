/** Says of drawn answers that they are worth nothing: empty, all the same, or cut. */
import type { SeenAnswer } from "../text/answer-faults.ts";
import { answerFaults, faultWarning } from "../text/answer-faults.ts";
import type { Reporter } from "./reporter.ts";

/** @param what the answers are, in the plural; left out where there is only one kind */
export function warnOfAnswers(answers: readonly SeenAnswer[], reporter: Pick<Reporter, "warn">, what?: string): void {
  for (const fault of answerFaults(answers)) {
    const { id, message } = faultWarning(fault);
    reporter.warn(id, `${what === undefined ? "" : `${what}: `}${message}`);
  }
}

/** Rows of prompts with a reference answer, which a judge compares the model's answer with. */
import type { Row } from "../../data/readers/row.ts";
import type { Remarks } from "../behaviour/measured.ts";
import { hasColumn, textOf } from "../behaviour/rows.ts";

export interface ReferencePrompt {
  readonly prompt: string;
  readonly reference: string;
}

const PROMPT = ["prompt", "instruction", "question", "input"];
const REFERENCE = ["reference", "output", "completion", "answer", "response", "chosen"];

/** IFEval's rows say which instructions they hold. */
export const isInstructed = (row: Row): boolean =>
  hasColumn(row, ["instruction_id_list", "instruction_ids"]);

export const hasReference = (row: Row): boolean =>
  !isInstructed(row) && textOf(row, PROMPT) !== undefined && textOf(row, REFERENCE) !== undefined;

/** Rows without both are left out and remarked; of a prompt that stands there twice the first. */
export function readReferences(rows: readonly Row[], remarks: Remarks): ReferencePrompt[] {
  const seen = new Set<string>();
  return rows.flatMap((row): ReferencePrompt[] => {
    const prompt = textOf(row, PROMPT);
    const reference = textOf(row, REFERENCE);
    if (prompt === undefined || reference === undefined) {
      remarks.add("no prompt, or no reference answer that is a text", prompt ?? row.place);
      return [];
    }
    if (seen.has(prompt)) {
      remarks.add("a prompt that stands there more than once; its first reference counts", prompt);
      return [];
    }
    seen.add(prompt);
    return [{ prompt, reference }];
  });
}

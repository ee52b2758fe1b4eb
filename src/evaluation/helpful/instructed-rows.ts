/** Rows of IFEval's form: `prompt`, `instruction_id_list`, `kwargs`, `key`. */
import { nearest, preview } from "../../core/errors.ts";
import { compact } from "../../data/records.ts";
import type { Row } from "../../data/readers/row.ts";
import type { Remarks } from "../behaviour/measured.ts";
import { columnOf, fileOf, parsed, textOf, textsOf, unreadable } from "../behaviour/rows.ts";
import type { InstructedPrompt } from "./following.ts";
import type { InstructionArguments } from "./instructions.ts";
import { INSTRUCTIONS, whyWrongArgument } from "./instructions.ts";
import { LANGUAGES } from "./language.ts";

/**
 * Prompts with what must be followed; rows that cannot be checked whole are left out and remarked.
 * @throws AttuneError `data` where the file is of another form or no row can be checked
 */
export function readInstructed(rows: readonly Row[], remarks: Remarks): InstructedPrompt[] {
  const prompts = rows.flatMap((row, i): InstructedPrompt[] => {
    const read = readRow(row, i);
    if (typeof read !== "string") return [read];
    remarks.add(read, textOf(row, ["prompt"]) ?? row.place);
    return [];
  });
  if (prompts.length === 0)
    throw unreadable(
      rows,
      `IFEval's columns: prompt, instruction_id_list, kwargs${remarks
        .texts("row")
        .slice(0, 1)
        .map((text) => ` (${text})`)
        .join("")}`,
    );
  return prompts;
}

function readRow(row: Row, index: number): InstructedPrompt | string {
  const prompt = textOf(row, ["prompt"]);
  const ids = textsOf(row, ["instruction_id_list", "instruction_ids"]);
  const given = parsed(columnOf(row, ["kwargs"]));
  if (prompt === undefined) return "no prompt";
  if (ids === undefined) return "no instruction";
  if (!Array.isArray(given) || given.length !== ids.length)
    return "kwargs is no list with arguments for each instruction";
  const instructions: { id: string; given: InstructionArguments }[] = [];
  for (const [i, id] of ids.entries()) {
    const read = readArguments(id, given[i] as unknown);
    if (typeof read === "string") return read;
    instructions.push({ id, given: read });
  }
  const key = textOf(row, ["key", "id"]) ?? String(index + 1);
  return compact({ key, file: fileOf(row), prompt, instructions }) as InstructedPrompt;
}

function readArguments(id: string, given: unknown): InstructionArguments | string {
  const instruction = Object.hasOwn(INSTRUCTIONS, id) ? INSTRUCTIONS[id]! : undefined;
  if (instruction === undefined) {
    const near = nearest(id, Object.keys(INSTRUCTIONS));
    const meant = near === undefined ? "" : ` (${near}?)`;
    return `an instruction that cannot be checked: ${preview(id)}${meant}`;
  }
  // The published file has a column of null for every argument of any instruction.
  const filled = Object.entries((given ?? {}) as object).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  const unknown = filled.find(([name]) => !Object.hasOwn(instruction.takes, name));
  if (unknown) return `${id} takes no ${unknown[0]}`;
  const values = Object.fromEntries(filled) as Record<string, unknown>;
  for (const [name, kind] of Object.entries(instruction.takes)) {
    const why = whyWrongArgument(values[name], kind);
    if (why !== undefined) return `${id} needs ${why} as ${name}`;
  }
  const { language } = values;
  if (typeof language === "string" && !LANGUAGES.has(language))
    return `the language ${preview(language)} is not told from others`;
  return values as InstructionArguments;
}

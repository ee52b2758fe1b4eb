/**
 * What a row gives the chat template besides its messages, in whatever format: definitions of tools
 * (`tools`, a list or its JSON text; OpenAI's legacy `functions`) and further variables
 * (`chat_template_kwargs`).
 * Sources: TRL docs/source/dataset_formats.md (tool calling); LLaMA-Factory data/README.md; OpenAI
 * fine-tuning guides.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import { holdsBigInteger } from "../../core/json.ts";
import type { TemplateInputs } from "../../text/messages.ts";
import { compact } from "../records.ts";
import type { Row } from "../readers/row.ts";
import { withoutPadding } from "./calls.ts";
import { asObject, parsedColumn } from "./columns.ts";
import { isAbsent } from "./marks.ts";

/** Columns that every format reads. */
export const INPUT_COLUMNS: readonly string[] = ["tools", "functions", "chat_template_kwargs"];

type Tools = NonNullable<TemplateInputs["tools"]>;
const TOO_BIG = "holds an integer beyond 2^53, which a template cannot be given";
/** Names that a template has anyway. */
const TAKEN = new Set([
  "messages",
  "tools",
  "add_generation_prompt",
  "continue_final_message",
  "tokenize",
  "chat_template",
]);

/** @throws AttuneError `data` for anything but definitions and names with values */
export function readInputs(row: Row): TemplateInputs {
  const { tools, functions } = row.columns;
  return compact({
    tools: toolsOf({ tools, functions }, "", row),
    templateArguments: readArguments(row),
  }) as TemplateInputs;
}

/**
 * Tools given as `tools` or `functions` in a row or in an object of it.
 * @param where what leads to them, such as `input.`
 */
export function toolsOf(
  { tools, functions }: { tools?: unknown; functions?: unknown },
  where: string,
  row: Row,
): Tools | undefined {
  const [given, legacy] = [
    readTools(tools, `${where}tools`, row),
    readTools(functions, `${where}functions`, row),
  ];
  if (given !== undefined && legacy !== undefined)
    throw fault(row, `${where}tools`, "stands beside functions", tools, "one of the two");
  return given ?? legacy?.map(wrapped);
}

function readTools(found: unknown, column: string, row: Row): Tools | undefined {
  const value = typeof found === "string" ? parsed(found, column, row) : withoutPadding(found, row);
  if (isAbsent(value)) return undefined;
  if (!Array.isArray(value))
    throw fault(
      row,
      column,
      "is no list of tools",
      found,
      "a list of JSON schemas, or its JSON text",
    );
  return value.map((item) => {
    const tool = asObject(typeof item === "string" ? parsed(item, column, row) : item);
    if (tool === undefined)
      throw fault(
        row,
        column,
        "holds something that is no tool",
        item,
        '{"type": "function", "function": {"name": ..., "parameters": ...}}',
      );
    if (holdsBigInteger(tool)) throw fault(row, column, TOO_BIG, item, "such numbers as texts");
    return tool;
  });
}

/** A bare definition as OpenAI's: the form that chat templates expect. */
export function wrapped(tool: Tools[number]): Tools[number] {
  return typeof tool["name"] === "string" && tool["function"] === undefined
    ? { type: "function", function: tool }
    : tool;
}

function readArguments(row: Row): TemplateInputs["templateArguments"] {
  const column = "chat_template_kwargs";
  const found = row.columns[column];
  const value = typeof found === "string" ? parsed(found, column, row) : found;
  if (isAbsent(value)) return undefined;
  const object = asObject(value);
  if (object === undefined)
    throw fault(
      row,
      column,
      "is no object",
      found,
      'names with values, such as {"enable_thinking": false}',
    );
  const taken = Object.keys(object).find((name) => TAKEN.has(name));
  if (taken !== undefined)
    throw fault(
      row,
      column,
      `sets ${taken}, which the row says elsewhere`,
      found,
      "further variables of the template",
    );
  if (holdsBigInteger(object)) throw fault(row, column, TOO_BIG, found, "such numbers as texts");
  const entries = Object.entries(object).filter(([, item]) => item !== null);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function parsed(text: string, column: string, row: Row): unknown {
  if (text.trim() === "") return undefined;
  return parsedColumn(text, row, () =>
    fault(row, column, "is a text that is no JSON", text, "a list or an object, or its JSON text"),
  );
}

function fault(
  { place }: Row,
  column: string,
  what: string,
  got: unknown,
  expected: string,
): AttuneError {
  return new AttuneError("data", `the column ${column} ${what}`, {
    ...place,
    got: preview(got),
    expected,
  });
}

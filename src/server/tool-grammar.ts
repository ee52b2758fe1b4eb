/**
 * Calls by the schemas of their tools, as grammars in the form of the model's family: demanded
 * ones, and strict ones among free words.
 */
import type { Expression } from "../sampling/grammar/automaton.ts";
import {
  CONTROL,
  bytes,
  choice,
  literal,
  optional,
  repeat,
  sequence,
  until,
  without,
} from "../sampling/grammar/automaton.ts";
import type { Grammar } from "../sampling/grammar/json-grammar.ts";
import { grammarWith } from "../sampling/grammar/json-grammar.ts";

export interface CallRules {
  tools: readonly {
    name: string;
    /** Schema of the arguments; undefined for any object. */
    parameters: unknown;
  }[];
  /** Something must be called; otherwise words may stand alone, or before calls. */
  demanded: boolean;
  /** Several calls may follow each other. */
  several: boolean;
  openThought: boolean;
}

/**
 * The form's name, its marks that are control tokens, and the template that shows how calls are
 * written.
 */
export interface FormFacts {
  form: string | undefined;
  marks: readonly string[];
  source: string;
}

type Mark = (text: string) => Expression;

/** How a family writes calls. */
interface WrittenForm {
  /** Text that calls begin with; a brace where they have no mark. */
  opening: string;
  call(name: string, given: Expression): Expression;
  /** @param first the opening, with what may stand before it */
  all(call: Expression, options: { several: boolean; first: Expression; mark: Mark }): Expression;
}

/** Calls of one answer at most. */
const MOST_CALLS = 16;

const object =
  (key: string) =>
  (name: string, given: Expression): Expression =>
    sequence(literal(`{"name": ${JSON.stringify(name)}, "${key}": `), given, literal("}"));
const more = (several: boolean, ...parts: readonly Expression[]): Expression =>
  several ? repeat(sequence(...parts), 0, MOST_CALLS - 1) : sequence();
const listed = (call: Expression, several: boolean): Expression =>
  sequence(literal("["), call, more(several, literal(", "), call), literal("]"));

const HERMES: WrittenForm = {
  opening: "<tool_call>",
  call: object("arguments"),
  all(call, { several, first, mark }) {
    const body = sequence(literal("\n"), call, literal("\n"), mark("</tool_call>"));
    return sequence(first, body, more(several, literal("\n"), mark("<tool_call>"), body));
  },
};
const PHI: WrittenForm = {
  opening: "<|tool_call|>",
  call: object("arguments"),
  all: (call, { several, first, mark }) =>
    sequence(first, listed(call, several), mark("<|/tool_call|>")),
};
const LLAMA: WrittenForm = { opening: "{", call: object("parameters"), all: (call) => call };
const MISTRAL: WrittenForm = {
  opening: "[TOOL_CALLS]",
  call: object("arguments"),
  all: (call, { several, first }) => sequence(first, optional(literal(" ")), listed(call, several)),
};
const LATER_MISTRAL = (mark: Mark): WrittenForm => ({
  opening: "[TOOL_CALLS]",
  call: (name, given) => sequence(literal(name), mark("[ARGS]"), given),
  all: (call, { several, first }) =>
    sequence(first, call, more(several, mark("[TOOL_CALLS]"), call)),
});

function formOf({ form, source }: FormFacts, mark: Mark): WrittenForm | undefined {
  if (form === "mistral") return source.includes("[ARGS]") ? LATER_MISTRAL(mark) : MISTRAL;
  return form === "hermes" ? HERMES : form === "phi" ? PHI : form === "llama" ? LLAMA : undefined;
}

const markOf =
  ({ marks }: FormFacts): Mark =>
  (text) =>
    marks.includes(text) ? bytes(CONTROL + marks.indexOf(text)) : literal(text);
const anything = repeat(bytes([0, 255]), 0);
const isControl = ({ marks }: FormFacts, text: string): boolean => marks.includes(text);

/** Whether answers can be forced to write calls of this form by the tools' schemas. */
export const canConstrainCalls = (facts: FormFacts): boolean =>
  formOf(facts, literal) !== undefined;

/** @throws AttuneError `data` where a schema asks for what is not supported */
export function callGrammar(
  facts: FormFacts,
  { tools, demanded, several, openThought }: CallRules,
): Grammar {
  const mark = markOf(facts);
  const form = formOf(facts, mark)!;
  const { opening } = form;
  return grammarWith(
    tools.map(({ parameters }) => parameters ?? { type: "object" }),
    (values) => {
      const call = choice(...tools.map(({ name }, index) => form.call(name, values[index]!)));
      const before = isControl(facts, opening) ? sequence(anything, mark(opening)) : until(opening);
      const calls = form.all(call, { several, first: demanded ? mark(opening) : before, mark });
      // of a form without a mark, an answer that begins with a brace is a call
      const words = isControl(facts, opening)
        ? anything
        : opening === "{"
          ? optional(sequence(bytes([0, 0x7a], [0x7c, 255]), anything))
          : without(opening);
      return sequence(
        openThought ? restOfThought(facts) : demanded ? optional(literal(" ")) : sequence(),
        demanded ? calls : choice(words, calls),
      );
    },
  );
}

/** The rest of a thought that the prompt has opened. */
export function restOfThought(facts: FormFacts): Expression {
  const close = "</think>";
  return sequence(
    isControl(facts, close) ? sequence(anything, markOf(facts)(close)) : until(close),
    repeat(choice(literal("\n"), literal(" ")), 0, 2),
  );
}

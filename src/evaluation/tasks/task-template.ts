/**
 * Templates of a task, rendered as lm_eval renders them: Jinja without trimmed blocks, with the
 * last line end kept, an error for what is not there, and a filter `regex_replace`.
 * Source: `apply_template` in lm_eval/utils.py.
 */
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError } from "../../core/errors.ts";
import { wallClock } from "../../core/wall-clock.ts";
import { textOf } from "../../text/jinja/data-text.ts";
import { Budget, LimitError } from "../../text/jinja/budget.ts";
import { toText } from "../../text/jinja/printing.ts";
import { Template } from "../../text/jinja/template.ts";
import type { Value } from "../../text/jinja/values.ts";
import { Dict, List, TemplateError } from "../../text/jinja/values.ts";
import type { Document, Split } from "./documents.ts";
import { patternOf, replaceAll } from "./python-pattern.ts";

const STYLE = { trimBlocks: false, keepTrailingNewline: true, strict: true };

/** Characters that a document may make of a template beyond its own, for the renderer's bounds. */
const sizeOf = (document: Document): number => JSON.stringify(document).length;

/** JSON as Python has it; a fraction stays one where its column holds fractions. */
export function valueOf(given: unknown, fraction = false): Value {
  if (given === null || given === undefined) return null;
  if (typeof given === "number")
    return Number.isInteger(given) && !fraction && Math.abs(given) < 1e21 ? BigInt(given) : given;
  if (typeof given === "string" || typeof given === "boolean" || typeof given === "bigint")
    return given;
  if (given instanceof Date) return given.toISOString();
  if (Array.isArray(given)) return new List(given.map((each) => valueOf(each)));
  return new Dict(Object.entries(given as object).map(([key, each]) => [key, valueOf(each)]));
}

/** A value as `str()` writes it. */
export const pythonText = (given: unknown, fraction = false): string =>
  textOf(toText(valueOf(given, fraction), new Budget(JSON.stringify(given ?? null).length)));

const filters = {
  regex_replace: (
    _: string,
    operand: Value,
    { positional, named }: { positional: readonly Value[]; named: ReadonlyMap<string, Value> },
  ): Value => {
    const given = (place: number, name: string): string => {
      const value = positional[place] ?? named.get(name);
      if (value === undefined) throw new TemplateError(`regex_replace wants ${name}`);
      return textOf(toText(value, new Budget(0)));
    };
    if (named.has("count") || positional.length > 2)
      throw new TemplateError("regex_replace replaces all matches; a count is not known");
    return replaceAll(
      patternOf(given(0, "pattern")),
      textOf(toText(operand, new Budget(0))),
      given(1, "repl"),
    );
  },
};

/** A template that is parsed once. */
export class TaskTemplate {
  private readonly template: Template;
  private readonly place: ErrorPlace;
  private readonly source: string;

  /** @throws AttuneError `data` for what is no template */
  constructor(source: string, place: ErrorPlace) {
    this.source = source;
    this.place = place;
    try {
      this.template = new Template(source, STYLE);
    } catch (cause) {
      throw this.error("a template of the task cannot be read", cause);
    }
  }

  /** @throws AttuneError `data` where the document lacks something, or the template runs too long */
  render(
    document: Document,
    { fractions, row }: Pick<Split, "fractions"> & { row: number },
  ): string {
    const variables = new Map<string, Value>(
      Object.entries(document).map(([name, value]) => [name, valueOf(value, fractions.has(name))]),
    );
    try {
      return textOf(
        this.template.render(variables, {
          time: () => wallClock(),
          inputSize: sizeOf(document),
          filters,
        }),
      );
    } catch (cause) {
      throw this.error(`a template of the task fails on document ${row}`, cause);
    }
  }

  private error(what: string, cause: unknown): Error {
    if (!(cause instanceof TemplateError || cause instanceof LimitError)) return cause as Error;
    return new AttuneError("data", what, {
      ...this.place,
      got: `${cause.message}: ${this.source.slice(0, 200)}`,
      hint: "the columns of a document are the variables of its templates",
      cause,
    });
  }
}

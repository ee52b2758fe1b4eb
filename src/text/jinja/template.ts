/**
 * Templates as Jinja 3.1.6 renders them in its immutable sandbox; chat templates, unless another
 * style is named, as transformers does (trim_blocks, lstrip_blocks, its own `tojson`). Within
 * bounds, by an interpreter that keeps what came from data apart. Why not a library: docs/decisions/chat-templates.md.
 */
import type { Program } from "./ast.ts";
import { Budget, LimitError } from "./budget.ts";
import type { Text } from "./data-text.ts";
import { applyFilter } from "./filters.ts";
import { globalsOf } from "./globals.ts";
import { Interpreter } from "./interpreter.ts";
import { methodOf } from "./methods.ts";
import { parseTemplate } from "./parser.ts";
import type { TemplateStyle } from "./lexer.ts";
import { CHAT_STYLE } from "./lexer.ts";
import type { Runtime } from "./runtime.ts";
import { Scope } from "./scope.ts";
import { applyTest } from "./tests.ts";
import type { Value } from "./values.ts";

export interface RenderSettings {
  /** Local date and time, as {@link wallClock} writes it. */
  time: () => string;
  /** Characters that the variables hold. */
  inputSize: number;
  /** Filters beside Jinja's own. */
  filters?: Readonly<Record<string, Runtime["filter"]>>;
}

export class Template {
  readonly program: Program;
  private readonly style: TemplateStyle;

  /** @throws TemplateError with the line */
  constructor(source: string, style = CHAT_STYLE) {
    this.style = style;
    this.program = withoutOverflow(() => parseTemplate(source, style));
  }

  /** @throws TemplateError, LimitError */
  render(
    variables: ReadonlyMap<string, Value>,
    { time, inputSize, filters = {} }: RenderSettings,
  ): Text {
    const runtime: Runtime = {
      budget: new Budget(inputSize),
      time,
      strict: this.style.strict,
      method: methodOf,
      filter: (name, ...given) =>
        (Object.hasOwn(filters, name) ? filters[name]! : applyFilter)(name, ...given),
      test: applyTest,
    };
    const globals = new Scope();
    for (const [name, value] of globalsOf(runtime)) globals.set(name, value);
    const scope = new Scope(globals);
    for (const [name, value] of variables) scope.set(name, value);
    return withoutOverflow(() =>
      new Interpreter(runtime).render(this.program.body, new Scope(scope)),
    );
  }
}

/** JavaScript's stack is the last limit of what is nested. */
function withoutOverflow<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError)
      throw new LimitError("it is nested too deep, or makes a text that is too long");
    throw error;
  }
}

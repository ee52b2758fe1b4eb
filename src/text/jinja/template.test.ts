import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { TemplateData } from "../template-data.ts";
import { LimitError } from "./budget.ts";
import { textOf } from "./data-text.ts";
import { Template } from "./template.ts";
import type { Value } from "./values.ts";
import { TemplateError } from "./values.ts";

interface Golden {
  time: string;
  variables: Record<string, unknown>;
  cases: [template: string, text: string | null][];
}

const golden = JSON.parse(
  readFileSync(new URL("../golden/chat/jinja.json", import.meta.url), "utf8"),
  (key, value: unknown, context?: { source: string }) =>
    key === "big" ? BigInt(context?.source ?? "12345678901234567890") : value,
) as Golden;

function render(source: string, variables: Record<string, unknown> = {}): string {
  const data = new TemplateData();
  const values = new Map<string, Value>(
    Object.entries(variables).map(([name, value]) => [name, data.value(value, "free", name)]),
  );
  return textOf(
    new Template(source).render(values, { time: () => golden.time, inputSize: data.size }),
  );
}

/** What Python's own limits or objects decide, and no template needs. */
function outcome(source: string): string | null {
  try {
    return render(source, golden.variables);
  } catch (error) {
    if (error instanceof TemplateError || error instanceof LimitError) return null;
    throw error;
  }
}

describe("templates give the text that transformers' environment gives", () => {
  test("all that it renders", () => {
    const wrong = golden.cases.filter(
      ([source, text]) => text !== null && outcome(source) !== text,
    );
    expect(wrong.map(([source, text]) => ({ source, text, got: outcome(source) }))).toEqual([]);
  });

  test("what it refuses is refused", () => {
    const wrong = golden.cases.filter(
      ([source, text]) => text === null && outcome(source) !== null,
    );
    expect(wrong.map(([source]) => ({ source, got: outcome(source) }))).toEqual([]);
  });
});

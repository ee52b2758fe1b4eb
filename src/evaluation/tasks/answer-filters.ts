/**
 * What a task takes of a written answer before it is compared.
 * Source: lm_eval/filters (extraction.py, transformation.py) 0.4.13.
 */
import { CLASSES, findAll, patternOf } from "./python-pattern.ts";
import type { FilterStep } from "./task-schema.ts";

/** Undefined where a `map` has no entry for the answer. */
type Filtered = string | undefined;

/** A pipeline that is parsed once. */
export function filterOf(steps: readonly FilterStep[]): (answer: string) => string {
  const all = steps.map(stepOf);
  return (answer) => all.reduce<Filtered>((text, step) => step(text ?? "None"), answer) ?? "None";
}

function stepOf(step: FilterStep): (text: string) => Filtered {
  switch (step.function) {
    case "take_first":
      // one answer was asked for
      return (text) => text;
    case "remove_whitespace":
      return (text) => strip(text);
    case "lowercase":
      return (text) => text.toLowerCase();
    case "uppercase":
      return (text) => text.toUpperCase();
    case "map": {
      const entries = new Map(Object.entries(step.mapping_dict));
      const fallback = step.default_value === null ? undefined : String(step.default_value);
      return (text) => entries.get(text) ?? fallback;
    }
    case "regex": {
      const pattern = patternOf(step.regex_pattern);
      return (text) => {
        const found = findAll(pattern, text).at(step.group_select);
        const part = typeof found === "object" ? found.find((group) => group !== "") : found;
        return part === undefined ? step.fallback : strip(part);
      };
    }
  }
}

/** As Python's str.strip(). */
const SPACE = `[${CLASSES["s"]!}]`;
const ENDS = new RegExp(`^${SPACE}+|${SPACE}+$`, "gu");
export const strip = (text: string): string => text.replaceAll(ENDS, "");

/** What somebody has set in a form of options, and what that makes of the others. */
import type { ConfigDefinition, ConfigValues, Option } from "../../../src/config/config.ts";
import { defaultFor, holds, isPredicate } from "../../../src/config/config.ts";
import { expectation } from "../../../src/config/types.ts";
import { strings } from "../strings.ts";

/** What was set, by dotted path; what is left out has its default. */
export type Given = Readonly<Record<string, unknown>>;
/** Options in a tree, as YAML and the API have them. */
export type Tree = Readonly<Record<string, unknown>>;

export interface OptionState {
  option: Option;
  /** What holds: given, or the default. */
  value: unknown;
  given: boolean;
  /** The default here; undefined where there is none. */
  standard: { value: unknown; source: string } | undefined;
  /** Why it has no effect; undefined where it has one. */
  unused: string | undefined;
  error: string | undefined;
}

/** Every option with its value, in the definition's order. */
export function optionStates(definition: ConfigDefinition, given: Given): OptionState[] {
  const values = new Map<string, unknown>();
  const lookUp: ConfigValues = (path) => values.get(path);
  const states = definition.options.map((option): OptionState => {
    const { path, field } = option;
    const isGiven = path in given;
    const standard = field.kind === "optional" ? defaultFor(field, lookUp) : undefined;
    const value = isGiven ? given[path] : standard?.value;
    values.set(path, value);
    return { option, value, given: isGiven, standard, unused: undefined, error: undefined };
  });
  return states.map((state) => ({
    ...state,
    unused: whyUnused(state.option, lookUp),
    error: errorOf(state),
  }));
}

function whyUnused({ field: { appliesWhen } }: Option, lookUp: ConfigValues): string | undefined {
  if (appliesWhen === undefined || holds(appliesWhen, lookUp)) return undefined;
  if (isPredicate(appliesWhen)) return strings.form.usedOnly(appliesWhen.says);
  const [name, values] = Object.entries(appliesWhen).find(
    ([name, values]) => !holds({ [name]: values }, lookUp),
  )!;
  return strings.form.usedWith(name, values.map(String).join(", "));
}

function errorOf({ option: { field }, value, given, standard }: OptionState): string | undefined {
  if (!given) return standard === undefined ? strings.form.needed : undefined;
  const result = field.type.safeParse(value);
  if (result.success) return undefined;
  const issue = result.error.issues[0]!;
  return issue.code === "custom" || issue.code === "invalid_format"
    ? issue.message
    : strings.form.expected(expectation(field.type));
}

/** @returns what was set and has an effect, as a tree */
export function treeOf(definition: ConfigDefinition, given: Given): Tree {
  const root: Record<string, unknown> = {};
  for (const { option, value, given: isGiven, unused } of optionStates(definition, given)) {
    if (!isGiven || unused !== undefined) continue;
    const parts = option.path.split(".");
    let target = root;
    for (const part of parts.slice(0, -1))
      target = (target[part] ??= {}) as Record<string, unknown>;
    target[parts.at(-1)!] = value;
  }
  return root;
}

/** The other way: values of a tree whose option the definition has, where they are no defaults. */
export function givenOf(definition: ConfigDefinition, tree: Tree): Given {
  const given: Record<string, unknown> = {};
  for (const { path, field } of definition.options) {
    let value: unknown = tree;
    for (const part of path.split("."))
      value = typeof value === "object" && value !== null ? (value as Tree)[part] : undefined;
    const standard = field.kind === "optional" ? field.default : undefined;
    if (value !== undefined && JSON.stringify(value) !== JSON.stringify(standard))
      given[path] = value;
  }
  return given;
}

/** Whether a form may be sent. */
export const isWhole = (states: readonly OptionState[]): boolean =>
  states.every(({ error, unused }) => error === undefined || unused !== undefined);

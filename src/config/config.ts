/**
 * One definition of a trainer's options gives the TypeScript type, the command-line flags, the YAML
 * check and the documentation table. This file holds the definition and its resolution; reading the
 * sources (YAML, `--set`, flags) is in sources.ts, tables and flags are in faces.ts.
 *
 * Differences from dataclass configs (TRL):
 * 1. unknown keys are refused;
 * 2. an option that the chosen method ignores is refused when it is set;
 * 3. every default cites where it comes from;
 * 4. given and resolved options are kept apart.
 * No node:* imports: a browser may use the definitions too.
 */
import type { z } from "zod";
import { AttuneError, type ErrorPlace, invariant, nearest, preview } from "../core/errors.ts";
import { describeType, expectation } from "./types.ts";

type Plain = string | number | boolean | null;

/**
 * Holds when every named option has one of the values (or, for a list option, contains one of
 * them).
 */
export type Condition = { readonly [option: string]: readonly Plain[] };

/**
 * For what a list of values cannot say. `says` completes "only used ...":
 * `says: "with a decaying schedule"`.
 */
export interface PredicateCondition {
  readonly says: string;
  readonly test: (config: ConfigValues) => boolean;
}

/** Looks up a value by its dotted path in a config that is being resolved. */
export type ConfigValues = (path: string) => unknown;

interface FieldText {
  readonly description: string;
  /** Heading in `--help` and in the documentation. */
  readonly group: string;
  /** Unit of a number: `tokens`, `steps`, `nats`. */
  readonly unit?: string;
  /** Only where the schema's own bounds do not say it. */
  readonly range?: string;
  /** What to do instead, by words that people may expect here and that are not taken. */
  readonly instead?: Readonly<Record<string, string>>;
  /** When the option has an effect; setting it otherwise is refused. */
  readonly appliesWhen?: Condition | PredicateCondition;
}

interface OptionalFieldSpec<Type extends z.ZodType> extends FieldText {
  readonly type: Type;
  readonly default: z.output<Type>;
  /** Where the default comes from: a paper's section or a reference implementation. */
  readonly source: string;
  /** Other defaults where earlier options say so; the first that holds wins. */
  readonly defaultWhen?: readonly {
    readonly when: Condition;
    readonly value: z.output<Type>;
    readonly source: string;
  }[];
}

interface RequiredFieldSpec<Type extends z.ZodType> extends FieldText {
  readonly type: Type;
}

export interface OptionalField<Type extends z.ZodType = z.ZodType> extends OptionalFieldSpec<Type> {
  readonly kind: "optional";
}

/** An option without a default, such as the model. */
export interface RequiredField<Type extends z.ZodType = z.ZodType> extends RequiredFieldSpec<Type> {
  readonly kind: "required";
}

export type Field<Type extends z.ZodType = z.ZodType> = OptionalField<Type> | RequiredField<Type>;

/** Options by name (camel case); a nested object makes the options `name.inner`. */
export interface Fields {
  readonly [name: string]: Field | Fields;
}

export function field<Type extends z.ZodType>(spec: OptionalFieldSpec<Type>): OptionalField<Type> {
  return { kind: "optional", ...spec };
}

export function requiredField<Type extends z.ZodType>(
  spec: RequiredFieldSpec<Type>,
): RequiredField<Type> {
  return { kind: "required", ...spec };
}

/** The type of a resolved config: every option has a value. */
export type ConfigOf<D> =
  D extends ConfigDefinition<infer F>
    ? ConfigOf<F>
    : {
        readonly [K in keyof D]: D[K] extends Field<infer Type>
          ? z.output<Type>
          : D[K] extends Fields
            ? ConfigOf<D[K]>
            : never;
      };

type RequiredKeys<F> = { [K in keyof F]: F[K] extends RequiredField ? K : never }[keyof F];

/** The type of what a caller gives: required options, and any of the others. */
export type GivenOf<D> =
  D extends ConfigDefinition<infer F>
    ? GivenOf<F>
    : {
        readonly [K in RequiredKeys<D>]: D[K] extends Field<infer Type> ? z.input<Type> : never;
      } & {
        readonly [K in Exclude<keyof D, RequiredKeys<D>>]?: D[K] extends Field<infer Type>
          ? z.input<Type>
          : D[K] extends Fields
            ? GivenOf<D[K]>
            : never;
      };

/** A rule between options that no single schema can hold. */
export interface ConfigProblem {
  /** Path of the option to blame. */
  readonly option: string;
  readonly what: string;
  readonly expected?: string;
  readonly hint?: string;
}

/** One option of a definition, flattened. */
export interface Option {
  /** Dotted path: `lora.rank`. */
  readonly path: string;
  /** Long flag: `--lora-rank`. */
  readonly flag: string;
  readonly field: Field;
}

export interface ConfigDefinition<F extends Fields = Fields> {
  /** The command that the options belong to. */
  readonly name: string;
  /** Command lines, for the end of `--help`. */
  readonly examples?: readonly string[];
  readonly fields: F;
  readonly options: readonly Option[];
  // a method, so that a definition of certain fields is a definition of any fields
  check?(config: ConfigOf<F>): ConfigProblem | undefined;
}

/**
 * Makes a definition from a tree of fields. Names are camel case; conditions may name only options
 * that come earlier. A definition that contradicts itself (a default outside its schema, two
 * options with one flag) is an `internal` error.
 */
export function defineConfig<F extends Fields>(spec: {
  name: string;
  examples?: readonly string[];
  fields: F;
  check?: (config: ConfigOf<F>) => ConfigProblem | undefined;
}): ConfigDefinition<F> {
  const options = flatten(spec.fields, "");
  const flags = new Set<string>();
  const earlier = new Set<string>();
  for (const option of options) {
    invariant(!flags.has(option.flag), `${spec.name}: two options have the flag ${option.flag}`);
    flags.add(option.flag);
    checkDefaults(option, earlier);
    earlier.add(option.path);
  }
  for (const option of options) {
    for (const name of conditionOptions(option.field.appliesWhen)) {
      invariant(earlier.has(name), `${option.path}: appliesWhen names the unknown option ${name}`);
    }
  }
  return { ...spec, options };
}

function flatten(fields: Fields, prefix: string): Option[] {
  return Object.entries(fields).flatMap(([name, entry]) => {
    const path = prefix + name;
    invariant(/^[a-z][a-zA-Z0-9]*$/.test(name), `the option name ${path} is not in camel case`);
    return isField(entry)
      ? [{ path, flag: `--${kebab(path)}`, field: entry }]
      : flatten(entry, `${path}.`);
  });
}

function isField(entry: Field | Fields): entry is Field {
  return entry.kind === "optional" || entry.kind === "required";
}

function kebab(path: string): string {
  return path.replaceAll(".", "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function checkDefaults({ path, field }: Option, earlier: ReadonlySet<string>): void {
  if (field.kind === "required") return;
  const values = [field.default, ...(field.defaultWhen ?? []).map(({ value }) => value)];
  for (const value of values) {
    invariant(
      field.type.safeParse(value).success,
      `the default ${preview(value)} of ${path} does not fit its own schema`,
    );
  }
  for (const { when } of field.defaultWhen ?? []) {
    for (const name of conditionOptions(when))
      invariant(
        earlier.has(name),
        `${path}: defaultWhen names ${name}, which does not come earlier`,
      );
  }
}

/** Names of the options that a condition reads; none for a predicate. */
function conditionOptions(condition: Condition | PredicateCondition | undefined): string[] {
  return condition === undefined || isPredicate(condition) ? [] : Object.keys(condition);
}

export function isPredicate(
  condition: Condition | PredicateCondition,
): condition is PredicateCondition {
  return typeof condition.test === "function";
}

/** One value that somebody gave, and where. */
export interface GivenValue {
  readonly value: unknown;
  readonly place: ErrorPlace;
  /** How messages call it: the key as written, or the flag. */
  readonly label: string;
}

export interface ParsedConfig<D extends ConfigDefinition = ConfigDefinition> {
  /** What was given, under canonical names. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly resolved: ConfigOf<D>;
  /** The resolved options that have an effect; giving these again resolves to the same config. */
  readonly effective: Readonly<Record<string, unknown>>;
}

/**
 * Checks given values (by dotted path) and fills in the defaults.
 * @throws AttuneError `config` for a value outside its schema, a missing required option, an option
 * without effect, or a broken rule between options
 */
export function resolveValues<D extends ConfigDefinition>(
  definition: D,
  given: ReadonlyMap<string, GivenValue>,
): ParsedConfig<D> {
  const values = new Map<string, unknown>();
  const lookUp: ConfigValues = (path) => values.get(path);
  for (const { path, field, flag } of definition.options) {
    const entry = given.get(path);
    if (entry) values.set(path, checkValue(path, field, entry));
    else if (field.kind === "optional") values.set(path, defaultOf(field, lookUp));
    else throw missing(definition.name, path, flag);
  }
  const effective = definition.options.filter(({ path, field }) => {
    const entry = given.get(path);
    if (field.appliesWhen === undefined || holds(field.appliesWhen, lookUp)) return true;
    if (entry) throw ignored(path, field.appliesWhen, lookUp, entry);
    return false;
  });
  const resolved = nest(
    definition.options.map(({ path }) => [path, values.get(path)]),
  ) as ConfigOf<D>;
  const problem = definition.check?.(resolved as ConfigOf<Fields>);
  if (problem) throw brokenRule(problem, given.get(problem.option), values.get(problem.option));
  return {
    given: nest(
      definition.options
        .filter(({ path }) => given.has(path))
        .map(({ path }) => [path, values.get(path)]),
    ),
    resolved,
    effective: nest(effective.map(({ path }) => [path, values.get(path)])),
  };
}

function checkValue(path: string, field: Field, { value, place, label }: GivenValue): unknown {
  const result = field.type.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const inner = issue.path.length === 0 ? "" : ` (at ${issue.path.join(".")})`;
  const near =
    typeof value === "string" ? nearest(value, describeType(field.type).words) : undefined;
  const instead = Object.entries(field.instead ?? {}).find(([word]) =>
    String(value).split(",").includes(word),
  )?.[1];
  const expected = issue.code === "custom" ? issue.message : expectation(field.type);
  throw new AttuneError("config", `${label} does not take this value${inner}`, {
    ...place,
    got: preview(value),
    expected: field.unit === undefined ? expected : `${expected} (${field.unit})`,
    hint:
      instead ?? (near === undefined ? `${path}: ${field.description}` : `did you mean ${near}?`),
  });
}

const defaultOf = (field: OptionalField, lookUp: ConfigValues): unknown =>
  defaultFor(field, lookUp).value;

/** What an option is where nobody gives it, and where that comes from. */
export function defaultFor(
  field: OptionalField,
  lookUp: ConfigValues,
): { value: unknown; source: string } {
  const found = field.defaultWhen?.find(({ when }) => holds(when, lookUp));
  return found ?? { value: field.default, source: field.source };
}

/** Whether a condition between options holds. */
export function holds(condition: Condition | PredicateCondition, lookUp: ConfigValues): boolean {
  if (isPredicate(condition)) return condition.test(lookUp);
  return Object.entries(condition).every(([name, allowed]) => matches(lookUp(name), allowed));
}

function matches(value: unknown, allowed: readonly Plain[]): boolean {
  return Array.isArray(value)
    ? value.some((item) => matches(item, allowed))
    : allowed.includes(value as Plain);
}

function missing(command: string, path: string, flag: string): AttuneError {
  return new AttuneError("config", `${command} needs the option ${path}`, {
    hint: `${flag} on the command line, or "${path}" in the config file`,
  });
}

function ignored(
  path: string,
  condition: Condition | PredicateCondition,
  lookUp: ConfigValues,
  { place, label }: GivenValue,
): AttuneError {
  if (isPredicate(condition)) {
    return new AttuneError("config", `${label} has no effect here`, {
      ...place,
      expected: `${path} is only used ${condition.says}`,
      hint: `remove ${path}`,
    });
  }
  const [name, allowed] = Object.entries(condition).find(
    ([name, allowed]) => !matches(lookUp(name), allowed),
  )!;
  const value = lookUp(name);
  const shown = Array.isArray(value) ? value.join(", ") : String(value);
  return new AttuneError("config", `${label} has no effect with ${name} ${shown}`, {
    ...place,
    got: `${name}: ${shown}`,
    expected: `${path} is used with ${name} ${allowed.map(String).join(", ")}`,
    hint: `remove ${path}, or change ${name}`,
  });
}

function brokenRule(
  problem: ConfigProblem,
  entry: GivenValue | undefined,
  value: unknown,
): AttuneError {
  return new AttuneError("config", `${entry?.label ?? problem.option}: ${problem.what}`, {
    ...entry?.place,
    got: preview(value),
    ...(problem.expected === undefined ? {} : { expected: problem.expected }),
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
  });
}

/** `[["lora.rank", 8]]` to `{ lora: { rank: 8 } }`. */
function nest(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [path, value] of entries) {
    const parts = path.split(".");
    let target = root;
    for (const part of parts.slice(0, -1))
      target = (target[part] ??= {}) as Record<string, unknown>;
    target[parts.at(-1)!] = value;
  }
  return root;
}

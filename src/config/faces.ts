/**
 * What people see of a config definition: the documentation table, and the words behind each flag
 * in `--help`.
 */
import {
  type Condition,
  type ConfigDefinition,
  type Field,
  isPredicate,
  type Option,
  type OptionalField,
  type PredicateCondition,
} from "./config.ts";
import { describeType, expectation } from "./types.ts";

/** One flag, ready for a command-line parser. */
export interface FlagWords {
  /** `--lora-rank <integer>`; no value for true or false. */
  readonly usage: string;
  /** `--no-packing`, for true or false only. */
  readonly negated: string | undefined;
  readonly help: string;
  readonly group: string;
}

export function flagWords({ flag, field }: Option): FlagWords {
  const { boolean, type, words } = describeType(field.type);
  const placeholder =
    words.length > 0 ? "name" : type.startsWith("list") ? "a,b" : type.split(" ")[0]!;
  return {
    usage: boolean ? flag : `${flag} <${placeholder}>`,
    negated: boolean ? flag.replace("--", "--no-") : undefined,
    help: helpText(field),
    group: field.group,
  };
}

/** What the option does and takes; on a line of its own the default, with its source. */
function helpText(field: Field): string {
  const inBrackets = facts(field);
  const what =
    inBrackets.length === 0 ? field.description : `${field.description} (${inBrackets.join("; ")})`;
  return field.kind === "required" ? what : `${what}\ndefault ${sourcedDefaults(field)}`;
}

/** What the placeholder of the flag says already. */
const SAID_BY_PLACEHOLDER: readonly string[] = [
  "number",
  "integer",
  "text",
  "list of texts",
  "text or list of texts",
];

function facts(field: Field): string[] {
  const takes = range(field);
  return [
    ...(describeType(field.type).boolean || SAID_BY_PLACEHOLDER.includes(takes) ? [] : [takes]),
    ...(field.unit === undefined ? [] : [field.unit]),
    ...(field.appliesWhen === undefined ? [] : [`only with ${says(field.appliesWhen)}`]),
    ...(field.kind === "required" ? ["required"] : []),
  ];
}

function range(field: Field): string {
  return field.range ?? expectation(field.type);
}

/** `0.1`, `2 with loss tidal`, each with its source. */
function defaultsOf(field: OptionalField): { shown: string; source: string }[] {
  const others = (field.defaultWhen ?? []).map(({ when, value, source }) => ({
    shown: `${show(value)} with ${says(when)}`,
    source,
  }));
  return [{ shown: show(field.default), source: field.source }, ...others];
}

/** `0.1 [measured], 2 with loss tidal [tide tables]`. */
export function sourcedDefaults(field: OptionalField): string {
  return defaultsOf(field)
    .map(({ shown, source }) => `${shown} [${source}]`)
    .join(", ");
}

function show(value: unknown): string {
  if (value === undefined || value === null || value === "") return "none";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(show).join(", ");
  if (typeof value === "number" && value !== 0 && Math.abs(value) < 0.001)
    return value.toExponential();
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The options of a definition as Markdown: a table for each group. */
export function configMarkdown(definition: ConfigDefinition): string {
  const parts = [...groupByName(definition.options)].map(([group, options]) =>
    [
      `### ${group}`,
      "",
      "| option | takes | default | what it does | where the default comes from |",
      "|---|---|---|---|---|",
      ...options.map(markdownRow),
      "",
    ].join("\n"),
  );
  return parts.join("\n");
}

function groupByName(options: readonly Option[]): Map<string, Option[]> {
  const groups = new Map<string, Option[]>();
  for (const option of options)
    groups.set(option.field.group, [...(groups.get(option.field.group) ?? []), option]);
  return groups;
}

function markdownRow({ path, field }: Option): string {
  const takes = field.unit === undefined ? range(field) : `${range(field)} (${field.unit})`;
  const defaults = field.kind === "required" ? [] : defaultsOf(field);
  const value =
    field.kind === "required" ? "required" : defaults.map(({ shown }) => shown).join(", ");
  const what =
    field.appliesWhen === undefined
      ? field.description
      : `${field.description}. Only with ${says(field.appliesWhen)}`;
  const cells = [
    `\`${path}\``,
    takes,
    value,
    what,
    defaults.map(({ source }) => source).join("; "),
  ];
  const written = cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " "));
  return `| ${written.join(" | ")} |`;
}

function says(condition: Condition | PredicateCondition): string {
  if (isPredicate(condition)) return condition.says.replace(/^with /, "");
  return Object.entries(condition)
    .map(([name, values]) => `${name} ${values.map(String).join(", ")}`)
    .join(" and ");
}

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
    help: `${field.description} (${facts(field).join("; ")})`,
    group: field.group,
  };
}

function facts(field: Field): string[] {
  const takes = describeType(field.type).boolean ? [] : [range(field)];
  const only = field.appliesWhen === undefined ? [] : [`only with ${says(field.appliesWhen)}`];
  return [
    ...takes,
    ...(field.unit === undefined ? [] : [field.unit]),
    ...only,
    field.kind === "required" ? "required" : `default: ${defaults(field)}`,
  ];
}

function range(field: Field): string {
  return field.range ?? expectation(field.type);
}

/** `0.1, 2 with loss tidal`. */
function defaults(field: OptionalField): string {
  return [
    show(field.default),
    ...(field.defaultWhen ?? []).map(({ when, value }) => `${show(value)} with ${says(when)}`),
  ].join(", ");
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
  const value = field.kind === "required" ? "required" : defaults(field);
  const sources =
    field.kind === "required"
      ? []
      : [field.source, ...(field.defaultWhen ?? []).map(({ source }) => source)];
  const what =
    field.appliesWhen === undefined
      ? field.description
      : `${field.description}. Only with ${says(field.appliesWhen)}`;
  const cells = [`\`${path}\``, takes, value, what, sources.join("; ")];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
}

function says(condition: Condition | PredicateCondition): string {
  if (isPredicate(condition)) return condition.says.replace(/^with /, "");
  return Object.entries(condition)
    .map(([name, values]) => `${name} ${values.map(String).join(", ")}`)
    .join(" and ");
}

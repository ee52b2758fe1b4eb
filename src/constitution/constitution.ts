/**
 * A constitution: principles by which answers are criticised, revised and compared, and worked
 * examples of each. A YAML file that people write; its schema here gives the types, the check with
 * line numbers and the JSON schema that editors complete from.
 *
 * Source: Constitutional AI (Bai et al. 2022, arXiv 2212.08073): critique and revision requests
 * (section 3), comparison principles (section 4), worked examples of both (appendix).
 * Differences:
 * 1. one principle carries all three texts, where the paper has two separate lists; each stage uses
 *    the principles that have the text it needs.
 * 2. principles may have weights (the paper draws uniformly).
 */
import { createHash } from "node:crypto";
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import type { Document } from "yaml";
import { z } from "zod";
import { AttuneError, nearest, preview } from "../core/errors.ts";
import type { Random } from "../core/random.ts";

const text = (description: string) => z.string().trim().min(1).describe(description);
const turn = z.strictObject({
  role: z.enum(["system", "user", "assistant"]),
  content: text("what was said"),
});
const prompt = z
  .union([text("what the user says"), z.array(turn).min(1)])
  .describe("what the answer replies to: a text, or the turns of a conversation");

const principle = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]*$/, "lower-case letters, digits, dots, hyphens and underscores")
    .describe("short name, unique in the file; every label names it"),
  critique: text("what the critic is asked about an answer").optional(),
  revision: text("how the critic is asked to rewrite the answer after its critique").optional(),
  comparison: text(
    "the question which of two answers is better; the critic replies A or B",
  ).optional(),
  weight: z
    .number()
    .positive()
    .default(1)
    .describe("how often the principle is drawn, relative to the others"),
  tags: z
    .array(text("a word"))
    .default([])
    .describe("words to choose principles by, such as harmless, honest, helpful"),
});

const critiqueExample = z.strictObject({
  prompt,
  answer: text("the first answer"),
  principle: text("id of the principle"),
  critique: text("a good critique of the answer"),
  revision: text("the answer rewritten, with nothing around it"),
});

const comparisonExample = z.strictObject({
  prompt,
  first: text("the answer shown as A"),
  second: text("the answer shown as B"),
  principle: text("id of the principle"),
  reasoning: text("thoughts before the choice; used when the critic reasons first").optional(),
  better: z.enum(["first", "second"]).describe("the better answer by the principle"),
});

/** What a `constitution.yaml` holds. */
export const constitutionSchema = z.strictObject({
  name: text("name of the constitution"),
  description: text("what it is for").optional(),
  principles: z.array(principle).min(1),
  examples: z
    .strictObject({
      critiques: z.array(critiqueExample).default([]),
      comparisons: z.array(comparisonExample).default([]),
    })
    .default({ critiques: [], comparisons: [] })
    .describe("worked examples, shown to the critic before each request"),
});

/**
 * A principle of a constitution: texts by which answers are criticised, revised and compared, its
 * weight (above 0, default 1) and its tags.
 */
export type Principle = z.output<typeof principle>;
export type CritiqueExample = z.output<typeof critiqueExample>;
export type ComparisonExample = z.output<typeof comparisonExample>;
export type ExamplePrompt = z.output<typeof prompt>;

/** Principles with worked examples of their use; the fields: docs/constitution.schema.json. */
export interface Constitution extends z.output<typeof constitutionSchema> {
  /** SHA-256 of the content: comments and the order of keys do not count. */
  readonly hash: string;
}

/** A principle that a stage can use. */
export type CritiquePrinciple = Principle & { critique: string; revision: string };
export type ComparisonPrinciple = Principle & { comparison: string };

/** Something to say about a constitution file. */
export interface ConstitutionRemark {
  /** Errors make the file unusable. */
  level: "error" | "warning";
  /** From 1; undefined where it concerns the whole file. */
  line?: number;
  /** A sentence without its end. */
  what: string;
  /** What to do about it. */
  hint?: string;
}

/**
 * What was read: the constitution where there are no errors, and where in the file each part
 * stands.
 */
export interface ReadConstitution {
  constitution: Constitution | undefined;
  errors: readonly ConstitutionRemark[];
  /** Line of a path such as ["principles", 0, "comparison"], or of the nearest thing around it. */
  lineOf: (path: readonly PropertyKey[]) => number;
}

/** Reads a constitution without throwing: all errors, each with its line. */
export function readConstitution(yaml: string): ReadConstitution {
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines, prettyErrors: false });
  const lineOf = (path: readonly PropertyKey[]): number => lineIn(document, lines, path);
  const broken = document.errors.map(({ message, pos }): ConstitutionRemark => ({
    level: "error",
    line: lines.linePos(pos[0]).line,
    what: `not valid YAML: ${message}`,
  }));
  if (broken.length > 0) return { constitution: undefined, errors: broken, lineOf };
  const { value, fault } = plainValue(document);
  if (fault !== undefined)
    return { constitution: undefined, errors: [{ level: "error", what: fault }], lineOf };
  const result = constitutionSchema.safeParse(value);
  const errors = result.success
    ? crossErrors(result.data, lineOf)
    : result.error.issues.flatMap((issue) => remarksOf(issue, value, lineOf));
  if (!result.success || errors.length > 0)
    return {
      constitution: undefined,
      errors: errors.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)),
      lineOf,
    };
  return { constitution: { ...result.data, hash: hashOf(result.data) }, errors, lineOf };
}

/**
 * Reads the text of a constitution file.
 * @param file by which errors call it
 * @throws AttuneError `config` with file and line for the first thing that is wrong
 */
export function parseConstitution(yaml: string, file = "constitution.yaml"): Constitution {
  const { constitution, errors } = readConstitution(yaml);
  if (constitution !== undefined) return constitution;
  const { line, what, hint } = errors[0]!;
  const more =
    errors.length > 1
      ? `, and ${errors.length - 1} more: \`attune constitution check ${file}\``
      : "";
  throw new AttuneError("config", what, {
    file,
    ...(line === undefined ? {} : { row: line }),
    hint: `${hint ?? "mend this"}${more}`,
  });
}

/** The JSON schema for editors. */
export function constitutionJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(constitutionSchema, { io: "input" }), title: "attune constitution" };
}

/** The schema as the text of a file. */
export const constitutionSchemaText = (): string =>
  `${JSON.stringify(constitutionJsonSchema(), null, 2)}\n`;

/** Aliases may lead into themselves, or to far too much. */
function plainValue(document: Document.Parsed): { value?: unknown; fault?: string } {
  try {
    const value = document.toJS() as unknown;
    JSON.stringify(value);
    return { value };
  } catch (cause) {
    return { fault: `the file cannot be read: ${(cause as Error).message.split("\n")[0]!}` };
  }
}

function lineIn(
  document: Document.Parsed,
  lines: LineCounter,
  path: readonly PropertyKey[],
): number {
  for (let length = path.length; length > 0; length--) {
    const parent =
      length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const key = path[length - 1];
    // the key's own line, not that of a value which begins below it
    const pair = isMap(parent)
      ? parent.items.find((item) => isScalar(item.key) && item.key.value === key)
      : undefined;
    const node = (pair?.key ?? document.getIn(path.slice(0, length), true)) as
      | { range?: [number, number, number] }
      | undefined;
    if (node?.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

function remarksOf(
  issue: z.core.$ZodIssue,
  root: unknown,
  lineOf: ReadConstitution["lineOf"],
): ConstitutionRemark[] {
  const where = nameOf(issue.path, root);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const near = nearest(key, keysAt(issue.path));
      return {
        level: "error",
        line: lineOf([...issue.path, key]),
        what: `${where}: there is no key ${key}`,
        ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
      };
    });
  }
  const missing = valueAt(root, issue.path) === undefined;
  return [
    {
      level: "error",
      line: lineOf(issue.path),
      what: `${where}: ${missing ? "is missing" : issue.message.toLowerCase()}`,
    },
  ];
}

/** Keys that the schema has where the issue is. */
function keysAt(path: readonly PropertyKey[]): string[] {
  const place = path.filter((part) => typeof part === "string").join(".");
  const shapes: Record<string, object> = {
    "": constitutionSchema.shape,
    principles: principle.shape,
    "examples.critiques": critiqueExample.shape,
    "examples.comparisons": comparisonExample.shape,
    examples: { critiques: 0, comparisons: 0 },
  };
  return Object.keys(shapes[place] ?? turn.shape);
}

/** `principle no-harm, comparison` for ["principles", 2, "comparison"]. */
function nameOf(path: readonly PropertyKey[], root: unknown): string {
  if (path.length === 0) return "the file";
  const id =
    path[0] === "principles" && typeof path[1] === "number"
      ? (valueAt(root, [...path.slice(0, 2), "id"]) as unknown)
      : undefined;
  if (typeof id === "string") return [`principle ${id}`, ...path.slice(2).map(String)].join(", ");
  return path
    .map((part) => (typeof part === "number" ? `number ${part + 1}` : String(part)))
    .join(", ");
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined,
    root,
  );
}

/** Errors that no schema can hold: names that are used twice or not there. */
function crossErrors(
  data: z.output<typeof constitutionSchema>,
  lineOf: ReadConstitution["lineOf"],
): ConstitutionRemark[] {
  const errors: ConstitutionRemark[] = [];
  const byId = new Map<string, Principle>();
  data.principles.forEach((each, index) => {
    const path = ["principles", index, "id"];
    if (byId.has(each.id))
      errors.push({
        level: "error",
        line: lineOf(path),
        what: `two principles have the id ${each.id}`,
      });
    byId.set(each.id, each);
    if (!isCritiquePrinciple(each) && !isComparisonPrinciple(each))
      errors.push({
        level: "error",
        line: lineOf(path),
        what: `principle ${each.id}: says nothing that a stage could use`,
        hint: "critique with revision, comparison, or all three",
      });
    if ((each.critique === undefined) !== (each.revision === undefined)) {
      errors.push({
        level: "error",
        line: lineOf(path),
        what: `principle ${each.id}: has a ${
          each.critique === undefined
            ? "revision without a critique"
            : "critique without a revision"
        }`,
        hint: "one asks what is wrong, the other to mend it: give both or neither",
      });
    }
  });
  for (const [kind, needed] of [
    ["critiques", "critique"],
    ["comparisons", "comparison"],
  ] as const) {
    data.examples[kind].forEach(({ principle: id }, index) => {
      const line = lineOf(["examples", kind, index, "principle"]);
      const found = byId.get(id);
      const near = nearest(id, byId.keys());
      if (found === undefined)
        errors.push({
          level: "error",
          line,
          what: `the example names the principle ${preview(id)}, which is not there`,
          ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
        });
      else if (found[needed] === undefined)
        errors.push({
          level: "error",
          line,
          what: `the example of a ${needed} names the principle ${id}, which has no ${needed}`,
        });
    });
  }
  return errors;
}

/** Keys in order, so that the order in the file does not matter. */
function hashOf(data: unknown): string {
  const sorted = JSON.stringify(data, (_key, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash("sha256").update(sorted).digest("hex");
}

export const isCritiquePrinciple = (each: Principle): each is CritiquePrinciple =>
  each.critique !== undefined && each.revision !== undefined;
export const isComparisonPrinciple = (each: Principle): each is ComparisonPrinciple =>
  each.comparison !== undefined;

/**
 * The principles that a stage draws from.
 * @param tags only those with one of these tags; all where empty
 * @throws AttuneError `config` where none is left
 */
export function principlesFor<P extends Principle>(
  { name, principles }: Constitution,
  fits: (each: Principle) => each is P,
  tags: readonly string[] = [],
): P[] {
  const known = new Set(principles.flatMap((each) => each.tags));
  const unknown = tags.find((tag) => !known.has(tag));
  if (unknown !== undefined)
    throw new AttuneError("config", `no principle of ${name} has the tag ${unknown}`, {
      expected: [...known].join(", "),
      ...hintOf(nearest(unknown, known)),
    });
  const found = principles
    .filter(fits)
    .filter((each) => tags.length === 0 || each.tags.some((tag) => tags.includes(tag)));
  if (found.length === 0)
    throw new AttuneError("config", `the constitution ${name} has no principle for this stage`, {
      expected: "principles with critique and revision to revise by, with comparison to compare by",
      hint: "`attune constitution check` says what each has",
    });
  return found;
}

const hintOf = (near: string | undefined): { hint?: string } =>
  near === undefined ? {} : { hint: `did you mean ${near}?` };

/**
 * Different principles in proportion to their weights, one after the other; fewer where there are
 * fewer.
 */
export function drawPrinciples<P extends Principle>(
  principles: readonly P[],
  count: number,
  random: Random,
): P[] {
  const left = [...principles];
  const drawn: P[] = [];
  while (drawn.length < count && left.length > 0) {
    let rest = random.uniform() * left.reduce((total, { weight }) => total + weight, 0);
    const index = left.findIndex(({ weight }) => (rest -= weight) < 0);
    drawn.push(...left.splice(index < 0 ? left.length - 1 : index, 1));
  }
  return drawn;
}

/**
 * What an evaluation asks for: options by part, from a file with a section for each, from flags,
 * and from what holds for all parts (the model, the seed).
 */
import { isScalar } from "yaml";
import { AttuneError, nearest } from "../../core/errors.ts";
import type { ConfigDefinition, ParsedConfig } from "../../config/config.ts";
import { outcomeDefinition } from "../../evaluation/outcome.config.ts";
import type { FlagValue } from "../../config/sources.ts";
import { canonical, parseConfig } from "../../config/sources.ts";
import type { YamlPart, YamlSource } from "../../config/yaml-parts.ts";
import { readParts, sectionText } from "../../config/yaml-parts.ts";
import { PARTS, PART_DEFINITIONS, partOf, sectionOf } from "./parts.ts";

/** Options by the name of their part, in the order of the page. */
export type AskedParts = ReadonlyMap<string, ParsedConfig>;

export interface EvalSources {
  readonly yaml?: YamlSource;
  /** `NAME=VALUE`: an option of every part that has it, or `honest.data=...` of one. */
  readonly set?: readonly string[];
  /** By part: what `--PART` was given. */
  readonly shortcuts?: Readonly<Record<string, FlagValue | undefined>>;
}

export interface EvalRequest {
  readonly parts: AskedParts;
  /** Folder that the file names. */
  readonly out: string | undefined;
  /** What the file says of the outcome, by option. */
  readonly outcome: Readonly<Record<string, unknown>>;
}

const OUTCOME = outcomeDefinition.options.map(({ path }) => path);

/** What is said of parts before it is known which options they have. */
interface Given {
  /** By part: its section, or none. */
  sections: Map<string, YamlPart | undefined>;
  /** By part: `NAME=VALUE`. */
  assignments: Map<string, string[]>;
  /** What the file says for all parts. */
  values: Record<string, unknown>;
  /** `NAME=VALUE` for all parts. */
  shared: string[];
  /** Folder of the run. */
  out?: string;
  /** Thresholds and the like. */
  outcome: Record<string, unknown>;
}

/**
 * @throws AttuneError `config` with file and line; `usage` where no part is asked for, or where
 * something is given that none of those asked for has
 */
export function readEvalOptions(sources: EvalSources): EvalRequest {
  const given = readGiven(sources);
  const asked = Object.keys(PARTS).filter((name) => given.sections.has(name));
  if (asked.length === 0) throw nothingAsked(sources.yaml?.file);
  refuseStray(given, asked);
  return {
    parts: new Map(asked.map((name) => [name, parsePart(name, { given, sources })])),
    out: given.out,
    outcome: given.outcome,
  };
}

function readGiven({ yaml, set = [], shortcuts = {} }: EvalSources): Given {
  const given: Given = {
    sections: new Map(),
    assignments: new Map(),
    values: {},
    shared: [],
    outcome: {},
  };
  if (yaml) {
    const names = [...Object.keys(PARTS).map(sectionOf), "out", ...OUTCOME, ...sharedNames()];
    for (const [name, part] of readParts(yaml, { names, init: "attune eval --init" })) {
      const of = partOf(name);
      if (of !== undefined) given.sections.set(of, part);
      else if (name === "out") given.out = String(plainValue(name, part, yaml));
      else if (OUTCOME.includes(name)) given.outcome[name] = plainValue(name, part, yaml);
      else given.values[name] = plainValue(name, part, yaml);
    }
  }
  for (const [name, value] of Object.entries(shortcuts))
    if (value !== undefined && !given.sections.has(name)) given.sections.set(name, undefined);
  for (const assignment of set) {
    const [, head = "", rest = ""] = /^\s*([\w-]+)\.(.*)$/s.exec(assignment) ?? [];
    const of = partOf(canonical(head));
    if (of === undefined) given.shared.push(assignment);
    else {
      if (!given.sections.has(of)) given.sections.set(of, undefined);
      given.assignments.set(of, [...(given.assignments.get(of) ?? []), rest]);
    }
  }
  return given;
}

/** Options that may stand beside the sections: those of any part, but for groups. */
const sharedNames = (): string[] => [
  ...new Set(
    [...PART_DEFINITIONS.values()].flatMap(({ options }) =>
      options.map(({ path }) => path).filter((path) => !path.includes(".")),
    ),
  ),
];

function plainValue(name: string, { node, row }: YamlPart, { file }: YamlSource): unknown {
  if (node === null || (isScalar(node) && node.value === null))
    throw new AttuneError("config", `${name} has no value`, { file, row });
  return node.toJSON() as unknown;
}

const nameOf = (assignment: string): string => canonical(assignment.split("=")[0]!.trim());

const has = (definition: ConfigDefinition, name: string): boolean =>
  definition.options.some(({ path }) => path === name || path.startsWith(`${name}.`));

function parsePart(
  name: string,
  { given, sources }: { given: Given; sources: EvalSources },
): ParsedConfig {
  const definition = PART_DEFINITIONS.get(name)!;
  const { yaml, shortcuts = {} } = sources;
  const section = given.sections.get(name);
  const value = shortcuts[name];
  const filled =
    yaml === undefined ||
    section === undefined ||
    section.node === null ||
    (isScalar(section.node) && section.node.value === null)
      ? undefined
      : {
          text: sectionText(yaml, section, { name: sectionOf(name), command: `eval ${name}` }),
          file: yaml.file,
        };
  try {
    return parseConfig(definition, {
      values: Object.fromEntries(
        Object.entries(given.values).filter(([option]) => has(definition, option)),
      ) as never,
      ...(filled ? { yaml: filled } : {}),
      set: [
        ...given.shared.filter((assignment) => has(definition, nameOf(assignment))),
        ...(given.assignments.get(name) ?? []),
      ],
      flags: { [PARTS[name]!.shortcut]: value },
    });
  } catch (error) {
    if (!(error instanceof AttuneError) || error.details.file !== undefined || !section)
      throw error;
    throw new AttuneError(error.code, error.what, {
      ...error.details,
      file: yaml!.file,
      row: section.row,
      cause: error,
    });
  }
}

/** What no part that is asked for has would have no effect. */
function refuseStray({ values, shared }: Given, asked: readonly string[]): void {
  const names = [...Object.keys(values), ...shared.map(nameOf)];
  const stray = names.find((name) => !asked.some((part) => has(PART_DEFINITIONS.get(part)!, name)));
  if (stray === undefined) return;
  const known = asked.flatMap((part) =>
    PART_DEFINITIONS.get(part)!.options.map(({ path }) => path),
  );
  const near = nearest(stray, known);
  throw new AttuneError("usage", `${stray} is not an option of ${asked.join(", ")}`, {
    hint:
      near === undefined
        ? `\`attune eval ${asked[0]} --help\` lists the options`
        : `did you mean ${near}?`,
  });
}

const nothingAsked = (file: string | undefined): AttuneError =>
  new AttuneError("usage", "nothing is asked for", {
    ...(file === undefined ? {} : { file }),
    expected: `a part: ${Object.keys(PARTS).join(", ")}`,
    hint: "`attune eval --help` lists them, and `attune eval --init` writes a file to start from",
  });

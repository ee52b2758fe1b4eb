/**
 * Where options come from: values of a program, a YAML (or JSON) file, `--set a.b=v`, and flags.
 * Later ones win, in this order. Keys may be written in camel case, as in code, or with underscores
 * or hyphens, as TRL's users are used to.
 */
import {
  isAlias,
  isMap,
  isScalar,
  LineCounter,
  parse,
  parseDocument,
  type Document,
  type ParsedNode,
  type YAMLMap,
} from "yaml";
import { AttuneError, type ErrorPlace, nearest, preview } from "../core/errors.ts";
import { habitOf } from "./habits.ts";
import {
  type ConfigDefinition,
  type Field,
  type GivenOf,
  type GivenValue,
  type Option,
  type ParsedConfig,
  resolveValues,
} from "./config.ts";

export interface ConfigSources<D extends ConfigDefinition> {
  /** What a program gives, or what a run folder kept. */
  readonly values?: GivenOf<D>;
  readonly yaml?: { readonly text: string; readonly file: string };
  /** `lora.rank=8`, as written after `--set`. */
  readonly set?: readonly string[];
  /** What flags gave, by dotted path. */
  readonly flags?: Readonly<Record<string, FlagValue | undefined>>;
}

/** Several texts are a flag that was repeated, each a value as it stands. */
export type FlagValue = string | boolean | readonly string[];

/**
 * Reads all sources and resolves them.
 * @throws AttuneError `config` with file and line (or flag) for an unknown key, a key given twice
 * in one file, broken YAML, and everything that {@link resolveValues} refuses
 */
export function parseConfig<D extends ConfigDefinition>(
  definition: D,
  sources: ConfigSources<D>,
): ParsedConfig<D> {
  return resolveValues(definition, readSources(definition, sources));
}

/**
 * What was given and where, by dotted path.
 * @throws AttuneError `config` as {@link parseConfig}, but for what {@link resolveValues} refuses
 */
export function readSources<D extends ConfigDefinition>(
  definition: D,
  sources: ConfigSources<D>,
): Map<string, GivenValue> {
  const reader = new Reader(definition);
  if (sources.values !== undefined) reader.object(sources.values, "");
  if (sources.yaml !== undefined) reader.yaml(sources.yaml.text, sources.yaml.file);
  for (const assignment of sources.set ?? []) reader.assignment(assignment);
  for (const [path, value] of Object.entries(sources.flags ?? {})) {
    if (value !== undefined) reader.flag(path, value);
  }
  return reader.given;
}

class Reader {
  readonly given = new Map<string, GivenValue>();
  private readonly definition: ConfigDefinition;
  private readonly options: ReadonlyMap<string, Option>;
  private readonly groups: ReadonlySet<string>;

  constructor(definition: ConfigDefinition) {
    this.definition = definition;
    this.options = new Map(definition.options.map((option) => [option.path, option]));
    this.groups = new Set(definition.options.flatMap(({ path }) => parents(path)));
  }

  /** Values of a program; undefined means not given. */
  object(values: object, prefix: string): void {
    for (const [key, value] of Object.entries(values)) {
      if (value === undefined) continue;
      const path = canonical(prefix + key);
      if (this.groups.has(path) && typeof value === "object" && value !== null)
        this.object(value as object, `${path}.`);
      else this.give(this.known(path, path, {}), { value, place: {}, label: path });
    }
  }

  yaml(text: string, file: string): void {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const error = document.errors[0];
    if (error)
      throw new AttuneError("config", `not valid YAML: ${error.message}`, {
        file,
        row: lines.linePos(error.pos[0]).line,
        expected: "lines such as `learningRate: 1e-4`",
        hint: "mend the line, or the one before it",
        cause: error,
      });
    if (document.contents === null) return;
    if (!isMap(document.contents)) {
      throw new AttuneError("config", "a config file holds options by name", {
        file,
        row: 1,
        got: preview(text.trim()),
        expected: "lines such as `learningRate: 1e-4`",
      });
    }
    this.map(document.contents, { document, lines, file, prefix: "", seen: new Map() });
  }

  private map(map: YAMLMap.Parsed, at: YamlPlace): void {
    for (const { key, value } of map.items) {
      const place = { file: at.file, row: at.lines.linePos(key.range[0]).line };
      const written = at.prefix + String(isScalar(key) ? key.value : key);
      const path = canonical(written);
      const node = isAlias(value) ? (value.resolve(at.document) as ParsedNode | undefined) : value;
      if (this.groups.has(path) && isMap(node)) {
        this.map(node as YAMLMap.Parsed, { ...at, prefix: `${path}.` });
        continue;
      }
      this.known(path, written, place);
      const before = at.seen.get(path);
      if (before !== undefined)
        throw new AttuneError("config", `${path} is given twice`, {
          ...place,
          got: `also on line ${before}`,
          hint: "keep one of the two",
        });
      at.seen.set(path, place.row);
      this.give(path, {
        value: value === null ? null : plainValue(value, at.document, place),
        place,
        label: written,
      });
    }
  }

  assignment(text: string): void {
    const split = text.indexOf("=");
    if (split <= 0)
      throw new AttuneError("usage", "--set takes NAME=VALUE", {
        got: preview(text),
        expected: "for example --set lora.rank=8",
      });
    const written = text.slice(0, split).trim();
    const path = this.known(canonical(written), `--set ${written}`, {});
    const after = text.slice(split + 1);
    // `NAME = VALUE`, as people write it with spaces
    const value = text[split - 1] === " " ? after.trim() : after;
    this.give(path, {
      value: valueOfText(this.options.get(path)!.field, value),
      place: {},
      label: `--set ${written}`,
    });
  }

  flag(path: string, value: FlagValue): void {
    const option = this.options.get(this.known(path, path, {}))!;
    this.give(path, {
      value: typeof value === "string" ? valueOfText(option.field, value) : value,
      place: {},
      label: option.flag,
    });
  }

  private give(path: string, given: GivenValue): void {
    this.given.set(path, given);
  }

  private known(path: string, label: string, place: ErrorPlace): string {
    if (this.options.has(path)) return path;
    if (this.groups.has(path)) {
      const inner = [...this.options.keys()].filter((name) => name.startsWith(`${path}.`));
      throw new AttuneError("config", `${label} is a group of options`, {
        ...place,
        expected: inner.join(", "),
      });
    }
    throw new AttuneError("config", `${label} is not an option of ${this.definition.name}`, {
      ...place,
      hint: this.suggestion(path),
    });
  }

  private suggestion(path: string): string {
    const names = [...this.options.keys()];
    const habit = habitOf(path, names);
    if (habit !== undefined)
      return "says" in habit ? habit.says : `${path} is ${habit.option} here`;
    const leaf = path.slice(path.lastIndexOf(".") + 1);
    const near = nearest(path, names) ?? names.find((name) => name.endsWith(`.${leaf}`));
    return near === undefined
      ? `attune ${this.definition.name} --help lists the options`
      : `did you mean ${near}?`;
  }
}

interface YamlPlace {
  document: Document.Parsed;
  lines: LineCounter;
  file: string;
  prefix: string;
  /** Line of each option already read from this file. */
  seen: Map<string, number>;
}

/** Refuses aliases that lead nowhere, into themselves, or to far too much. */
function plainValue(node: ParsedNode, document: Document.Parsed, place: ErrorPlace): unknown {
  try {
    const value = node.toJS(document) as unknown;
    // throws for a value that contains itself
    JSON.stringify(value);
    return value;
  } catch (cause) {
    throw new AttuneError("config", "the value cannot be read", {
      ...place,
      got: (cause as Error).message.split("\n")[0]!,
      hint: "write the value out, without YAML aliases",
      cause,
    });
  }
}

/** `lora` for `lora.rank`. */
function parents(path: string): string[] {
  const parts = path.split(".");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("."));
}

/** `learning_rate` and `learning-rate` to `learningRate`, part by part. */
export function canonical(path: string): string {
  return path.replace(/[-_]+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * The value that a text on the command line stands for: a number, a switch or a list as YAML reads
 * it, where the schema accepts that; a text as it stands, since ` #` in a path is no comment; else
 * a list separated by commas. Where nothing fits, the YAML reading, for the error message.
 */
function valueOfText(field: Field, text: string): unknown {
  const read = readYaml(text);
  const list = text.split(",").map((part) => part.trim());
  const candidates = [
    ...(typeof read === "string" ? [] : [read]),
    text,
    list.map(partOfList),
    list,
    read,
  ];
  return candidates.find((value) => field.type.safeParse(value).success) ?? read;
}

/** A number as YAML reads it, and a text in quotes; any other text as it stands. */
function partOfList(text: string): unknown {
  const read = readYaml(text);
  return typeof read === "string" && !/^(".*"|'.*')$/s.test(text) ? text : read;
}

function readYaml(text: string): unknown {
  try {
    const value = parse(text, { logLevel: "error" }) as unknown;
    JSON.stringify(value);
    return value;
  } catch {
    // not YAML, or a value that contains itself
    return text;
  }
}

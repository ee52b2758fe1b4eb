/**
 * `attune.yaml`: one section for each stage, with the options of that stage's own command. What one
 * stage takes from another (the model to start from, the reward, the pairs) is filled in and may be
 * overridden.
 */
import { isMap, isScalar } from "yaml";
import { z } from "zod";
import { AttuneError, formatPlace } from "../../core/errors.ts";
import { stringifyJson } from "../../core/json.ts";
import type { AlignEvaluation } from "../../evaluation/evaluation.config.ts";
import { evaluationConfig } from "../../evaluation/evaluation.config.ts";
import type { ConfigDefinition, GivenValue, ParsedConfig } from "../../config/config.ts";
import { resolveValues } from "../../config/config.ts";
import type { YamlPart, YamlSource } from "../../config/yaml-parts.ts";
import { readParts, sectionText } from "../../config/yaml-parts.ts";
import { canonical, readSources } from "../../config/sources.ts";
import type { Section, FilledOption } from "./sections.ts";
import { SECTIONS, STAGE_CONFIGS, filledOptions } from "./sections.ts";

/** An option that is not at its default, and who says so. */
export interface ChosenOption {
  option: string;
  value: unknown;
  /** `attune.yaml:12`, or the stage whose result it is. */
  source: string;
}

export interface AlignStage extends Section {
  section: string;
  /** Folders of earlier stages whose results it reads. */
  needs: string[];
  /** The options that have an effect. */
  options: Readonly<Record<string, unknown>>;
  chosen: ChosenOption[];
}

export interface AlignFile {
  file: string;
  model: string;
  out: string;
  seed: number;
  /** Chat template of the model, as `--template` takes it. */
  template: string;
  stages: AlignStage[];
  evaluation: AlignEvaluation | undefined;
}

/** @throws AttuneError `config` with file and line for whatever is wrong in it */
export function readAlignFile(text: string, file: string): AlignFile {
  const source = { text, file };
  const parts = readParts(source, {
    names: ["model", "out", "seed", "template", ...Object.keys(SECTIONS), "evaluation"],
    init: "attune align --init",
  });
  const model = plainPart(parts, "model", {
    file,
    type: z.string().min(1),
    expected: "a folder, a GGUF file, a run folder or a Hugging Face id",
  });
  const out = plainPart(parts, "out", { file, type: z.string().min(1), otherwise: "runs/align" });
  const seed = plainPart(parts, "seed", { file, type: z.int().min(0), otherwise: 42 });
  const template = plainPart(parts, "template", {
    file,
    type: z.string().min(1),
    otherwise: "auto",
  });
  const stages = new Map<string, AlignStage>();
  for (const name of Object.keys(SECTIONS)) {
    const part = parts.get(name);
    if (!part) continue;
    const stage = readStage(name, part, { source, model, out, seed, template, done: stages });
    stages.set(stage.folder, stage);
  }
  if (stages.size === 0)
    throw new AttuneError("config", "the file asks for no stage", {
      file,
      expected: Object.keys(SECTIONS).join(", "),
    });
  const asked = parts.get("evaluation");
  const evaluation =
    asked &&
    (readOptions("evaluation", asked, {
      source,
      definition: evaluationConfig as unknown as ConfigDefinition,
      wires: [],
    }).parsed.resolved as unknown as AlignEvaluation);
  if (
    asked &&
    evaluation!.judge === "" &&
    ![...stages.values()].some(({ makes }) => makes === "reward")
  )
    throw new AttuneError("config", "the evaluation has no judge", {
      file,
      row: asked.row,
      expected:
        "a section reward, or better heldOutReward with pairs of its own, or a critic as judge",
    });
  return { file, model, out, seed, template, stages: [...stages.values()], evaluation };
}

function plainPart<T>(
  parts: ReadonlyMap<string, YamlPart>,
  name: string,
  {
    file,
    type,
    otherwise,
    expected = "a value of its kind",
  }: { file: string; type: z.ZodType<T>; otherwise?: T; expected?: string },
): T {
  const found = parts.get(name);
  if (!found && otherwise !== undefined) return otherwise;
  const parsed = type.safeParse(found?.node?.toJSON());
  if (parsed.success) return parsed.data;
  throw new AttuneError(
    "config",
    found ? `${name}: ${parsed.error.issues[0]!.message}` : `${name} is missing`,
    { file, ...(found ? { row: found.row } : {}), expected },
  );
}

function readStage(
  name: string,
  part: YamlPart,
  {
    source,
    ...pipeline
  }: {
    source: YamlSource;
    model: string;
    out: string;
    seed: number;
    template: string;
    done: ReadonlyMap<string, AlignStage>;
  },
): AlignStage {
  const section = SECTIONS[name]!;
  const definition = STAGE_CONFIGS[section.method] as unknown as ConfigDefinition;
  const given = new Set(
    isMap(part.node)
      ? part.node.items.map(({ key }) => canonical(String(isScalar(key) ? key.value : key)))
      : [],
  );
  const wires = filledOptions(section, { ...pipeline, given });
  const { parsed, values } = readOptions(name, part, { source, definition, wires });
  const used = wires.filter(({ option, value }) => same(valueAt(parsed.effective, option), value));
  const needs = [...new Set(used.flatMap(({ from }) => (from === undefined ? [] : [from])))];
  return {
    section: name,
    ...section,
    needs,
    options: parsed.effective,
    chosen: chosenOptions(definition, values, { parsed, used }),
  };
}

/**
 * @throws AttuneError `config` with the line of the option, or of the section where an option is
 * missing
 */
function readOptions(
  name: string,
  part: YamlPart,
  {
    source,
    definition,
    wires,
  }: { source: YamlSource; definition: ConfigDefinition; wires: readonly FilledOption[] },
): { parsed: ParsedConfig; values: Map<string, GivenValue> } {
  const { node, row } = part;
  const empty = node === null || (isScalar(node) && node.value === null);
  const yaml = empty
    ? undefined
    : {
        text: sectionText(source, part, { name, command: SECTIONS[name]?.method ?? name }),
        file: source.file,
      };
  try {
    const values = readSources(definition, {
      values: Object.fromEntries(wires.map(({ option, value }) => [option, value])) as never,
      ...(yaml ? { yaml } : {}),
    });
    return { parsed: resolveValues(definition, values), values };
  } catch (error) {
    if (!(error instanceof AttuneError) || error.details.file !== undefined) throw error;
    throw new AttuneError(error.code, error.what, {
      ...error.details,
      file: source.file,
      row,
      cause: error,
    });
  }
}

function chosenOptions(
  definition: ConfigDefinition,
  values: ReadonlyMap<string, GivenValue>,
  { parsed, used }: { parsed: ParsedConfig; used: readonly FilledOption[] },
): ChosenOption[] {
  return definition.options.flatMap(({ path }): ChosenOption[] => {
    const given = values.get(path);
    if (!given || isDefault(definition, values, { path, value: valueAt(parsed.resolved, path) }))
      return [];
    const from = used.find(({ option }) => option === path)?.from;
    const source =
      given.place.file === undefined
        ? from
          ? `stage ${from}`
          : "the whole file"
        : formatPlace(given.place);
    return [{ option: path, value: valueAt(parsed.resolved, path), source }];
  });
}

/** Whether an option would have its value if nobody gave it. */
function isDefault(
  definition: ConfigDefinition,
  values: ReadonlyMap<string, GivenValue>,
  { path, value }: { path: string; value: unknown },
): boolean {
  const others = new Map(values);
  others.delete(path);
  try {
    return same(valueAt(resolveValues(definition, others).resolved, path), value);
  } catch {
    // it is required, or another option has an effect only because of it
    return false;
  }
}

export function valueAt(options: Readonly<Record<string, unknown>>, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (value, key) => (value as Readonly<Record<string, unknown>> | undefined)?.[key],
      options,
    );
}

const same = (a: unknown, b: unknown): boolean => stringifyJson([a]) === stringifyJson([b]);

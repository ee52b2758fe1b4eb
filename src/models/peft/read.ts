/**
 * Reads an adapter that peft wrote, over the model that it lies on. Low-rank matrices of the
 * blocks' projections stay apart, so that training can go on with them and one base can serve
 * several adapters; everything else that peft may keep in an adapter (modules in full, adapters of
 * embedding and head, DoRA, biases, rows of embeddings) is folded into weights of the model's own
 * (fold.ts). Every tensor of the file is read and every tensor that the configuration calls for is
 * there, or the adapter is refused by name.
 */
import { join } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { float32, zeros } from "../../core/tensor.ts";
import type { Adapter, ModuleRank, UnevenRanks } from "../adapter.ts";
import { adapterNames, adapterScale, scaleName } from "../adapter.ts";
import type { Model } from "../model.ts";
import { SCORE_HEAD } from "../model.ts";
import { SafetensorsFile } from "../weights/safetensors.ts";
import { readJsonObject } from "../weights/json-file.ts";
import type { PeftConfig } from "./config.ts";
import { readPeftConfig } from "./config.ts";
import { foldParts } from "./fold.ts";
import { CONFIG_FILE, peftNames, WEIGHTS_FILE } from "./names.ts";
import type { Candidate, Matched } from "./targets.ts";
import { matchModules } from "./targets.ts";
import { AdapterTensors } from "./tensors.ts";

/**
 * Whether an adapter changes whole projections, so that it must be read over weights that are not
 * rounded.
 */
export async function changesProjections(folder: string): Promise<boolean> {
  return (await readJsonObject(join(folder, CONFIG_FILE)))["use_dora"] === true;
}

/**
 * The model with the adapter in a folder, and its head: weights that the adapter changes are its
 * own, the others are shared.
 * @throws AttuneError `model` where the adapter is of a kind that attune does not have, does not
 * fit, or is not whole
 */
export async function readAdapterFolder(model: Model, folder: string): Promise<Model> {
  const path = join(folder, CONFIG_FILE);
  const json = await readJsonObject(path);
  const config = readPeftConfig(json, path);
  const file = await SafetensorsFile.open(join(folder, WEIGHTS_FILE));
  try {
    const tensors = new AdapterTensors(file, join(folder, WEIGHTS_FILE), peftNames(model));
    return await readParts(model, { config, json, path }, tensors);
  } finally {
    await file.close();
  }
}

interface Configured {
  config: PeftConfig;
  json: Readonly<Record<string, unknown>>;
  path: string;
}

async function readParts(
  model: Model,
  { config, json, path }: Configured,
  tensors: AdapterTensors,
): Promise<Model> {
  const classifier = json["task_type"] === "SEQ_CLS";
  const {
    family,
    config: { tieEmbeddings },
  } = model;
  const tied =
    config.keepsTied && tieEmbeddings
      ? ([moduleOf(family.headWeight(model.config)), "lm_head"] as const)
      : undefined;
  const { toPeft, fromPeft } = peftNames(model);
  const candidates = candidatesOf(model, classifier).map((each) => ({
    ...each,
    name: toPeft(each.name),
  }));
  const matched = matchModules(config, candidates, {
    file: path,
    defaults: config.targets === undefined ? defaultTargets(model, path) : [],
    tied: tied && [toPeft(tied[0]), tied[1]],
  }).map((each) => ({ ...each, name: fromPeft(each.name) }));
  const live = config.dora ? [] : matched.filter(({ name }) => projectionOf(model, name));
  const folded = matched.filter((module) => !live.includes(module));
  const adapter = await readLive(model, live, { config, tensors });
  const scoreHead = tensors.has(SCORE_HEAD)
    ? await tensors.read(SCORE_HEAD, [1, model.config.hiddenSize])
    : undefined;
  const parts = await foldParts(model, { config, modules: folded, tensors, path });
  tensors.finish();
  const settings =
    parts.tensors.size > 0
      ? Object.fromEntries(KEPT_SETTINGS.flatMap((key) => (key in json ? [[key, json[key]]] : [])))
      : {};
  const whole: Adapter =
    parts.tensors.size > 0
      ? {
          ...adapter,
          folded: {
            settings,
            modules: new Map(folded.map(({ name, rank, alpha }) => [name, { rank, alpha }])),
            tensors: parts.tensors,
          },
        }
      : adapter;
  return { ...parts.model, adapter: whole, ...(scoreHead ? { scoreHead } : {}) };
}

/** Settings by which peft finds folded parts again. */
const KEPT_SETTINGS = [
  "modules_to_save",
  "bias",
  "use_dora",
  "trainable_token_indices",
  "ensure_weight_tying",
];

/** Everything that low-rank matrices may lie on, by torch's names. */
function candidatesOf({ family, config }: Model, classifier: boolean): Candidate[] {
  const modules = (names: readonly string[]): Candidate[] =>
    names.map((name) => ({ name, linear: false }));
  const blocks = Array.from({ length: config.layers }, (_, layer) =>
    Object.keys(family.projections(config)).map((local): Candidate => ({
      name: family.blockPrefix(layer) + local,
      linear: true,
    })),
  );
  return [
    ...modules(Object.keys(family.embeddingShapes(config)).map(moduleOf)),
    ...blocks.flat(),
    ...modules([classifier ? moduleOf(SCORE_HEAD) : "lm_head"]),
  ];
}

/** `model.norm` of `model.norm.weight`. */
const moduleOf = (weight: string): string => weight.slice(0, weight.lastIndexOf("."));

/** @throws AttuneError `model` where peft has none for the family */
function defaultTargets({ family }: Model, path: string): readonly string[] {
  if (family.peftTargets) return family.peftTargets;
  throw new AttuneError("model", "adapter_config.json names no target_modules", {
    file: path,
    expected: `them, since peft has no default for ${family.modelType} models`,
  });
}

/** A module's layer and local name, where it is a projection of a block. */
function projectionOf(
  { family, config }: Model,
  name: string,
): { prefix: string; local: string } | undefined {
  const locals = Object.keys(family.projections(config));
  const local = locals.find((each) => name.endsWith(`.${each}`));
  return local === undefined ? undefined : { prefix: name.slice(0, -local.length), local };
}

async function readLive(
  model: Model,
  matched: readonly Matched[],
  { config, tensors }: { config: PeftConfig; tensors: AdapterTensors },
): Promise<Adapter> {
  const {
    family,
    config: { layers },
  } = model;
  const projections = family.projections(model.config);
  const modules = new Map<string, ModuleRank>(
    matched.map(({ name, rank, alpha }) => [name, { rank, alpha }]),
  );
  const prefixes = Array.from({ length: layers }, (_, layer) => family.blockPrefix(layer));
  const targets = Object.keys(projections).filter((local) =>
    prefixes.some((prefix) => modules.has(prefix + local)),
  );
  const even = isEven(modules, prefixes, targets);
  const first = [...modules.values()][0];
  const uneven: UnevenRanks | undefined = even
    ? undefined
    : {
        modules,
        ranks: Object.fromEntries(
          targets.map((local) => [
            local,
            Math.max(...prefixes.map((prefix) => modules.get(prefix + local)?.rank ?? 1)),
          ]),
        ),
      };
  const weights: Adapter["weights"] = new Map();
  const scales = new Map<string, HostTensor<"float32">>();
  for (const prefix of prefixes) {
    for (const local of targets) {
      const module = modules.get(prefix + local);
      const [names, { inputs, outputs }] = [adapterNames(prefix, local), projections[local]!];
      const rank = module?.rank ?? 1;
      const widest = uneven?.ranks[local] ?? rank;
      weights.set(
        names.a,
        module
          ? filledRows(await tensors.read(names.a, [rank, inputs]), widest)
          : zeros("float32", [widest, inputs]),
      );
      weights.set(
        names.b,
        module
          ? filledColumns(await tensors.read(names.b, [outputs, rank]), widest)
          : zeros("float32", [outputs, widest]),
      );
      if (config.loraBias)
        weights.set(
          names.bias,
          module ? await tensors.read(names.bias, [outputs]) : zeros("float32", [outputs]),
        );
      if (uneven)
        scales.set(
          scaleName(prefix + local),
          float32([1], [module ? adapterScale({ ...module, rsLora: config.rsLora }) : 0]),
        );
    }
  }
  const ranks = even && first ? first : { rank: config.rank, alpha: config.alpha };
  return {
    config: {
      ...ranks,
      rsLora: config.rsLora,
      targets,
      ...(uneven ? { uneven } : {}),
      ...(config.loraBias ? { biases: true } : {}),
    },
    weights,
    ...(uneven ? { scales } : {}),
  };
}

/** Whether every layer has the same targets, and all of them one rank and alpha. */
function isEven(
  modules: ReadonlyMap<string, ModuleRank>,
  prefixes: readonly string[],
  targets: readonly string[],
): boolean {
  const [first] = modules.values();
  return (
    modules.size === prefixes.length * targets.length &&
    [...modules.values()].every(({ rank, alpha }) => rank === first!.rank && alpha === first!.alpha)
  );
}

/** [r, in] with rows of zeros up to `rows`. */
function filledRows(tensor: HostTensor<"float32">, rows: number): HostTensor<"float32"> {
  const [rank, inputs] = tensor.shape as [number, number];
  if (rank === rows) return tensor;
  const data = new Float32Array(rows * inputs);
  data.set(tensor.data);
  return float32([rows, inputs], data);
}

/** [out, r] with columns of zeros up to `columns`. */
function filledColumns(tensor: HostTensor<"float32">, columns: number): HostTensor<"float32"> {
  const [outputs, rank] = tensor.shape as [number, number];
  if (rank === columns) return tensor;
  const data = new Float32Array(outputs * columns);
  for (let output = 0; output < outputs; output++)
    data.set(tensor.data.subarray(output * rank, (output + 1) * rank), output * columns);
  return float32([outputs, columns], data);
}

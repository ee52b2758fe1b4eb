/**
 * The graph of decoding with a key-value cache that is extended in place (ONNX Runtime's
 * GroupQueryAttention). It serves reading prompts (many tokens a row, padded on the right) and
 * single steps, for any number of rows.
 */
import { AttuneError } from "../core/errors.ts";
import { gatherRows, reshape, sliceOf } from "../graph/build.ts";
import type { Dimension } from "../graph/dimensions.ts";
import type { Graph, Value } from "../graph/ir.ts";
import { createGraph } from "../graph/op-table.ts";
import type { Attention, ModelParts } from "../models/builders.ts";
import { Parameters, blockBuilder, outerLayersBuilder } from "../models/builders.ts";
import type { LayerKind } from "../models/decoder-config.ts";
import { kindsOf } from "../models/decoder-config.ts";
import type { Model } from "../models/model.ts";
import { weightOf } from "../models/model.ts";
import { kindSuffix } from "../models/plans/layer-inputs.ts";
import { rotatedSize } from "../models/rope.ts";
import { cacheNames } from "./key-value-cache.ts";
import { buildScores } from "./scores.ts";

/**
 * Whether a model can be decoded, asked when it is opened. Training and scoring take any size of
 * head.
 * @throws AttuneError `model` for a reward model, and for heads of a size that the cached attention
 * does not have
 */
export function checkDecodable({
  config,
  source,
  scoreHead,
}: Pick<Model, "config" | "source" | "scoreHead">): void {
  if (scoreHead) {
    throw new AttuneError("model", "this is a reward model: it scores answers and writes none", {
      ...(source === undefined ? {} : { file: source }),
      expected: "a model that was trained to answer (sft, dpo, ppo, ...)",
      hint: "`attune best-of-n --model M --reward` and `attune ppo --reward` take it as --reward",
    });
  }
  const { headSize } = config;
  const ropes = kindsOf(config).flatMap(({ rope }) => rope ?? []);
  const turns = ropes.length > 0;
  const multiple = turns ? 16 : 8;
  const turned = ropes.map((rope) => rotatedSize(rope, headSize));
  if ([headSize, ...turned].every((size) => size % multiple === 0)) return;
  throw new AttuneError(
    "model",
    "attune cannot generate with this model: its attention heads have a size that the key-value " +
      "cache does not take",
    {
      ...(source === undefined ? {} : { file: source }),
      got:
        `heads of ${headSize}` +
        turned.map((size) => (size === headSize ? "" : `, of which ${size} turn`)).join(""),
      expected: `a multiple of ${multiple}${turns ? " (with rotary positions)" : ""}`,
      hint: "it can be trained and scored (sft, dpo, kto, reward), exported, and run elsewhere",
    },
  );
}

/** The value whose columns these are, one part after the other, where they are all of it. */
function columnsOf(...parts: readonly Value[]): Value | undefined {
  const slices = parts.map(sliceOf);
  const whole = slices[0]?.whole;
  let end: Dimension = 0;
  for (const slice of slices) {
    if (slice?.whole !== whole || slice?.axis !== 1 || slice.start !== end) return undefined;
    end = slice.end;
  }
  return end === whole?.shape[1] ? whole : undefined;
}

/** Attention of one layer over its cache; `outputs` collects the extended caches. */
function cachedAttention(
  model: Model,
  graph: Graph,
  { layer, kind }: { layer: number; kind: LayerKind },
  outputs: Record<string, Value>,
): Attention {
  const { heads, keyValueHeads, headSize } = model.config;
  const suffix = kindSuffix(model.config, kind);
  const names = cacheNames(layer);
  const past = [names.key, names.value].map((name) =>
    graph.input(name, "float32", ["batch", keyValueHeads, "cache", headSize]),
  );
  const shared = (name: string): Value => graph.inputs.find((input) => input.name === name)!;
  return (query, key, value) => {
    const rows = (x: Value, count: number): Value =>
      reshape(x, ["batch", "step", count * headSize]);
    const whole = columnsOf(query, key, value);
    const fresh = whole
      ? [rows(whole, heads + 2 * keyValueHeads)]
      : [rows(query, heads), rows(key, keyValueHeads), rows(value, keyValueHeads)];
    const inputs = [...fresh, ...past, shared("lengths"), shared("total")];
    const tables = kind.rope ? [shared(`cosines${suffix}`), shared(`sines${suffix}`)] : [];
    const [mixed, keys, values] = graph.apply("cachedAttention", [...inputs, ...tables], {
      heads,
      keyValueHeads,
      rotary: kind.rope !== undefined,
      window: kind.window ?? 0,
      packed: whole !== undefined,
    });
    outputs[names.key] = keys!;
    outputs[names.value] = values!;
    return reshape(mixed!, ["batch*step", heads * headSize]);
  };
}

export interface DecoderGraph {
  graph: Graph;
  /**
   * The extended caches, and logits [read, V], maxima and sums of blocks of the vocabulary after
   * each token of `read`.
   */
  outputs: Readonly<Record<string, Value>>;
  /** Names of the weights, those of an adapter included. */
  weights: readonly string[];
}

/** Rows from which fed weights stand first in products: nearly as fast as packed ones. */
export const WEIGHTS_FIRST_ROWS = 8;

/**
 * @param weightsFirst for weights that are fed to a batch of rows; see `weightProduct` in
 * models/builders.ts
 * @param joined for weights that are stored in the session; see `joinedProducts` there
 * @throws AttuneError `model`, see {@link checkDecodable}
 */
export function buildDecoder(
  model: Model,
  { weightsFirst = false, joined = false } = {},
): DecoderGraph {
  checkDecodable(model);
  const { family, config } = model;
  const parts: ModelParts = {
    family,
    config,
    adapter: model.adapter?.config,
    int8: model.int8 && "read",
    weightsFirst,
    joined,
  };
  const graph = createGraph();
  const parameters = new Parameters(graph, (name) => weightOf(model, name).dtype);
  const tokens = graph.input("tokens", "int64", ["batch", "step"]);
  const positions = graph.input("positions", "int64", ["batch", "step"]);
  const read = graph.input("read", "int64", ["read"]);
  const inverseTemperatures = graph.input("inverseTemperatures", "float32", ["read", 1]);
  graph.input("lengths", "int32", ["batch"]);
  graph.input("total", "int32", [1]);
  for (const kind of kindsOf(config)) {
    if (!kind.rope) continue;
    const shape = ["table", rotatedSize(kind.rope, config.headSize) / 2];
    for (const name of ["cosines", "sines"])
      graph.input(`${name}${kindSuffix(config, kind)}`, "float32", shape);
  }
  const outputs: Record<string, Value> = {};
  const flat = (x: Value): Value => reshape(x, ["batch*step"]);
  const end = outerLayersBuilder(parts, parameters);
  let x = graph.scope("embedding", () => family.embed(end, flat(tokens), flat(positions)));
  for (const [layer, kind] of config.layerKinds.entries()) {
    const prefix = family.blockPrefix(layer);
    const attention = cachedAttention(model, graph, { layer, kind }, outputs);
    x = graph.scope(prefix.slice(0, -1), () =>
      family.block(blockBuilder(parts, parameters, prefix, attention), x, kind),
    );
  }
  const hidden = graph.scope("readout", () => family.finalNorm(end, gatherRows(x, read)));
  const scores = graph.scope("scores", () =>
    buildScores(hidden, end.parameter(family.headWeight(config)), inverseTemperatures),
  );
  return { graph, outputs: { ...outputs, ...scores }, weights: [...parameters.used.keys()] };
}

/**
 * A model as an ONNX file for inference elsewhere: input_ids and attention_mask, int64 [batch,
 * sequence], to logits, float32 [batch, sequence, vocabulary]. No key-value cache: every call reads
 * the whole text. The graph is the families' own, so it holds operators of ONNX Runtime
 * (com.microsoft) beside the standard ones.
 *
 * Padding may stand on either side: positions count the tokens of the mask, as transformers'
 * `generate` has it (its `forward` alone counts padding too), and what stands at padded places is
 * meaningless.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { invariant } from "../../core/errors.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { elementCount } from "../../core/tensor.ts";
import {
  add,
  cast,
  cumulativeSum,
  fill,
  gemm,
  greater,
  maximum,
  multiply,
  reshape,
  subtract,
} from "../../graph/build.ts";
import type { Graph, Value } from "../../graph/ir.ts";
import { lower } from "../../onnx/lower.ts";
import type { ExternalTensor } from "../../onnx/emitter.ts";
import { createGraph } from "../../graph/op-table.ts";
import { blockBuilder, outerLayersBuilder, Parameters, trainingAttention } from "../builders.ts";
import type { DecoderConfig } from "../decoder-config.ts";
import { kindsOf } from "../decoder-config.ts";
import { weightNumbers } from "../load.ts";
import { exportedTables, tablePositions } from "./onnx-rotary.ts";
import type { Model } from "../model.ts";
import { kindSuffix, rotaryInputs } from "../plans/layer-inputs.ts";
import { HIDDEN } from "../plans/plan.ts";
import { writeWhole } from "../weights/safetensors-writer.ts";

/** Below half of protobuf's 2 GB, since a model's bytes exist twice while it is put together. */
const MOST_INLINE = 1e9;
/** A memory map begins at a page. */
const PAGE = 4096;
const WEIGHTS_FILE = "model.onnx_data";

export interface OnnxOptions {
  /** Weights above this go into `model.onnx_data` beside the model, bytes. Default 1 GB. */
  maxInlineBytes?: number;
}

/**
 * Writes model.onnx, and model.onnx_data for a large model.
 * @param model without an adapter of its own: merge it first
 * @throws AttuneError `disk`
 */
export async function exportOnnx(
  model: Model,
  folder: string,
  { maxInlineBytes = MOST_INLINE }: OnnxOptions = {},
): Promise<void> {
  invariant(!model.adapter && !model.scoreHead, "this kind of model has no ONNX form");
  const { graph, logits, names } = buildInference(model);
  const weights = new Map(names.map((name) => [name, model.weights.get(name)!]));
  const tables = exportedTables(model.config);
  const bytes = [...weights.values()].reduce(
    (total, { shape }) => total + 4 * elementCount(shape),
    0,
  );
  const stored = bytes > maxInlineBytes ? await writeExternal(weights, folder) : inMemory(weights);
  const { model: onnx } = lower(
    graph,
    { logits },
    { device: "cpu", initializers: { ...tables, ...stored }, exactNames: true },
  );
  await writeFile(join(folder, "model.onnx"), onnx);
}

type Weights = ReadonlyMap<string, HostTensor<"float32"> | HostTensor<"float16">>;

function inMemory(weights: Weights): Record<string, HostTensor> {
  return Object.fromEntries(
    [...weights].map(([name, weight]) => [
      name,
      { dtype: "float32", shape: weight.shape, data: weightNumbers(weight) } satisfies HostTensor,
    ]),
  );
}

async function writeExternal(
  weights: Weights,
  folder: string,
): Promise<Record<string, ExternalTensor>> {
  const places: Record<string, ExternalTensor> = {};
  await writeWhole(join(folder, WEIGHTS_FILE), async (handle) => {
    let offset = 0;
    for (const [name, weight] of weights) {
      const data = weightNumbers(weight);
      await handle.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      places[name] = {
        dtype: "float32",
        shape: weight.shape,
        external: { location: WEIGHTS_FILE, offset, length: data.byteLength },
      };
      const end = offset + data.byteLength;
      offset = Math.ceil(end / PAGE) * PAGE;
      await handle.writeFile(new Uint8Array(offset - end));
    }
  });
  return places;
}

function buildInference(model: Model): { graph: Graph; logits: Value; names: string[] } {
  const { family, config } = model;
  const parts = { family, config };
  const graph = createGraph();
  const parameters = new Parameters(graph);
  const tokens = graph.input("input_ids", "int64", ["batch", "sequence"]);
  const mask = graph.input("attention_mask", "int64", ["batch", "sequence"]);
  const { positions, biases } = graph.scope("mask", () => readMask(mask, config));
  const attentions = new Map(
    kindsOf(config).map((kind) => {
      const suffix = kindSuffix(config, kind);
      const places = graph.scope("mask", () => tablePositions(positions, kind));
      const rotary = rotaryInputs(graph, config, kind, { positions: places, suffix });
      const inputs = { batch: "batch", time: "sequence", bias: biases.get(kind.name)!, rotary };
      return [kind.name, trainingAttention(config, inputs)];
    }),
  );
  const flat = (x: Value): Value => reshape(x, ["batch*sequence"]);
  const end = outerLayersBuilder(parts, parameters);
  let x = graph.scope("embedding", () => family.embed(end, flat(tokens), flat(positions)));
  for (const [layer, kind] of config.layerKinds.entries()) {
    const prefix = family.blockPrefix(layer);
    const attention = attentions.get(kind.name)!;
    x = graph.scope(prefix.slice(0, -1), () =>
      family.block(blockBuilder(parts, parameters, prefix, attention), x, kind),
    );
  }
  const logits = graph.scope("readout", () => {
    const rows = gemm(family.finalNorm(end, x), end.parameter(family.headWeight(config)), {
      transposeRight: true,
    });
    return reshape(rows, ["batch", "sequence", config.vocabularySize]);
  });
  return { graph, logits, names: [...parameters.used.keys()] };
}

/**
 * Positions int64 [B, T], and by kind of layers the bias [B, 1, T, T] that hides padding, later
 * keys, and keys outside its window.
 */
function readMask(
  mask: Value,
  config: DecoderConfig,
): { positions: Value; biases: ReadonlyMap<string, Value> } {
  const given = cast(mask, "float32");
  const positions = cast(maximum(subtract(cumulativeSum(given), 1), 0), "int64");
  const places = cumulativeSum(fill(mask.graph, ["batch", "sequence"], 1));
  const distance = subtract(
    reshape(places, ["batch", 1, "sequence", 1]),
    reshape(places, ["batch", 1, 1, "sequence"]),
  );
  const hide = (condition: Value): Value => multiply(cast(condition, "float32"), HIDDEN);
  const padding = multiply(reshape(subtract(1, given), ["batch", 1, 1, "sequence"]), HIDDEN);
  const causal = add(hide(greater(0, distance)), padding);
  const biases = kindsOf(config).map(({ name, window }): [string, Value] => [
    name,
    window === undefined ? causal : add(causal, hide(greater(distance, window - 1))),
  ]);
  return { positions, biases: new Map(biases) };
}

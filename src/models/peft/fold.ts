/**
 * Parts of an adapter that are no low-rank matrices of a block, as weights of the model's own:
 * modules that are kept in full (modules_to_save, or a base's tensors that were saved beside the
 * adapter), adapters of embedding and head, DoRA (Liu et al. 2024), biases, and rows of embeddings.
 * Source: peft's utils/save_and_load.py, utils/other.py (ModulesToSaveWrapper,
 * TrainableTokensWrapper), tuners/lora/dora.py.
 *
 * Head and embedding that share one tensor part where the adapter changes one of them: peft copies
 * a module before it is trained.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { float32, tensor, toHalf } from "../../core/tensor.ts";
import { addProduct, adapterNames, adapterScale } from "../adapter.ts";
import type { Orientation } from "../family.ts";
import { roundWeight } from "../int8.ts";
import { weightNumbers } from "../load.ts";
import type { Model } from "../model.ts";
import { projectionsByWeight, SCORE_HEAD, weightShapes } from "../model.ts";
import { transposeInto } from "../weights/gguf-orders.ts";
import type { PeftConfig } from "./config.ts";
import type { Matched } from "./targets.ts";
import type { AdapterTensors } from "./tensors.ts";

export interface FoldRequest {
  config: PeftConfig;
  /** Modules whose low-rank matrices are folded. */
  modules: readonly Matched[];
  tensors: AdapterTensors;
  path: string;
}

export interface Folded {
  model: Model;
  /** What was folded, by name in the file without its prefix. */
  tensors: ReadonlyMap<string, HostTensor<"float32">>;
}

const HEAD = "lm_head.weight";
const DELTA = ".token_adapter.trainable_tokens_delta";

/**
 * @throws AttuneError `model` where a part does not fit the base, or modules that were to be saved
 * are missing
 */
export async function foldParts(model: Model, request: FoldRequest): Promise<Folded> {
  const folding = new Folding(model, request);
  await folding.readWhole();
  await folding.addMatrices();
  await folding.replaceRows();
  return { model: folding.finish(), tensors: folding.read };
}

/** Weights as they change; a tied head has a name of its own here from the start. */
class Folding {
  readonly read = new Map<string, HostTensor<"float32">>();
  private readonly model: Model;
  private readonly request: FoldRequest;
  private readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Name of the embedding that is also the head. */
  private readonly tied: string | undefined;
  /** As the base has them, what was saved of it put in place; and as the adapted model has them. */
  private readonly base = new Map<string, Float32Array>();
  private readonly changed = new Map<string, Float32Array>();
  /** Weights of the base that the adapter brings. */
  private readonly brought = new Set<string>();

  constructor(model: Model, request: FoldRequest) {
    const { family, config } = model;
    this.model = model;
    this.request = request;
    this.tied = config.tieEmbeddings ? family.headWeight(config) : undefined;
    const shapes = weightShapes(family, config);
    this.shapes = this.tied === undefined ? shapes : { ...shapes, [HEAD]: shapes[this.tied]! };
  }

  /** Tensors that stand for a whole weight. */
  async readWhole(): Promise<void> {
    const { config, tensors, path } = this.request;
    const saved = (module: string): boolean =>
      config.modulesToSave.some((wanted) => module.endsWith(wanted));
    for (const name of tensors.names()) {
      const [, module, inner, kind] = /^(.+?)(\.base_layer)?\.(weight|bias)$/.exec(name) ?? [];
      const weight = `${module}.${kind}`;
      const shape = this.shapes[weight];
      if (module === undefined || !shape) continue;
      const { data } = await this.take(name, shape);
      if (inner === undefined && saved(module)) this.changed.set(weight, data);
      else this.setBase(weight, data);
    }
    const found = [...this.read.keys(), SCORE_HEAD];
    for (const wanted of config.modulesToSave) {
      const known = Object.keys(this.shapes).some((weight) =>
        weight.slice(0, weight.lastIndexOf(".")).endsWith(wanted),
      );
      if (!known || found.some((name) => name.slice(0, name.lastIndexOf(".")).endsWith(wanted)))
        continue;
      throw new AttuneError(
        "model",
        `the adapter lacks the module ${preview(wanted, 60)} that modules_to_save names`,
        { file: tensors.path, hint: `see ${path}` },
      );
    }
  }

  /** Low-rank matrices and DoRA's magnitudes. */
  async addMatrices(): Promise<void> {
    const { config, modules, path } = this.request;
    for (const { name, rank, alpha } of modules) {
      const weight = `${name}.weight`;
      const shape = this.shapes[weight];
      if (shape?.length !== 2)
        throw new AttuneError("model", `an adapter of ${preview(name, 80)} is not supported`, {
          file: path,
          expected: "projections, embeddings and lm_head; score among modules_to_save",
        });
      const place = this.placeOf(name, shape as [number, number]);
      const data = this.baseOf(weight).slice();
      const embedding = weight in this.model.family.embeddingShapes(this.model.config);
      addProduct(
        data,
        embedding
          ? await this.embeddingMatrices(name, rank, place)
          : await this.matrices(name, rank, place),
        place,
        adapterScale({ rank, alpha, rsLora: config.rsLora }),
      );
      if (config.dora) {
        if (embedding)
          throw new AttuneError(
            "model",
            `DoRA of the embedding ${preview(name, 80)} is not supported`,
            { file: path, hint: "merge it with peft (merge_and_unload)" },
          );
        rescale(
          data,
          (await this.take(`${name}.lora_magnitude_vector`, [place.outputs])).data,
          place,
        );
      }
      this.changed.set(weight, data);
    }
  }

  /** Rows of embeddings: the new values, not differences. */
  async replaceRows(): Promise<void> {
    const { tokenIndices } = this.request.config;
    if (!tokenIndices) return;
    const [embedding] = Object.keys(this.model.family.embeddingShapes(this.model.config)) as [
      string,
    ];
    const wanted =
      tokenIndices instanceof Map
        ? [...tokenIndices]
        : [[embedding.slice(0, -".weight".length), tokenIndices] as const];
    const replaced = new Set<string>();
    for (const [name, indices] of wanted) {
      const weight = Object.keys(this.shapes).find((each) =>
        `.${each}`.endsWith(`.${name}.weight`),
      );
      if (weight === undefined)
        throw new AttuneError(
          "model",
          `the base has no module ${preview(name, 60)}, which trainable_token_indices names`,
          { file: this.request.path },
        );
      await this.rowsOf(weight, weight, indices);
      replaced.add(weight);
    }
    // a tied head follows the embedding, unless it has rows of its own
    if (this.tied !== undefined && replaced.has(this.tied) && !replaced.has(HEAD))
      this.changed.set(HEAD, this.changed.get(this.tied)!);
  }

  /** The model with what changed; embedding and head stay one tensor where they are still equal. */
  finish(): Model {
    const { model, changed, base, brought, tied } = this;
    if (changed.size + brought.size === 0) return model;
    const final = new Map([
      ...[...brought].map((name) => [name, base.get(name)!] as const),
      ...changed,
    ]);
    const config = { ...model.config };
    if (tied !== undefined) {
      const [embedding, head] = [
        final.get(tied) ?? this.baseOf(tied),
        final.get(HEAD) ?? this.baseOf(HEAD),
      ];
      final.delete(HEAD);
      if (embedding !== head && !embedding.every((value, index) => value === head[index])) {
        final.set(HEAD, head);
        config.tieEmbeddings = false;
      }
    }
    return withWeights({ ...model, config }, final, this.shapes);
  }

  private placeOf(module: string, [rows, columns]: readonly [number, number]): Orientation {
    const projections = this.model.family.projections(this.model.config);
    const local = Object.keys(projections).find((each) => module.endsWith(`.${each}`));
    return local === undefined
      ? { inputs: columns, outputs: rows, transposed: false }
      : projections[local]!;
  }

  private async matrices(
    module: string,
    rank: number,
    { inputs, outputs }: Orientation,
  ): Promise<{ a: Float32Array; b: Float32Array }> {
    const names = adapterNames("", module);
    const [a, b] = [
      await this.take(names.a, [rank, inputs]),
      await this.take(names.b, [outputs, rank]),
    ];
    return { a: a.data, b: b.data };
  }

  /** An embedding's pair is kept the other way round: A [r, V] chooses, B [d, r] follows. */
  private async embeddingMatrices(
    module: string,
    rank: number,
    { inputs, outputs }: Orientation,
  ): Promise<{ a: Float32Array; b: Float32Array }> {
    const [a, b] = [
      await this.take(`${module}.lora_embedding_A`, [rank, outputs]),
      await this.take(`${module}.lora_embedding_B`, [inputs, rank]),
    ];
    return { a: transposed(b), b: transposed(a) };
  }

  private async rowsOf(weight: string, from: string, indices: readonly number[]): Promise<void> {
    const [rows, width] = this.shapes[weight] as [number, number];
    if (indices.some((index) => index >= rows))
      throw new AttuneError(
        "model",
        "trainable_token_indices names tokens that the base does not have",
        {
          file: this.request.path,
          got: preview(indices.filter((index) => index >= rows).slice(0, 3)),
          expected: `at most ${rows - 1}`,
        },
      );
    const { data: values } = await this.take(from.slice(0, -".weight".length) + DELTA, [
      indices.length,
      width,
    ]);
    const data = (this.changed.get(weight) ?? this.baseOf(weight)).slice();
    indices.forEach((row, index) =>
      data.set(values.subarray(index * width, (index + 1) * width), row * width),
    );
    this.changed.set(weight, data);
  }

  private async take(name: string, shape: readonly number[]): Promise<HostTensor<"float32">> {
    const taken = await this.request.tensors.read(name, shape);
    this.read.set(name, taken);
    return taken;
  }

  private setBase(weight: string, data: Float32Array): void {
    // a tied head is the embedding
    const name = weight === HEAD && this.tied !== undefined ? this.tied : weight;
    this.base.set(name, data);
    this.brought.add(name);
  }

  private baseOf(weight: string): Float32Array {
    const name = weight === HEAD && this.tied !== undefined ? this.tied : weight;
    const kept = this.base.get(name);
    if (kept) return kept;
    const stored = this.model.weights.get(name);
    if (!stored)
      throw new AttuneError(
        "model",
        `the adapter changes ${name} as a whole, which is kept in 8 bits`,
        { file: this.request.path, hint: "use precision float32" },
      );
    const numbers = weightNumbers(stored);
    this.base.set(name, numbers);
    return numbers;
  }
}

/**
 * Gives each row of a projection (column, where it is transposed) the length that its magnitude
 * says.
 */
function rescale(
  weight: Float32Array,
  magnitudes: Float32Array,
  { inputs, outputs, transposed: turned }: Orientation,
): void {
  const [inputStride, outputStride] = turned ? [outputs, 1] : [1, inputs];
  for (let output = 0; output < outputs; output++) {
    const start = output * outputStride;
    let squares = 0;
    for (let input = 0; input < inputs; input++)
      squares += weight[start + input * inputStride]! ** 2;
    // nothing has no direction
    const factor = squares === 0 ? 0 : magnitudes[output]! / Math.sqrt(squares);
    for (let input = 0; input < inputs; input++) weight[start + input * inputStride]! *= factor;
  }
}

/** [rows, columns] to [columns, rows]. */
function transposed({ shape, data }: HostTensor<"float32">): Float32Array {
  const [rows, columns] = shape as [number, number];
  const out = new Float32Array(data.length);
  transposeInto(data, rows, columns, out);
  return out;
}

/** A view of a model with some weights of its own, in the dtype that the base keeps them in. */
function withWeights(
  model: Model,
  changed: ReadonlyMap<string, Float32Array>,
  shapes: Readonly<Record<string, readonly number[]>>,
): Model {
  const weights = new Map(model.weights);
  const int8 = model.int8 && new Map(model.int8);
  const projections = int8 && projectionsByWeight(model.family, model.config);
  for (const [name, data] of changed) {
    const projection = projections?.get(name);
    if (int8 && projection) roundWeight(int8, name, data, projection);
    else
      weights.set(
        name,
        model.weights.get(name)?.dtype === "float16"
          ? tensor("float16", shapes[name]!, Uint16Array.from(data, toHalf))
          : float32(shapes[name]!, data),
      );
  }
  return { ...model, weights, ...(int8 ? { int8 } : {}) };
}

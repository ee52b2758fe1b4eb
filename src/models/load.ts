/** Reads a model into memory and checks every weight against the shapes that its family says. */
import { AttuneError } from "../core/errors.ts";
import { float32, halfToFloatTable, tensor, toHalf } from "../core/tensor.ts";
import { configForContext } from "./context.ts";
import type { DecoderConfig } from "./decoder-config.ts";
import type { ModelFamily } from "./family.ts";
import type { Int8Weights } from "./int8.ts";
import { requireExactBytes, roundWeight } from "./int8.ts";
import type { Model } from "./model.ts";
import { projectionsByWeight, SCORE_HEAD, weightShapes } from "./model.ts";
import type { Precision } from "./precision.ts";
import { readModelConfig } from "./registry.ts";
import { checkFinite } from "./weights/finite.ts";
import type { WeightSource } from "./weights/source.ts";

/** How weights are read; all of it may be left out. */
export interface ReadModelOptions {
  /**
   * Longest text that the model will read, tokens. Only models with short and long RoPE factors ask
   * for it (context.ts). Default: as long as the short ones serve.
   */
  context?: number;
  /** Default float32. */
  precision?: Precision;
  /** After every tensor: how many were read, of how many. */
  onProgress?: (read: number, total: number) => void;
  /**
   * Told of tensors that the family has no place for, but for those that it knows to say nothing;
   * not called where there are none.
   */
  onUnread?: (names: readonly string[]) => void;
}

/**
 * @throws AttuneError `model` for a missing weight or a wrong shape, `numeric` for a weight with
 * NaN or infinity, `config` for int8 where this
 *   processor has no exact products of bytes
 */
export async function readModel(
  source: WeightSource,
  options: ReadModelOptions = {},
): Promise<Model> {
  const { family, config: whole } = configOf(source);
  const config = configForContext(whole, options.context ?? 0);
  const available = new Set(source.names());
  const shapes = Object.entries(weightShapes(family, config));
  const rounds = options.precision === "int8";
  if (rounds) await requireExactBytes();
  const projections = rounds ? projectionsByWeight(family, config) : undefined;
  const int8: Int8Weights = new Map();
  const weights: Model["weights"] = new Map();
  const unread = new Set(available);
  for (const [index, [name, shape]] of shapes.entries()) {
    const stored = findName(name, available, family);
    if (stored === undefined) throw missingWeight(source, name, config);
    unread.delete(stored);
    const got = source.shape(stored);
    if (got.join() !== shape.join())
      throw new AttuneError("model", `the weight ${name} has the wrong shape`, {
        file: source.path,
        got: `[${got.join(", ")}]`,
        expected: `[${shape.join(", ")}] by config.json`,
      });
    const data = await source.read(stored);
    checkFinite(data, name, source.path);
    const projection = projections?.get(name);
    const narrow = options.precision === "float16" && shape.length > 1;
    if (projection) roundWeight(int8, name, data, projection);
    else weights.set(name, narrow ? halved(shape, data) : float32(shape, data));
    options.onProgress?.(index + 1, shapes.length);
  }
  const strange = [...unread].filter(
    (name) =>
      name !== SCORE_HEAD &&
      !(family.harmless ?? []).some((pattern) => pattern.test(name)) &&
      !(config.tieEmbeddings && name === TIED_HEAD),
  );
  if (strange.length > 0) options.onUnread?.(strange.toSorted());
  return { family, config, weights, ...(projections ? { int8 } : {}) };
}

const halved = (shape: readonly number[], data: Float32Array) =>
  tensor("float16", shape, Uint16Array.from(data, toHalf));

/** Keeps the matrices of a model that was read whole in float16, as {@link readModel} would have. */
export function narrowWeights({ weights }: Model): void {
  for (const [name, { shape, data, dtype }] of weights)
    if (shape.length > 1 && dtype === "float32") weights.set(name, halved(shape, data));
}

/** Some checkpoints write the head although it is the embedding. */
const TIED_HEAD = "lm_head.weight";

function configOf({ config, path }: WeightSource): ReturnType<typeof readModelConfig> {
  try {
    return readModelConfig(config);
  } catch (cause) {
    if (cause instanceof AttuneError && cause.details.file === undefined)
      throw new AttuneError(cause.code, cause.what, { ...cause.details, file: path });
    throw cause;
  }
}

/**
 * Some checkpoints leave out the base model's prefix (`transformer.`, `model.`) or have another.
 */
function findName(
  name: string,
  available: ReadonlySet<string>,
  { prefix }: ModelFamily,
): string | undefined {
  if (available.has(name) || !name.startsWith(prefix.name))
    return available.has(name) ? name : undefined;
  const rest = name.slice(prefix.name.length);
  return prefix.others.map((other) => other + rest).find((other) => available.has(other));
}

function missingWeight(source: WeightSource, name: string, config: DecoderConfig): AttuneError {
  const tied = name === "lm_head.weight" && !config.tieEmbeddings;
  return new AttuneError("model", `the weight ${name} is missing`, {
    file: source.path,
    got: `${source.names().length} weights`,
    ...(tied
      ? {
          hint:
            'if the model shares its embedding with its head, set "tie_word_embeddings": true in ' +
            "config.json",
        }
      : {}),
  });
}

/** The numbers of a weight as float32, whatever it is kept in. */
export function weightNumbers(
  weight: Model["weights"] extends Map<string, infer W> ? W : never,
): Float32Array {
  if (weight.dtype === "float32") return weight.data;
  const table = halfToFloatTable();
  return Float32Array.from(weight.data, (bits) => table[bits]!);
}

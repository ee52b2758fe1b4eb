/**
 * Hugging Face names, shapes and orientation for the tensors of a GGUF file, and back. What differs
 * between families is in their records (gguf-form.ts).
 */
import { AttuneError, invariant, nearest, preview } from "../../core/errors.ts";
import type { ModelFamily } from "../family.ts";
import { FAMILIES } from "../registry.ts";
import type { GgufChange, GgufForm } from "../gguf/form.ts";
import { type GgufHeader, type GgufTensor, showValue } from "../gguf/header.ts";
import { headSize, type Json, MetadataReader } from "../gguf/metadata.ts";

export interface MappedTensor {
  /** The tensor in the GGUF file. */
  readonly source: GgufTensor;
  /** In the checkpoint's orientation. */
  readonly shape: readonly number[];
  readonly change?: GgufChange;
}

export interface MappedModel {
  readonly config: Json;
  /** Rows of one query or key head, for the interleaved ones. */
  readonly headSize: number;
  /** By Hugging Face name, in the file's order. */
  readonly tensors: ReadonlyMap<string, MappedTensor>;
}

/** A family with its GGUF form, and the metadata of a file of it. */
export interface GgufModel {
  readonly family: ModelFamily;
  readonly form: GgufForm;
  readonly reader: MetadataReader;
}

/**
 * The family that a GGUF file is of.
 * @throws AttuneError `model` for an architecture that attune does not have
 */
export function ggufModel(file: string, header: GgufHeader): GgufModel {
  const name = header.metadata.get("general.architecture");
  const reader = new MetadataReader(file, header, String(name));
  for (const family of FAMILIES) {
    const { gguf: form } = family;
    if (form && form.architecture === name && (form.fits?.(reader) ?? true))
      return { family, form, reader };
  }
  const known = [...new Set(FAMILIES.flatMap(({ gguf }) => (gguf ? [gguf.architecture] : [])))];
  const near = typeof name === "string" ? nearest(name, known) : undefined;
  throw new AttuneError("model", "this GGUF architecture is not supported", {
    file,
    got: showValue(name),
    expected: known.join(", "),
    ...(near ? { hint: `a ${near} model` } : {}),
  });
}

/** The setting tensors that a file has. */
export const settingTensors = ({ form, reader }: GgufModel): string[] =>
  form.settingTensors.filter((name) => reader.header.tensors.has(name));

/**
 * A GGUF file's model in Hugging Face's terms.
 * @param numbers of the setting tensors that the file has, by name
 * @throws AttuneError `model` for a tensor or a setting that attune does not have
 */
export function mapGguf(
  { family, form, reader }: GgufModel,
  numbers: ReadonlyMap<string, Float32Array>,
): MappedModel {
  const config = {
    architectures: [family.architectures.language],
    model_type: family.modelType,
    ...form.readConfig(reader, numbers),
  };
  const size = headSize(reader);
  const tensors = new Map<string, MappedTensor>();
  for (const tensor of reader.header.tensors.values()) {
    if (form.ignored.includes(tensor.name) || form.settingTensors.includes(tensor.name)) continue;
    const { target, part } = mapName(reader.file, tensor.name, { family, form });
    tensors.set(
      target,
      mapTensor(reader.file, tensor, { change: form.changes.get(part), headSize: size }),
    );
  }
  return { config, headSize: size, tensors };
}

/** What stands before the number of a block. */
const blocksPrefix = (family: ModelFamily): string => family.blockPrefix(0).replace(/0\.$/, "");

/** The GGUF name of a weight, and what must be done to its numbers. */
export function ggufName(
  family: ModelFamily,
  form: GgufForm,
  name: string,
): { name: string; change: GgufChange | undefined } {
  const prefix = blocksPrefix(family);
  const [, local, kind] = /^(.+)\.(weight|bias)$/.exec(name)!;
  const inBlock = local!.startsWith(prefix)
    ? /^(\d+)\.(.+)$/.exec(local!.slice(prefix.length))
    : null;
  const wanted = inBlock?.[2] ?? local;
  const part = [...(inBlock ? form.block : form.top)].find(([, target]) => target === wanted)?.[0];
  invariant(part !== undefined, `GGUF has no name for the weight ${name}`);
  return {
    name: `${inBlock ? `blk.${inBlock[1]!}.` : ""}${part}.${kind!}`,
    change: form.changes.get(part),
  };
}

function mapName(
  file: string,
  source: string,
  { family, form: { block, top } }: Pick<GgufModel, "family" | "form">,
): { target: string; part: string } {
  const [, layer, part, kind] =
    /^(?:blk\.(0|[1-9]\d{0,5})\.)?([a-z0-9_]+)\.(weight|bias)$/.exec(source) ?? [];
  const target = part === undefined ? undefined : (layer === undefined ? top : block).get(part);
  if (part === undefined || target === undefined) {
    throw new AttuneError("model", "the GGUF file has a tensor that attune does not know", {
      file,
      got: preview(source),
      hint: "the safetensors form of this model",
    });
  }
  const prefix = layer === undefined ? "" : family.blockPrefix(Number(layer));
  return { target: `${prefix}${target}.${kind!}`, part };
}

function mapTensor(
  file: string,
  source: GgufTensor,
  { change, headSize: size }: { change: GgufChange | undefined; headSize: number },
): MappedTensor {
  const { shape } = source;
  if (!change || (change === "transposed" && shape.length < 2)) return { source, shape };
  if (change === "plus-one") return { source, shape, change };
  if (change === "transposed" && shape.length === 2)
    return { source, shape: shape.toReversed(), change };
  const rows = shape[0] ?? 0;
  if (
    change === "interleaved" &&
    shape.length <= 2 &&
    size % 2 === 0 &&
    rows > 0 &&
    rows % size === 0
  )
    return { source, shape, change };
  throw new AttuneError("model", `the tensor ${preview(source.name)} has the wrong shape`, {
    file,
    got: `[${shape.join(", ")}]`,
    expected: change === "transposed" ? "a matrix" : `rows for heads of ${size}`,
  });
}

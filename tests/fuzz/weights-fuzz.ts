/**
 * Hostile safetensors and GGUF files: valid files that were damaged, and headers made to look
 * almost right. Input number `i` of a seed is always the same, so a failure can be run again alone.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../src/core/random.ts";
import { elementCount } from "../../src/core/tensor.ts";
import { widenInto } from "../../src/models/weights/dtypes.ts";
import { parseGgufHeader } from "../../src/models/weights/gguf-header.ts";
import { ggufModel, mapGguf, settingTensors } from "../../src/models/weights/gguf-names.ts";
import { dequantizeInto } from "../../src/models/weights/gguf-quants.ts";
import {
  parseSafetensorsHeader,
  readHeaderLength,
} from "../../src/models/weights/safetensors-header.ts";
import { GgufBuilder, safetensorsBytes } from "../../src/models/weights/testing.ts";
import { repositoryRoot } from "../support/shared.ts";

export interface FuzzInput {
  readonly kind: "safetensors" | "gguf";
  /** How it was made. */
  readonly origin: string;
  readonly bytes: Uint8Array;
}

/** Reads an input to the last number, as opening a model would; throws what the readers throw. */
export function readAll({ kind, bytes }: FuzzInput): void {
  if (kind === "safetensors") readSafetensors(bytes);
  else readGguf(bytes);
}

function readSafetensors(bytes: Uint8Array): void {
  const length = readHeaderLength("fuzz", bytes.subarray(0, 8), bytes.length);
  const header = parseSafetensorsHeader("fuzz", bytes.subarray(8, 8 + length), bytes.length);
  for (const { dtype, shape, start, end } of header.tensors.values())
    widenInto(bytes.subarray(start, end), dtype, new Float32Array(elementCount(shape)));
}

function readGguf(bytes: Uint8Array): void {
  // A part of the file first, as a large header is read.
  parseGgufHeader("fuzz", bytes.subarray(0, bytes.length >> 2), bytes.length);
  const header = parseGgufHeader("fuzz", bytes, bytes.length);
  if (!header) throw new Error("the whole file asked for more bytes");
  const read = (name: string): Float32Array => {
    const { shape, type, start, end } = header.tensors.get(name)!;
    const out = new Float32Array(elementCount(shape));
    dequantizeInto(bytes.subarray(start, end), type, out);
    return out;
  };
  for (const name of header.tensors.keys()) read(name);
  const model = ggufModel("fuzz", header);
  mapGguf(model, new Map(settingTensors(model).map((name) => [name, read(name)])));
}

/** Makes inputs from a seed. */
export class FuzzInputs {
  private readonly seed: number;
  private readonly valid: readonly FuzzInput[];

  constructor(seed: number) {
    this.seed = seed;
    this.valid = validFiles();
  }

  /** Files that must be read without complaint. */
  get corpus(): readonly FuzzInput[] {
    return this.valid;
  }

  input(index: number): FuzzInput {
    const random = Random.for(this.seed, "weights-fuzz", index);
    const choice = random.integer(10);
    if (choice === 0)
      return { kind: "safetensors", origin: "made header", bytes: madeSafetensors(random) };
    if (choice === 1) return { kind: "gguf", origin: "made header", bytes: madeGguf(random) };
    const base = random.pick(this.valid);
    const other = random.pick(this.valid);
    let { bytes } = base;
    if (base.kind === "safetensors") bytes = damageSafetensors(random, bytes, other.bytes);
    else
      for (let i = 1 + random.integer(4); i > 0; i--)
        bytes = damage(random, { bytes, header: Math.min(bytes.length, 3000), other: other.bytes });
    return { kind: base.kind, origin: `damaged ${base.origin}`, bytes };
  }
}

/** One to four changes of a safetensors file, mostly of its header. */
export function damageSafetensors(random: Random, valid: Uint8Array, other = valid): Uint8Array {
  let bytes = valid;
  const header = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  for (let i = 1 + random.integer(4); i > 0; i--) bytes = damage(random, { bytes, header, other });
  return random.chance(0.7) ? repairLength(random, bytes, bytes.length - valid.length) : bytes;
}

function validFiles(): FuzzInput[] {
  const folder = join(repositoryRoot, "src", "models", "weights", "golden");
  const files = readdirSync(folder).filter((name) => /\.(safetensors|gguf)$/.test(name));
  const golden = files.map((name): FuzzInput => ({
    kind: name.endsWith("gguf") ? "gguf" : "safetensors",
    origin: name,
    bytes: new Uint8Array(readFileSync(join(folder, name))),
  }));
  return [
    ...golden.filter(({ origin }) => !origin.startsWith("quants.g")),
    smallSafetensors(),
    smallGguf(),
    smallGguf(),
    smallSafetensors(),
  ];
}

function smallSafetensors(): FuzzInput {
  const header = JSON.stringify({
    __metadata__: { format: "pt", 'a"b': "\\" },
    w: { dtype: "F32", shape: [2, 2], data_offsets: [0, 16] },
    é: { dtype: "BF16", shape: [3], data_offsets: [16, 22] },
    i: { dtype: "I64", shape: [], data_offsets: [22, 30] },
    e: { dtype: "F16", shape: [0, 5], data_offsets: [30, 30] },
  });
  return { kind: "safetensors", origin: "small", bytes: safetensorsBytes(header, 30) };
}

function smallGguf(): FuzzInput {
  const builder = GgufBuilder.begin(3, 9)
    .textKey("general.architecture", "llama")
    .uint32Key("general.alignment", 32)
    .uint32Key("llama.block_count", 1)
    .uint32Key("llama.context_length", 64)
    .uint32Key("llama.embedding_length", 32)
    .uint32Key("llama.feed_forward_length", 32)
    .uint32Key("llama.attention.head_count", 2);
  builder
    .text("llama.attention.layer_norm_rms_epsilon")
    .uint32(6)
    .raw(new Uint8Array(Float32Array.of(1e-5).buffer));
  builder.text("tokenizer.ggml.tokens").uint32(9).uint32(8).uint64(3).text("a").text("").text("ü");
  builder
    .tensor("token_embd.weight", [32, 2], { type: 8 })
    .tensor("blk.0.attn_norm.weight", [32], { offset: 96 })
    .tensor("blk.0.attn_q.weight", [32, 32], { type: 2, offset: 224 });
  return { kind: "gguf", origin: "small", bytes: builder.end(224 + 576) };
}

const NUMBERS: readonly bigint[] = [
  0n,
  1n,
  2n,
  7n,
  8n,
  9n,
  31n,
  255n,
  65_535n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 62n,
  2n ** 63n,
  2n ** 64n - 32n,
  2n ** 64n - 1n,
];
const TEXTS = [
  '"',
  "\\",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "-1",
  "1.5",
  "1e9",
  "0",
  "00",
  "9007199254740993",
  "99999999999999999999",
  "null",
  "true",
  '"__proto__"',
  '"__metadata__"',
  '"\\u0000"',
  '"\\ud800"',
  "\u0000",
  "\ufeff",
  "[[[[[[[[",
  '{"a":',
  "F32",
  "F4",
  '"shape"',
  '"dtype":"F64"',
  " ",
  "\n",
  "toString",
  "blk.0.attn_q.weight",
  "llama",
  "gpt2",
  "general.alignment",
  "split.count",
];

interface Damage {
  bytes: Uint8Array;
  /** Bytes in which most of the damage is done. */
  header: number;
  other: Uint8Array;
}

/**
 * One change: flipped bits, a number or a text put over or between, a part removed, repeated, taken
 * from another file, or cut off.
 */
function damage(random: Random, { bytes, header, other }: Damage): Uint8Array {
  if (bytes.length === 0) return bytes;
  const at = random.integer(Math.min(bytes.length, random.chance(0.95) ? header : bytes.length));
  const length = Math.min(1 + random.integer(random.chance(0.8) ? 9 : 200), bytes.length - at);
  switch (random.integer(8)) {
    case 0: {
      const copy = bytes.slice();
      for (let i = 0; i < length; i++)
        if (random.chance(0.3)) copy[at + i]! ^= 1 << random.integer(8);
      return copy;
    }
    case 1:
      return putOver(bytes, at, integerBytes(random));
    case 2:
      return replace(bytes, at, 0, new TextEncoder().encode(random.pick(TEXTS)));
    case 3:
      return replace(bytes, at, length, new TextEncoder().encode(random.pick(TEXTS)));
    case 4:
      return replace(bytes, at, length, new Uint8Array(0));
    case 5:
      return replace(bytes, at, 0, bytes.slice(at, at + length));
    case 6: {
      const from = random.integer(other.length);
      return putOver(bytes, at, other.slice(from, from + length));
    }
    default:
      return random.chance(0.5)
        ? bytes.slice(0, at)
        : replace(bytes, bytes.length, 0, new Uint8Array(random.integer(100)));
  }
}

/** An extreme number, in 1, 4 or 8 bytes. */
function integerBytes(random: Random): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, random.pick(NUMBERS), true);
  return bytes.slice(0, random.pick([1, 4, 8]));
}

function putOver(bytes: Uint8Array, at: number, piece: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy.set(piece.subarray(0, copy.length - at), at);
  return copy;
}

function replace(bytes: Uint8Array, at: number, length: number, piece: Uint8Array): Uint8Array {
  return Uint8Array.from(
    Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + length)]),
  );
}

/**
 * Lets the header's length follow what was inserted or removed in it, so that the damage is read at
 * all.
 */
function repairLength(random: Random, bytes: Uint8Array, grown: number): Uint8Array {
  if (bytes.length < 8) return bytes;
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  const length = view.getBigUint64(0, true) + BigInt(grown);
  view.setBigUint64(0, length >= 0n && random.chance(0.95) ? length : 2n, true);
  return copy;
}

/** A header of the right grammar with numbers, names and dtypes that may be anything. */
function madeSafetensors(random: Random): Uint8Array {
  const entries: string[] = [];
  let offset = 0;
  for (let i = random.integer(6); i >= 0; i--) {
    const size = random.integer(40);
    const dims = Array.from({ length: random.integer(4) }, () =>
      random.chance(0.9) ? String(random.integer(5)) : String(random.pick(NUMBERS)),
    );
    const name = JSON.stringify(
      random.chance(0.9)
        ? `t${random.integer(5)}`
        : random.pick(["__proto__", "__metadata__", "constructor", "", "\u0000"]),
    );
    const dtype = random.pick([
      "F32",
      "F16",
      "BF16",
      "U8",
      "I64",
      "F4",
      "F6_E2M3",
      "BOOL",
      "C64",
      "X",
    ]);
    const range = random.chance(0.9)
      ? `${offset},${offset + size}`
      : `${random.pick(NUMBERS)},${random.pick(NUMBERS)}`;
    entries.push(
      `${name}:{"dtype":"${dtype}","shape":[${random.chance(0.5) ? size : dims.join(",")}],"data_offsets":[${range}]}`,
    );
    offset += size;
  }
  if (random.chance(0.3))
    entries.push(
      `"__metadata__":${random.pick(["{}", '{"a":"b"}', '{"a":1}', "null", '{"__proto__":"x"}'])}`,
    );
  return safetensorsBytes(
    `{${entries.join(",")}}${" ".repeat(random.integer(8))}`,
    random.chance(0.9) ? offset : random.integer(100),
  );
}

/**
 * Keys and tensors of the right grammar with counts, types, shapes and offsets that may be
 * anything.
 */
function madeGguf(random: Random): Uint8Array {
  const number = (usual: number): bigint =>
    random.chance(0.9) ? BigInt(random.integer(usual)) : random.pick(NUMBERS);
  const [tensors, keys] = [random.integer(5), random.integer(5)];
  const builder = GgufBuilder.begin(
    random.chance(0.95) ? tensors : random.pick(NUMBERS),
    random.chance(0.95) ? keys : random.pick(NUMBERS),
    random.chance(0.95) ? 3 : random.integer(5),
  );
  for (let i = 0; i < keys; i++) madeKey(random, builder, number);
  for (let i = 0; i < tensors; i++) {
    const dims = Array.from(
      { length: random.integer(random.chance(0.9) ? 4 : 9) },
      () => number(3) * 32n + number(2),
    );
    builder.tensor(random.chance(0.9) ? `t${i}` : "t0", dims, {
      type: random.chance(0.9)
        ? random.pick([0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 30])
        : random.integer(50),
      offset: number(4) * 32n,
    });
  }
  return builder.end(random.integer(3000));
}

function madeKey(random: Random, builder: GgufBuilder, number: (usual: number) => bigint): void {
  builder.text(
    random.chance(0.8)
      ? `k${random.integer(9)}`
      : random.pick(["general.alignment", "general.architecture", "split.count", "__proto__", ""]),
  );
  const type = random.integer(14);
  builder.uint32(type);
  if (type === 8) builder.text(random.pick(TEXTS));
  else if (type === 9) {
    for (let depth = random.integer(7); depth > 0; depth--) builder.uint32(9).uint64(number(3));
    builder
      .uint32(random.integer(14))
      .uint64(number(5))
      .raw(new Uint8Array(random.integer(60)));
  } else
    builder.raw(
      new Uint8Array([1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8][type] ?? 0).fill(random.integer(256)),
    );
}

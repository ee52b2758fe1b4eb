/**
 * The frequency factors of Llama 3.1 and later: a table in a GGUF file, four numbers in
 * config.json.
 * Source: llama.cpp's `generate_extra_tensors`; transformers' modeling_rope_utils.py.
 */
import { AttuneError } from "../../core/errors.ts";
import type { MetadataReader } from "./metadata.ts";
import { shortest } from "./metadata.ts";

interface Llama3Scaling {
  factor: number;
  low_freq_factor: number;
  high_freq_factor: number;
  original_max_position_embeddings: number;
}

/** Original lengths to try: Meta's first, then every power of two up to a million. */
const ORIGINAL_LENGTHS = [8192, ...Array.from({ length: 16 }, (_, i) => 2 ** (i + 5))];

/**
 * The settings behind a table of frequency factors. A table does not tell the four numbers apart:
 * it is decided by the factor of the longest wavelengths, and by the two lengths between which
 * factors go from 1 to it. So the published settings come first (low and high frequency factor 1
 * and 4), then the others by their lengths, over an original length that makes them plain numbers
 * where there is one. Whatever is found reproduces the whole table, or the file is refused.
 */
export function llama3Scaling(reader: MetadataReader, factors: Float32Array): Llama3Scaling {
  const theta = reader.number("rope.freq_base", 10_000);
  const factor = shortest(factors.reduce((a, b) => Math.max(a, b)));
  for (const original of ORIGINAL_LENGTHS) {
    const scaling = {
      factor,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: original,
    };
    if (reproduces(scaling, theta, factors, 1e-4)) return scaling;
  }
  const slope = factor > 1 ? turnsBySlope(factors, factor, theta) : undefined;
  if (slope) {
    const plain = ORIGINAL_LENGTHS.map((original) =>
      scalingOf(slope, factor, original, plainNumber),
    ).find((scaling) => reproduces(scaling, theta, factors, 1e-5));
    const found = plain ?? scalingOf(slope, factor, ORIGINAL_LENGTHS[0]!, (x) => x);
    if (reproduces(found, theta, factors, 1e-5)) return found;
  }
  throw new AttuneError(
    "model",
    "the file scales RoPE by a table of factors that is not Llama 3's",
    {
      file: reader.file,
      got: `rope_freqs.weight of ${factors.length}, up to ${factor}`,
      hint: "the safetensors form of this model",
    },
  );
}

function reproduces(
  scaling: Llama3Scaling,
  theta: number,
  factors: Float32Array,
  tolerance: number,
): boolean {
  const expected = llama3Factors(scaling, theta, factors.length);
  return factors.every((value, i) => Math.abs(value - expected[i]!) <= tolerance * expected[i]!);
}

/**
 * How smooth a frequency is: 1 where it stays, 0 where it is scaled in full, steepness * turns -
 * start between.
 */
interface Slope {
  steepness: number;
  start: number;
}

/**
 * From the first and the last factor between 1 and the largest, or where there are too few, a slope
 * that passes between their neighbours.
 */
function turnsBySlope(factors: Float32Array, factor: number, theta: number): Slope | undefined {
  const turns = Array.from(factors, (_, i) => 1 / (2 * Math.PI * theta ** (i / factors.length)));
  const smooth = Array.from(factors, (value) => (1 / value - 1 / factor) / (1 - 1 / factor));
  const inside = [...smooth.keys()].filter((i) => smooth[i]! > 1e-6 && smooth[i]! < 1 - 1e-6);
  const [first, last] = [inside[0], inside.at(-1)];
  if (first !== undefined && first !== last)
    return slopeThrough([turns[first]!, smooth[first]!], [turns[last!]!, smooth[last!]!]);
  // the last that stays and the first that is scaled in full
  const stays = smooth.findLastIndex((value) => value >= 1 - 1e-6);
  const scaled = smooth.findIndex((value) => value <= 1e-6);
  const low: [number, number] | undefined = scaled === -1 ? undefined : [turns[scaled]!, 0];
  const high: [number, number] | undefined = stays === -1 ? undefined : [turns[stays]!, 1];
  if (first === undefined) return low ? slopeThrough(high ?? [2 * low[0], 1], low) : undefined;
  const through: [number, number] = [turns[first]!, smooth[first]!];
  const candidates = [
    high && slopeThrough(high, through),
    low && slopeThrough(through, low),
  ].filter((slope) => slope !== undefined);
  return candidates.reduce<Slope | undefined>(
    (steepest, slope) => (steepest && steepest.steepness >= slope.steepness ? steepest : slope),
    undefined,
  );
}

/** Undefined for one that does not rise: such a table is no Llama 3's. */
function slopeThrough(
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
): Slope | undefined {
  const steepness = (y1 - y2) / (x1 - x2);
  return steepness > 0 && Number.isFinite(steepness)
    ? { steepness, start: steepness * x1 - y1 }
    : undefined;
}

/** The frequency factors that have this slope over an original length. */
function scalingOf(
  { steepness, start }: Slope,
  factor: number,
  original: number,
  round: (x: number) => number,
): Llama3Scaling {
  const width = original / steepness;
  return {
    factor,
    low_freq_factor: round(start * width),
    high_freq_factor: round((start + 1) * width),
    original_max_position_embeddings: original,
  };
}

/** The nearest number of three digits. */
const plainNumber = (x: number): number => Number(x.toPrecision(3));

/** What each of RoPE's `count` wavelengths is multiplied by. */
export function llama3Factors(scaling: Llama3Scaling, theta: number, count: number): number[] {
  const {
    factor,
    low_freq_factor: low,
    high_freq_factor: high,
    original_max_position_embeddings: original,
  } = scaling;
  return Array.from({ length: count }, (_, i) => {
    const turns = original / (2 * Math.PI * theta ** (i / count));
    if (turns > high) return 1;
    if (turns < low) return factor;
    const smooth = (turns - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

/** References of softmaxes, normalisations, rotary embeddings and cached attention. */
import type { AttentionAttributes, NormAttributes, SoftmaxAttributes } from "../../op-types.ts";
import type { PlainTensor } from "../plain.ts";
import { at, build, flatIndex, mapRows } from "../plain.ts";
import type { Reference } from "./reference.ts";
import { logSoftmaxOf, softmaxOf } from "./reference.ts";

const meanOf = (row: Float64Array): number => row.reduce((sum, x) => sum + x, 0) / row.length;

/** One number for every row, with the last axis kept as 1. */
function rowStatistic(x: PlainTensor, statistic: (row: Float64Array) => number): PlainTensor {
  const width = x.shape.at(-1)!;
  return build("float32", [...x.shape.slice(0, -1), 1], (index) => {
    const start = flatIndex(x.shape, index);
    return statistic(x.data.subarray(start, start + width));
  });
}

/**
 * Turns as much of one head as the tables have angles for, its first dimensions: the pair
 * (first[i], second[i]) of their two halves by the angle of its position.
 */
function rotated(
  head: readonly number[],
  position: number,
  cosines: PlainTensor,
  sines: PlainTensor,
  direction: 1 | -1 = 1,
): number[] {
  const half = cosines.shape[1]!;
  return head.map((x, i) => {
    if (i >= 2 * half) return x;
    const angle = [position, i % half];
    const [cosine, sine] = [at(cosines, angle), direction * at(sines, angle)];
    return i < half ? x * cosine - head[i + half]! * sine : x * cosine + head[i - half]! * sine;
  });
}

interface Rotation {
  cosines: PlainTensor;
  sines: PlainTensor;
}

interface Head {
  keys: number[][];
  values: number[][];
}

/** Keys and values of one row and key head, by position: the past, then the new tokens. */
function extendedCache(
  inputs: readonly PlainTensor[],
  place: { row: number; head: number; start: number },
  rotation: Rotation | undefined,
): Head {
  const [, key, value, pastKey, pastValue] = inputs as readonly [
    PlainTensor,
    PlainTensor,
    PlainTensor,
    PlainTensor,
    PlainTensor,
  ];
  const { row, head, start } = place;
  const [, heads, , size] = pastKey.shape as [number, number, number, number];
  const steps = key.shape[1]!;
  const past = (cache: PlainTensor): number[][] =>
    Array.from({ length: start }, (_, t) =>
      Array.from(
        { length: size },
        (_, i) => cache.data[flatIndex(cache.shape, [row, head, t, i])]!,
      ),
    );
  const fresh = (x: PlainTensor): number[][] =>
    Array.from({ length: steps }, (_, t) => headOf(x, { row, step: t, head, heads }));
  const keys = fresh(key).map((entry, t) =>
    rotation ? rotated(entry, start + t, rotation.cosines, rotation.sines) : entry,
  );
  return { keys: [...past(pastKey), ...keys], values: [...past(pastValue), ...fresh(value)] };
}

/** Numbers of one head in [B, S, heads*D]. */
function headOf(
  x: PlainTensor,
  { row, step, head, heads }: { row: number; step: number; head: number; heads: number },
): number[] {
  const size = x.shape[2]! / heads;
  const start = flatIndex(x.shape, [row, step, head * size]);
  return Array.from(x.data.subarray(start, start + size));
}

/** softmax(q k^T / sqrt(D)) v over the positions from `first` to `last`. */
function attend(
  query: readonly number[],
  { keys, values }: Head,
  first: number,
  last: number,
): number[] {
  const seen = keys.slice(first, last + 1);
  const weights = softmaxOf(
    seen.map((key) => key.reduce((sum, k, i) => sum + k * query[i]!, 0) / Math.sqrt(query.length)),
  );
  return query.map((_, i) =>
    weights.reduce((sum, weight, t) => sum + weight * values[first + t]![i]!, 0),
  );
}

/** Query, key and value from one tensor [B, S, (H + 2K)*D]. */
function unpacked(
  whole: PlainTensor,
  { heads, keyValueHeads }: { heads: number; keyValueHeads: number },
): PlainTensor[] {
  const [rows, steps, width] = whole.shape as [number, number, number];
  const size = width / (heads + 2 * keyValueHeads);
  let start = 0;
  return [heads, keyValueHeads, keyValueHeads].map((count) => {
    const first = start;
    start += count * size;
    return build("float32", [rows, steps, count * size], ([row, step, i]) =>
      at(whole, [row!, step!, first + i!]),
    );
  });
}

const cachedAttention: Reference<"cachedAttention"> = (
  given,
  { heads, keyValueHeads, rotary, window, packed },
) => {
  const inputs = packed
    ? [...unpacked(given[0]!, { heads, keyValueHeads }), ...given.slice(1)]
    : given;
  const [query, , , pastKey, , lengths, total] = inputs as readonly PlainTensor[] as readonly [
    PlainTensor,
    PlainTensor,
    PlainTensor,
    PlainTensor,
    PlainTensor,
    PlainTensor,
    PlainTensor,
  ];
  const rotation = rotary ? { cosines: inputs[7]!, sines: inputs[8]! } : undefined;
  const [rows, steps] = query.shape as [number, number, number];
  const size = pastKey.shape[3]!;
  const output = { ...query, data: new Float64Array(query.data.length).fill(NaN) };
  const caches = [pastKey, pastKey].map((cache) => ({
    ...cache,
    data: new Float64Array(cache.data.length).fill(NaN),
  })) as [PlainTensor, PlainTensor];
  for (let row = 0; row < rows; row++) {
    const length = lengths.data[row]! + 1;
    const start = steps === total.data[0] ? 0 : length - steps;
    for (let head = 0; head < heads; head++) {
      const shared = Math.floor(head / (heads / keyValueHeads));
      const cache = extendedCache(inputs, { row, head: shared, start }, rotation);
      for (let t = 0; t < length; t++) {
        caches[0].data.set(cache.keys[t]!, flatIndex(pastKey.shape, [row, shared, t, 0]));
        caches[1].data.set(cache.values[t]!, flatIndex(pastKey.shape, [row, shared, t, 0]));
      }
      for (let step = 0; start + step < length; step++) {
        const plain = headOf(query, { row, step, head, heads });
        const position = start + step;
        const turned = rotation
          ? rotated(plain, position, rotation.cosines, rotation.sines)
          : plain;
        const first = window > 0 ? Math.max(0, position - window + 1) : 0;
        output.data.set(
          attend(turned, cache, first, position),
          flatIndex(query.shape, [row, step, head * size]),
        );
      }
    }
  }
  return [output, ...caches];
};

export const attention = {
  softmax: ([x]) => [mapRows(x!, softmaxOf)],
  logSoftmax: ([x]) => [mapRows(x!, logSoftmaxOf)],
  tokenLogProbabilities: ([logits, targets]) => {
    const all = mapRows(logits!, logSoftmaxOf);
    return [
      {
        dtype: "float32",
        shape: targets!.shape,
        data: targets!.data.map((target, row) => at(all, [row, target])),
      },
      all,
    ];
  },
  rmsNorm: ([x, weight], { epsilon }) => {
    const inverse = (row: Float64Array): number =>
      1 / Math.sqrt(meanOf(row.map((entry) => entry * entry)) + epsilon);
    return [
      mapRows(x!, (row) => row.map((entry, i) => entry * inverse(row) * weight!.data[i]!)),
      rowStatistic(x!, inverse),
    ];
  },
  layerNorm: ([x, weight, bias], { epsilon }) => {
    const inverse = (row: Float64Array): number => {
      const mean = meanOf(row);
      return 1 / Math.sqrt(meanOf(row.map((entry) => (entry - mean) ** 2)) + epsilon);
    };
    const normal = mapRows(x!, (row) =>
      row.map(
        (entry, i) => (entry - meanOf(row)) * inverse(row) * weight!.data[i]! + bias!.data[i]!,
      ),
    );
    return [normal, rowStatistic(x!, meanOf), rowStatistic(x!, inverse)];
  },
  rotary: ([x, positions, cosines, sines], { inverse }) => {
    const [, heads, time, size] = x!.shape as [number, number, number, number];
    let row = 0;
    return [
      mapRows(x!, (head) => {
        const [batch, step] = [Math.floor(row / (heads * time)), row % time];
        row++;
        return rotated(
          Array.from(head.subarray(0, size)),
          at(positions!, [batch, step]),
          cosines!,
          sines!,
          inverse ? -1 : 1,
        );
      }),
    ];
  },
  cachedAttention,
} satisfies {
  [N in keyof (SoftmaxAttributes & NormAttributes & AttentionAttributes)]: Reference<N>;
};

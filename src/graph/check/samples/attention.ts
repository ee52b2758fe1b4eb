/** Samples of softmaxes with masks, normalisations, rotary embeddings and cached attention. */
import { softmaxOf } from "../../interpreter/references/reference.ts";
import type {
  AttentionAttributes,
  None,
  NormAttributes,
  SoftmaxAttributes,
} from "../../op-types.ts";
import type { PlainTensor } from "../../interpreter/plain.ts";
import type { Fill, Sample, SampleWith, SampleInput, Sizes } from "./sample.ts";
import { NO_SYMBOLS, TWO_SIZES, below, float, integer, listed, normal } from "./sample.ts";

const MASKED = -1e9;
/** Some entries masked as attention does, one row wholly, and one with large numbers. */
const maskedRows = listed(0.5, MASKED, -0.25, 1, MASKED, MASKED, MASKED, MASKED, 90, 80, -90, 0);

/**
 * g - softmax(x) sum(g) of each row: where masked outputs are near -1e9, rounding hides
 * differences.
 */
function logSoftmaxGradient(x: PlainTensor, upstream: Float64Array): Float64Array {
  const width = x.shape.at(-1)!;
  const result = upstream.slice();
  for (let start = 0; start < result.length; start += width) {
    const total = upstream.slice(start, start + width).reduce((sum, g) => sum + g, 0);
    softmaxOf(x.data.subarray(start, start + width)).forEach(
      (p, i) => (result[start + i]! -= p * total),
    );
  }
  return result;
}

/** What arrives at the row of log-probabilities of which only the target's is read. */
function atTargets(
  [x, targets]: readonly PlainTensor[],
  [upstream]: readonly PlainTensor[],
): Float64Array {
  const spread = new Float64Array(x!.data.length);
  targets!.data.forEach(
    (target, row) => (spread[row * x!.shape[1]! + target] = upstream!.data[row]!),
  );
  return spread;
}

function softmaxes(masked: Partial<SampleWith<None>>): SampleWith<None>[] {
  return [
    { name: "a matrix", attributes: {}, inputs: [float(["n", "m"], normal(2))], sizes: TWO_SIZES },
    { name: "heads", attributes: {}, inputs: [float(["n", 2, 3, "m"])], sizes: TWO_SIZES },
    { name: "an axis of size 1", attributes: {}, inputs: [float(["n", 1])], sizes: TWO_SIZES },
    {
      name: "masks",
      attributes: {},
      inputs: [float([3, 4], maskedRows)],
      sizes: NO_SYMBOLS,
      ...masked,
    },
  ];
}

const tokens = (
  name: string,
  outputs: readonly number[],
  fill: Fill = normal(2),
): Sample<"tokenLogProbabilities"> => ({
  name,
  attributes: {},
  inputs: [float(["n", 5], fill), integer(["n"], below(5))],
  sizes: TWO_SIZES,
  outputs,
});

const norms = (
  weights: readonly SampleInput[],
): { name: string; inputs: SampleInput[]; sizes: readonly Sizes[] }[] => [
  { name: "a matrix", inputs: [float(["n", 4]), ...weights], sizes: TWO_SIZES },
  { name: "three axes", inputs: [float(["n", "m", 4]), ...weights], sizes: TWO_SIZES },
  {
    name: "large and small rows",
    inputs: [
      float([3, 4], listed(1e3, -2e3, 5e2, 1, 1e-2, -2e-2, 0, 1e-3, 1, 2, 3, 4)),
      ...weights,
    ],
    sizes: NO_SYMBOLS,
  },
];

const cosines: Fill = ({ flat }) => Math.cos(Math.floor(flat / 2) * 10 ** -(flat % 2));
const sines: Fill = ({ flat }) => Math.sin(Math.floor(flat / 2) * 10 ** -(flat % 2));
const rotary = (name: string, inverse: boolean, positions: Fill): Sample<"rotary"> => ({
  name,
  attributes: { inverse },
  inputs: [
    float(["n", 3, "m", 4]),
    integer(["n", "m"], positions),
    float([9, 2], cosines),
    float([9, 2], sines),
  ],
  sizes: TWO_SIZES,
  constants: [2, 3],
});

const HEADS = { heads: 4, keyValueHeads: 2 };
const HEAD_SIZE = 16;
interface CacheCase {
  sizes: readonly Sizes[];
  /** Tokens in the cache after the call, by row, and the largest of them. */
  length: (row: number, sizes: Sizes) => number;
  total: (sizes: Sizes) => number;
  window?: number;
  rotary?: boolean;
  packed?: boolean;
  /** Default: {@link HEAD_SIZE}, which turns in whole. */
  headSize?: number;
}

function cached(
  name: string,
  {
    sizes,
    length,
    total,
    window = 0,
    rotary: rotate = true,
    packed = false,
    headSize = HEAD_SIZE,
  }: CacheCase,
): Sample<"cachedAttention"> {
  const table = (wave: (x: number) => number): SampleInput =>
    float(["cache", HEAD_SIZE / 2], ({ flat }) =>
      wave(Math.floor(flat / 8) * 1e4 ** (-(flat % 8) / 8)),
    );
  const past = float(["n", HEADS.keyValueHeads, "cache", headSize]);
  return {
    name,
    attributes: { ...HEADS, rotary: rotate, window, packed },
    inputs: [
      ...(packed
        ? [HEADS.heads + 2 * HEADS.keyValueHeads]
        : [HEADS.heads, HEADS.keyValueHeads, HEADS.keyValueHeads]
      ).map((count) => float(["n", "step", count * headSize])),
      past,
      past,
      { dtype: "int32", shape: ["n"], fill: ({ flat, sizes: given }) => length(flat, given) - 1 },
      { dtype: "int32", shape: [1], fill: ({ sizes: given }) => total(given) },
      ...(rotate ? [table(Math.cos), table(Math.sin)] : []),
    ],
    sizes,
    open: true,
  };
}

const prefillSizes: readonly Sizes[] = [
  { n: 3, step: 4, cache: 6 },
  { n: 1, step: 1, cache: 2 },
  { n: 2, step: 5, cache: 5 },
];
/** Rows of a prefill, padded on the right to the longest. */
const prefill: CacheCase = {
  sizes: prefillSizes,
  length: (row, { step }) => step! - (row % step!),
  total: ({ step }) => step!,
};
/** One more token on rows of different lengths; the longest fills the cache. */
const single: CacheCase = {
  sizes: [
    { n: 3, step: 1, cache: 7 },
    { n: 1, step: 1, cache: 2 },
  ],
  length: (row, { cache }) => cache! - 2 * row,
  total: ({ cache }) => cache!,
};
/** Several tokens on a filled cache, one row. */
const continued: CacheCase = {
  sizes: [{ n: 1, step: 3, cache: 8 }],
  length: () => 7,
  total: () => 7,
};

export const attention = {
  softmax: softmaxes({ step: 3e-3 }),
  logSoftmax: softmaxes({
    gradient: ([x], [upstream]) => [logSoftmaxGradient(x!, upstream!.data)],
  }),
  tokenLogProbabilities: [
    tokens("the targets", [0]),
    tokens("all", [1]),
    tokens("both", [0, 1]),
    tokens("far logits", [0], ({ flat }) => (flat % 5 === 0 ? 60 : -40)),
    {
      name: "masked logits",
      attributes: {},
      inputs: [float([3, 4], maskedRows), integer([3], listed(0, 2, 1))],
      sizes: NO_SYMBOLS,
      outputs: [0],
      gradient: (inputs, upstream) => [logSoftmaxGradient(inputs[0]!, atTargets(inputs, upstream))],
    },
  ],
  rmsNorm: norms([float([4])]).map((sample): Sample<"rmsNorm"> => ({
    ...sample,
    attributes: { epsilon: 1e-3 },
  })),
  layerNorm: norms([float([4]), float([4])]).map((sample): Sample<"layerNorm"> => ({
    ...sample,
    attributes: { epsilon: 1e-3 },
  })),
  rotary: [
    rotary("positions in order", false, ({ flat, sizes }) => flat % sizes["m"]!),
    rotary("any positions", false, below(9)),
    rotary("turning back", true, below(9)),
  ],
  cachedAttention: [
    cached("prefill", prefill),
    cached("prefill without rotation", { ...prefill, rotary: false }),
    cached("prefill with a window", { ...prefill, window: 2 }),
    cached("single steps", single),
    cached("single steps without rotation", { ...single, rotary: false }),
    cached("single steps with a window", { ...single, window: 3 }),
    cached("a window of one", { ...single, window: 1 }),
    ...[prefill, single, continued].flatMap((each, i) =>
      [true, false].map((packed) =>
        cached(`half of a head turns${packed ? ", packed" : ""}, case ${i + 1}`, {
          ...each,
          packed,
          headSize: 2 * HEAD_SIZE,
        }),
      ),
    ),
    cached("several tokens on a filled cache", continued),
    ...[prefill, single, continued].flatMap((each, i) =>
      [true, false].map((rotate) =>
        cached(
          `packed, ${["prefill", "single steps", "several tokens"][i]}` +
            (rotate ? "" : " without rotation"),
          { ...each, packed: true, rotary: rotate },
        ),
      ),
    ),
    cached("several tokens on a filled cache with a window", { ...continued, window: 3 }),
  ],
} satisfies {
  [N in keyof (SoftmaxAttributes & NormAttributes & AttentionAttributes)]: readonly Sample<N>[];
};

/**
 * Softmaxes, normalisations, rotary embeddings and the attention of cached decoding.
 * ONNX forms: SimplifiedLayerNormalization, RotaryEmbedding and GroupQueryAttention are ONNX
 * Runtime's own operators.
 */
import { AttuneError } from "../../core/errors.ts";
import {
  exp,
  fill,
  mean,
  multiply,
  negate,
  reshape,
  rotary,
  scatterAddPicked,
  subtract,
  sum,
  sumTo,
} from "../build.ts";
import type { Dimension } from "../dimensions.ts";
import { formatShape, sameShape } from "../dimensions.ts";
import type { GraphNode, Value, ValueType } from "../ir.ts";
import { staticDimension } from "../ir.ts";
import type { Emitter } from "../onnx/emitter.ts";
import type { GradientContext, OpAttributes, OpDefinition, OpName } from "../op-types.ts";
import { defineOp, nonDifferentiable } from "../op-types.ts";
import { requireFloat } from "./elementwise.ts";

const lastAsOne = (shape: ValueType["shape"]): ValueType["shape"] => [...shape.slice(0, -1), 1];

function requireVector(name: string, vector: ValueType, x: ValueType): void {
  if (vector.shape.length !== 1 || vector.shape[0] !== x.shape.at(-1)) {
    throw new AttuneError(
      "internal",
      `${name} must be ${formatShape([x.shape.at(-1)!])}, got ${formatShape(vector.shape)}`,
    );
  }
}

interface OneToOne {
  input: string;
  output: string;
}

/** x - max - log sum e^(x - max) where the device has no LogSoftmax kernel. */
function emitLogSoftmaxTo(emitter: Emitter, { input, output }: OneToOne): void {
  if (emitter.device === "cpu") {
    emitter.nodeOutputs("LogSoftmax", [input], { attributes: { axis: -1 }, outputs: [output] });
    return;
  }
  const axis = emitter.integers([-1]);
  const shifted = emitter.node("Sub", [input, emitter.node("ReduceMax", [input, axis])]);
  const total = emitter.node("ReduceSum", [emitter.node("Exp", [shifted]), axis]);
  emitter.nodeOutputs("Sub", [shifted, emitter.node("Log", [total])], { outputs: [output] });
}

const column = (v: Value): Value => reshape(v, [...v.shape, 1]);

/**
 * (softmax - onehot) scaled: gradient of log p(target) with respect to the logits, in three passes
 * over [N, V].
 */
function tokenLogProbabilitiesGradient({
  inputs,
  outputs,
  gradients,
}: GradientContext<"tokenLogProbabilities">): readonly (Value | undefined)[] {
  const [, targets] = inputs;
  const all = outputs[1]!;
  const [selected, whole] = gradients;
  let result: Value | undefined;
  // Scattering first lets the product write over the copy that scattering makes.
  if (selected)
    result = multiply(
      scatterAddPicked(exp(all), targets!, fill(all.graph, targets!.shape, -1)),
      column(negate(selected)),
    );
  if (whole) {
    const rest = subtract(whole, multiply(exp(all), sum(whole, [-1], true)));
    result = result ? subtract(result, negate(rest)) : rest;
  }
  return [result, undefined];
}

function emitTokenLogProbabilities(
  emitter: Emitter,
  node: GraphNode<"tokenLogProbabilities">,
): void {
  const [logits, targets] = node.inputs.map((input) => input.name) as [string, string];
  const [selected, all] = node.outputs.map((output) => output.name) as [string, string];
  emitLogSoftmaxTo(emitter, { input: logits, output: all });
  const axis = emitter.integers([1]);
  const picked = emitter.node("GatherElements", [all, emitter.node("Unsqueeze", [targets, axis])], {
    attributes: { axis: 1 },
  });
  emitter.nodeOutputs("Squeeze", [picked, axis], { outputs: [selected] });
}

function emitRmsNorm(emitter: Emitter, node: GraphNode<"rmsNorm">): void {
  const [x, weight] = node.inputs.map((input) => input.name) as [string, string];
  const [normal, inverse] = node.outputs.map((output) => output.name) as [string, string];
  const { epsilon } = node.attributes;
  const sum = emitter.sums.get(node);
  if (sum) {
    const inputs = [...sum.inputs.map((input) => input.name), weight];
    emitter.nodeOutputs("SkipSimplifiedLayerNormalization", inputs, {
      domain: "com.microsoft",
      attributes: { epsilon: { float: epsilon } },
      outputs: [normal, "", "", sum.outputs[0]!.name],
    });
    return;
  }
  const onCpu = emitter.device === "cpu";
  const attributes = { axis: -1, epsilon: { float: epsilon }, stash_type: 1 };
  emitter.nodeOutputs("SimplifiedLayerNormalization", [x, weight], {
    attributes,
    outputs: onCpu ? [normal, inverse] : [normal],
  });
  if (onCpu) return;
  // On WebGPU, ONNX Runtime 1.30 gives the mean of x as second output.
  const square = emitter.node("ReduceMean", [emitter.node("Mul", [x, x]), emitter.integers([-1])]);
  const root = emitter.node("Sqrt", [emitter.node("Add", [square, emitter.scalar(epsilon)])]);
  emitter.nodeOutputs("Reciprocal", [root], { outputs: [inverse] });
}

/**
 * Zhang and Sennrich 2019: with n = x / rms, dx = (w dy - n mean(w dy n)) / rms, dw = sum(dy n).
 */
function rmsNormGradient({
  inputs,
  outputs,
  gradients,
  wanted,
}: GradientContext<"rmsNorm">): readonly (Value | undefined)[] {
  const [x, weight] = inputs as readonly [Value, Value];
  const inverse = outputs[1]!;
  const g = gradients[0]!;
  const normal = multiply(x, inverse);
  const inner = multiply(g, weight);
  const dx = () =>
    multiply(subtract(inner, multiply(normal, mean(multiply(inner, normal), [-1], true))), inverse);
  return [
    wanted(0) ? dx() : undefined,
    wanted(1) ? sumTo(multiply(g, normal), weight.shape) : undefined,
  ];
}

/** Ba et al. 2016: as rmsNorm, with the mean of w dy taken out as well. */
function layerNormGradient({
  inputs,
  outputs,
  gradients,
  wanted,
}: GradientContext<"layerNorm">): readonly (Value | undefined)[] {
  const [x, weight, bias] = inputs as readonly [Value, Value, Value];
  const [, average, inverse] = outputs as readonly [Value, Value, Value];
  const g = gradients[0]!;
  const normal = multiply(subtract(x, average), inverse);
  const dx = (): Value => {
    const inner = multiply(g, weight);
    const projected = multiply(normal, mean(multiply(inner, normal), [-1], true));
    return multiply(subtract(subtract(inner, mean(inner, [-1], true)), projected), inverse);
  };
  return [
    wanted(0) ? dx() : undefined,
    wanted(1) ? sumTo(multiply(g, normal), weight.shape) : undefined,
    wanted(2) ? sumTo(g, bias.shape) : undefined,
  ];
}

function inferRotary(inputs: readonly ValueType[]): ValueType[] {
  const [x, positions, cosines, sines] = inputs as readonly [
    ValueType,
    ValueType,
    ValueType,
    ValueType,
  ];
  requireFloat([x, cosines, sines]);
  const half = x.shape.at(-1);
  const fits =
    x.shape.length === 4 &&
    typeof half === "number" &&
    half % 2 === 0 &&
    cosines.shape[1] === half / 2 &&
    sines.shape[1] === half / 2 &&
    positions.dtype === "int64" &&
    positions.shape[0] === x.shape[0] &&
    positions.shape[1] === x.shape[2];
  if (!fits) {
    throw new AttuneError(
      "internal",
      "needs x [B, H, T, D], positions int64 [B, T] and tables [P, D/2], got " +
        `${[x, positions, cosines, sines].map((v) => formatShape(v.shape)).join(", ")}`,
    );
  }
  return [x];
}

function emitRotary(emitter: Emitter, node: GraphNode<"rotary">): void {
  const [x, positions, cosines, sines] = node.inputs.map((input) => input.name) as [
    string,
    string,
    string,
    string,
  ];
  const turned = node.attributes.inverse ? emitter.node("Neg", [sines]) : sines;
  emitter.nodeOutputs("RotaryEmbedding", [x, positions, cosines, turned], {
    domain: "com.microsoft",
    outputs: [node.outputs[0]!.name],
  });
}

/**
 * GroupQueryAttention of ONNX Runtime 1.30 on the CPU. With n[b] the tokens of row b in the cache
 * after this call (real ones only, the new ones included), `lengths` is n[b] - 1 and `total` is max
 * n[b]. What it can do:
 * - prefill, S > 1: S must equal `total`; rows start at position 0 and are padded on the right.
 * Outputs and cache
 * entries of the padding are meaningless numbers, and nothing reads them: later steps write over
 * them.
 * - step, S = 1: every row appends one token at its own position n[b] - 1, whatever the lengths of
 * the others.
 * - S > 1 on top of a filled cache works for a batch of one row only; ONNX Runtime refuses more
 * rows. Positions, and with them the rotation, follow from `lengths`: no position ids are given.
 * `window` W > 0 lets a token see itself and the W - 1 tokens before it; 0 lets it see all.
 * Where past and present are one buffer (feed the cache and pass it as `into`), only the new
 * entries are written, else the whole cache is copied. `cache` and the tables must have room for
 * `total` positions.
 */
function inferCachedAttention(
  inputs: readonly ValueType[],
  attributes: OpAttributes["cachedAttention"],
): ValueType[] {
  const { heads, keyValueHeads, rotary: rotate, packed } = attributes;
  const count = (packed ? 5 : 7) + (rotate ? 2 : 0);
  if (inputs.length !== count)
    throw new AttuneError("internal", `needs ${count} inputs, got ${inputs.length}`);
  const fresh = inputs.slice(0, packed ? 1 : 3);
  const [pastKey, pastValue, lengths, total, ...tables] = inputs.slice(fresh.length) as [
    ValueType,
    ValueType,
    ValueType,
    ValueType,
    ...ValueType[],
  ];
  requireFloat([...fresh, pastKey, pastValue, ...tables]);
  if (lengths.dtype !== "int32" || total.dtype !== "int32")
    throw new AttuneError("internal", "lengths and total must be int32");
  const [batch, steps] = fresh[0]!.shape as [Dimension, Dimension];
  const size =
    staticDimension(fresh[0]!.shape[2], "the width of the query") /
    (packed ? heads + 2 * keyValueHeads : heads);
  const narrow = [batch, steps, keyValueHeads * size];
  const cache = [batch, keyValueHeads, pastKey.shape[2]!, size];
  const fits =
    Number.isInteger(heads / keyValueHeads) &&
    fresh.slice(1).every(({ shape }) => sameShape(shape, narrow)) &&
    sameShape(pastKey.shape, cache) &&
    sameShape(pastValue.shape, cache) &&
    sameShape(lengths.shape, [batch]) &&
    sameShape(total.shape, [1]) &&
    tables.every((table) => table.shape[1] === size / 2);
  if (!fits)
    throw new AttuneError(
      "internal",
      `${heads} heads over ${keyValueHeads} do not fit ` +
        `${inputs.map((input) => formatShape(input.shape)).join(", ")}`,
    );
  // What ONNX Runtime 1.30 asks for, said before a run fails.
  if (size % (rotate ? 16 : 8) !== 0)
    throw new AttuneError(
      "internal",
      `cached attention needs heads of a multiple of ${rotate ? 16 : 8}, got ${size}`,
    );
  return [{ dtype: "float32", shape: [batch, steps, heads * size] }, pastKey, pastValue];
}

function emitCachedAttention(emitter: Emitter, node: GraphNode<"cachedAttention">): void {
  const { heads, keyValueHeads, rotary: rotate, window, packed } = node.attributes;
  const attributes = {
    num_heads: heads,
    kv_num_heads: keyValueHeads,
    do_rotary: rotate ? 1 : 0,
    ...(window > 0 ? { local_window_size: window } : {}),
  };
  const names = node.inputs.map((input) => input.name);
  emitter.nodeOutputs(
    "GroupQueryAttention",
    packed ? [names[0]!, "", "", ...names.slice(1)] : names,
    {
      domain: "com.microsoft",
      attributes,
      outputs: node.outputs.map((output) => output.name),
    },
  );
}

export const attention = {
  softmax: defineOp("softmax", {
    doc: "e^x / sum e^x over the last axis",
    infer(inputs) {
      requireFloat(inputs);
      return [inputs[0]!];
    },
    emit: (emitter, node) =>
      void emitter.nodeOutputs("Softmax", [node.inputs[0]!.name], {
        attributes: { axis: -1 },
        outputs: [node.outputs[0]!.name],
      }),
    gradient: ({ outputs, gradients }) => {
      const [y, g] = [outputs[0]!, gradients[0]!];
      return [multiply(y, subtract(g, sum(multiply(g, y), [-1], true)))];
    },
  }),
  logSoftmax: defineOp("logSoftmax", {
    doc: "x - log sum e^x over the last axis",
    infer(inputs) {
      requireFloat(inputs);
      return [inputs[0]!];
    },
    emit: (emitter, node) =>
      emitLogSoftmaxTo(emitter, { input: node.inputs[0]!.name, output: node.outputs[0]!.name }),
    gradient: ({ outputs, gradients }) => [
      subtract(gradients[0]!, multiply(exp(outputs[0]!), sum(gradients[0]!, [-1], true))),
    ],
  }),
  tokenLogProbabilities: defineOp("tokenLogProbabilities", {
    doc: "logits [N, V], targets [N] -> log p(target) [N] and all log-probabilities [N, V]",
    infer([logits, targets]) {
      requireFloat([logits!]);
      if (
        logits!.shape.length !== 2 ||
        targets!.dtype !== "int64" ||
        targets!.shape[0] !== logits!.shape[0]
      ) {
        throw new AttuneError(
          "internal",
          `needs [N, V] and int64 [N], got ${formatShape(logits!.shape)} and ` +
            `${targets!.dtype}${formatShape(targets!.shape)}`,
        );
      }
      return [{ dtype: "float32", shape: targets!.shape }, logits!];
    },
    emit: emitTokenLogProbabilities,
    differentiable: [0, 1],
    gradient: tokenLogProbabilitiesGradient,
  }),
  rmsNorm: defineOp("rmsNorm", {
    doc: "x [..., d] / sqrt(mean x^2 + epsilon) * weight [d]; second output: 1 / rms [..., 1]",
    infer(inputs) {
      requireFloat(inputs);
      const [x, weight] = inputs as readonly [ValueType, ValueType];
      requireVector("weight", weight, x);
      return [x, { dtype: "float32", shape: lastAsOne(x.shape) }];
    },
    emit: emitRmsNorm,
    gradient: rmsNormGradient,
  }),
  layerNorm: defineOp("layerNorm", {
    doc:
      "(x - mean) / std * weight + bias over the last axis; further outputs: mean and 1 / std " +
      "[..., 1]",
    infer(inputs) {
      requireFloat(inputs);
      const [x, weight, bias] = inputs as readonly [ValueType, ValueType, ValueType];
      requireVector("weight", weight, x);
      requireVector("bias", bias, x);
      const statistic: ValueType = { dtype: "float32", shape: lastAsOne(x.shape) };
      return [x, statistic, statistic];
    },
    emit: (emitter, node) =>
      void emitter.nodeOutputs(
        "LayerNormalization",
        node.inputs.map((input) => input.name),
        {
          attributes: { axis: -1, epsilon: { float: node.attributes.epsilon }, stash_type: 1 },
          outputs: node.outputs.map((output) => output.name),
        },
      ),
    gradient: layerNormGradient,
  }),
  rotary: defineOp("rotary", {
    doc:
      "rotates the halves of x [B, H, T, D] by the angles of their positions (RoFormer; Hugging " +
      "Face's layout)",
    infer: inferRotary,
    emit: emitRotary,
    gradient: ({ inputs, gradients, attributes }) => {
      const [, positions, cosines, sines] = inputs as readonly [Value, Value, Value, Value];
      return [
        rotary(gradients[0]!, { positions, cosines, sines }, !attributes.inverse),
        undefined,
        undefined,
        undefined,
      ];
    },
  }),
  cachedAttention: defineOp("cachedAttention", {
    doc:
      "causal attention of new tokens over a key-value cache, which it extends: query [B, S, " +
      "H*D], key and value [B, S, K*D] (or all three in one, packed), past [B, K, M, D] twice, " +
      "lengths - 1 int32 [B], total int32 [1], cosines and sines [M, D/2] where rotary",
    infer: inferCachedAttention,
    emit: emitCachedAttention,
    gradient: nonDifferentiable("it serves decoding only; training uses matmul and softmax"),
  }),
} satisfies { [N in OpName]?: OpDefinition<N> };

/**
 * Rotary embeddings and the attention of cached decoding. RotaryEmbedding and GroupQueryAttention
 * are ONNX Runtime's own operators.
 */
import { AttuneError } from "../../core/errors.ts";
import { rotary } from "../build.ts";
import type { Dimension } from "../dimensions.ts";
import { formatShape, sameShape } from "../dimensions.ts";
import type { NodeWriter } from "../emission.ts";
import type { GraphNode, Value, ValueType } from "../ir.ts";
import { staticDimension } from "../ir.ts";
import type { OpDefinition } from "../op-definition.ts";
import { defineOp, nonDifferentiable } from "../op-definition.ts";
import type { AttentionAttributes } from "../op-types.ts";
import { everywhere, namesOf, requireFloat } from "./shared.ts";

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

function emitRotary(writer: NodeWriter, node: GraphNode<"rotary">): void {
  const [x, positions, cosines, sines] = namesOf(node.inputs) as [string, string, string, string];
  const turned = node.attributes.inverse ? writer.node("Neg", [sines]) : sines;
  writer.nodeOutputs("RotaryEmbedding", [x, positions, cosines, turned], {
    domain: "com.microsoft",
    outputs: [node.outputs[0]!.name],
  });
}

/**
 * GroupQueryAttention of ONNX Runtime 1.30 on the CPU. With n[b] the tokens of row b in the cache
 * after this call (real ones only, the new ones included), `lengths` is n[b] - 1 and `total` is max
 * n[b]. What it can do:
 * - prefill, S > 1: S must equal `total`; rows start at position 0 and are padded on the right.
 *   Outputs and cache entries of the padding are meaningless numbers, and nothing reads them: later
 *   steps write over them.
 * - step, S = 1: every row appends one token at its own position n[b] - 1, whatever the lengths of
 *   the others.
 * - S > 1 on top of a filled cache works for a batch of one row only; ONNX Runtime refuses more
 *   rows.
 *
 * Positions, and with them the rotation, follow from `lengths`: no position ids are given.
 * `window` W > 0 lets a token see itself and the W - 1 tokens before it; 0 lets it see all.
 * Where past and present are one buffer (feed the cache and pass it as `into`), only the new
 * entries are written, else the whole cache is copied. `cache` and the tables must have room for
 * `total` positions.
 */
function inferCachedAttention(
  inputs: readonly ValueType[],
  attributes: AttentionAttributes["cachedAttention"],
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
    tables.every(({ shape: [, half] }) => Number(half) <= size / 2);
  if (!fits)
    throw new AttuneError(
      "internal",
      `${heads} heads over ${keyValueHeads} do not fit ` +
        `${inputs.map((input) => formatShape(input.shape)).join(", ")}`,
    );
  // What ONNX Runtime 1.30 asks for, said before a run fails.
  const turned = rotate ? 2 * Number(tables[0]!.shape[1]) : 0;
  if (size % (rotate ? 16 : 8) !== 0 || turned % 16 !== 0)
    throw new AttuneError(
      "internal",
      `cached attention needs heads of a multiple of ${rotate ? 16 : 8}, got ${size}` +
        `${turned % 16 === 0 ? "" : `, of which ${turned} turn`}`,
    );
  return [{ dtype: "float32", shape: [batch, steps, heads * size] }, pastKey, pastValue];
}

function emitCachedAttention(writer: NodeWriter, node: GraphNode<"cachedAttention">): void {
  const { heads, keyValueHeads, rotary: rotate, window, packed } = node.attributes;
  const attributes = {
    num_heads: heads,
    kv_num_heads: keyValueHeads,
    do_rotary: rotate ? 1 : 0,
    ...(window > 0 ? { local_window_size: window } : {}),
  };
  const [first, ...rest] = namesOf(node.inputs) as [string, ...string[]];
  writer.nodeOutputs("GroupQueryAttention", packed ? [first, "", "", ...rest] : [first, ...rest], {
    domain: "com.microsoft",
    attributes,
    outputs: namesOf(node.outputs),
  });
}

export const attention = {
  rotary: defineOp("rotary", {
    doc:
      "rotates the halves of x [B, H, T, D] by the angles of their positions (RoFormer; Hugging " +
      "Face's layout)",
    infer: inferRotary,
    emit: everywhere(emitRotary),
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
      "lengths - 1 int32 [B], total int32 [1], cosines and sines [M, D/2] where rotary, or of fewer " +
      "columns where only the first dimensions of a head turn",
    infer: inferCachedAttention,
    emit: everywhere(emitCachedAttention),
    gradient: nonDifferentiable("it serves decoding only; training uses matmul and softmax"),
  }),
} satisfies { [N in keyof AttentionAttributes]: OpDefinition<N> };

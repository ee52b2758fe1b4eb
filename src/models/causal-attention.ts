/**
 * softmax(q k^T / sqrt(D) + bias) v with grouped queries: the queries that share a key head are
 * stacked along time, so that keys and values are never repeated. Vaswani et al. 2017; Ainslie et
 * al. 2023.
 *
 * Where time is n times a block (`4*block`), each block of queries meets only the keys up to its
 * own end, since a causal bias hides the later ones anyway: (n + 1) / 2n of the products and of the
 * memory for the weights. The bias must hide every key that stands after its query; then the result
 * is the same, but for rows that see no key at all.
 */
import { add, concat, matmul, reshape, slice, softmax } from "../graph/build.ts";
import type { Dimension } from "../graph/dimensions.ts";
import { decompose, product } from "../graph/dimensions.ts";
import type { Value } from "../graph/ir.ts";

export interface CausalAttentionInputs {
  /** [B, H, T, D] */
  query: Value;
  /** [B, K, T, D] */
  key: Value;
  /** [B, K, T, D] */
  value: Value;
  /** [B, 1, T, T], added to the scores */
  bias: Value;
}

/** @returns [B, H, T, D] */
export function causalAttention({ query, key, value, bias }: CausalAttentionInputs): Value {
  const [batch, heads, time, size] = query.shape as [Dimension, number, Dimension, number];
  const count = decompose(time).coefficient;
  if (count === 1 || typeof time === "number") return attend({ query, key, value, bias });
  const block = product(...decompose(time).symbols);
  const inBlocks = (x: Value): Value => reshape(x, [batch, x.shape[1]!, count, block, size]);
  const [queries, keys, values] = [query, key, value].map(inBlocks) as [Value, Value, Value];
  const biases = reshape(bias, [batch, 1, count, block, count, block]);
  const mixed = Array.from({ length: count }, (_, index) => {
    const length = product(index + 1, block);
    const seen = (x: Value): Value =>
      reshape(slice(x, 2, 0, index + 1), [batch, x.shape[1]!, length, size]);
    return attend({
      query: reshape(slice(queries, 2, index, index + 1), [batch, heads, block, size]),
      key: seen(keys),
      value: seen(values),
      bias: reshape(slice(slice(biases, 2, index, index + 1), 4, 0, index + 1), [
        batch,
        1,
        block,
        length,
      ]),
    });
  });
  return reshape(
    concat(
      mixed.map((x) => reshape(x, [batch, heads, 1, block, size])),
      2,
    ),
    [batch, heads, time, size],
  );
}

/** Queries [B, H, Q, D] over keys and values [B, K, T, D] with a bias [B, 1, Q, T]. */
function attend({ query, key, value, bias }: CausalAttentionInputs): Value {
  const [batch, heads, queries, size] = query.shape as [Dimension, number, Dimension, number];
  const [, keyValueHeads, keys] = key.shape as [Dimension, number, Dimension];
  const stacked = product(heads / keyValueHeads, queries);
  const scores = matmul(reshape(query, [batch, keyValueHeads, stacked, size]), key, {
    transposeRight: true,
    scale: 1 / Math.sqrt(size),
  });
  const weights = softmax(add(reshape(scores, [batch, heads, queries, keys]), bias));
  return reshape(matmul(reshape(weights, [batch, keyValueHeads, stacked, keys]), value), [
    batch,
    heads,
    queries,
    size,
  ]);
}

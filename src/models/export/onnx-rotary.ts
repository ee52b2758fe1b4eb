/**
 * Rotary tables of an exported model. One with short and long factors chooses between them in every
 * call, as transformers does: the long ones where a text of the batch is longer than the short ones
 * serve. Both tables lie in one, and the positions say which half is read.
 */
import type { HostTensor } from "../../core/tensor.ts";
import { elementCount, float32 } from "../../core/tensor.ts";
import { add, cast, greater, max, multiply } from "../../graph/build.ts";
import type { Value } from "../../graph/ir.ts";
import type { Tensors } from "../../runtime/session.ts";
import { configForContext } from "../context.ts";
import type { DecoderConfig, LayerKind } from "../decoder-config.ts";
import { kindsOf } from "../decoder-config.ts";
import { allRotaryFeeds } from "../plans/layer-inputs.ts";

/** Rows of the tables: positions int64 [B, T] of the texts, or those of the long half. */
export function tablePositions(positions: Value, { rope }: LayerKind): Value {
  if (!rope?.longrope) return positions;
  const { originalMaxPositions: original } = rope.longrope;
  const places = cast(positions, "float32");
  const isLong = cast(greater(max(places, [0, 1], true), original - 1), "float32");
  return cast(add(places, multiply(isLong, original)), "int64");
}

/** The tables of all kinds over every position of the model. */
export function exportedTables(config: DecoderConfig): Tensors {
  const [short, long] = [0, Infinity].map((context) => {
    const chosen = configForContext(config, context);
    return allRotaryFeeds(chosen, chosen.maxPositions);
  }) as [Tensors, Tensors];
  if (!kindsOf(config).some(({ rope }) => rope?.longrope)) return short;
  return Object.fromEntries(
    Object.entries(short).map(([name, table]) => [name, below(table, long[name]!)]),
  );
}

function below(first: HostTensor, second: HostTensor): HostTensor<"float32"> {
  const data = new Float32Array(elementCount(first.shape) + elementCount(second.shape));
  data.set(first.data as Float32Array);
  data.set(second.data as Float32Array, elementCount(first.shape));
  return float32([first.shape[0]! + second.shape[0]!, first.shape[1]!], data);
}

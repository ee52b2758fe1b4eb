/**
 * What the layers of a kind read beside hidden states and weights: which keys a token sees, and the
 * tables of its rotation. A graph for one kind has plain names; one for a whole model of several
 * kinds has the kind's name behind each.
 */
import type { HostTensor } from "../../core/tensor.ts";
import type { RotaryTables } from "../../graph/build.ts";
import type { Graph, Value } from "../../graph/ir.ts";
import type { Tensors } from "../../runtime/session.ts";
import { refuseLonger } from "../context.ts";
import type { DecoderConfig, LayerKind } from "../decoder-config.ts";
import { kindsOf } from "../decoder-config.ts";
import { rotatedSize, ropeTables } from "../rope.ts";
import type { TokenBatch } from "./plan.ts";
import { HIDDEN } from "./plan.ts";
import type { Scratch } from "./scratch.ts";

/** The end of the names of a kind's inputs in a graph for all layers. */
export const kindSuffix = (config: DecoderConfig, { name }: LayerKind): string =>
  kindsOf(config).length === 1 ? "" : `.${name}`;

/** Declares the tables of a kind; undefined where it has no rotation. */
export function rotaryInputs(
  graph: Graph,
  config: DecoderConfig,
  kind: LayerKind,
  { positions, suffix = "" }: { positions: Value; suffix?: string },
): RotaryTables | undefined {
  if (!kind.rope) return undefined;
  const shape = ["table", rotatedSize(kind.rope, config.headSize) / 2];
  return {
    positions,
    cosines: graph.input(`cosines${suffix}`, "float32", shape),
    sines: graph.input(`sines${suffix}`, "float32", shape),
  };
}

/** The tables of a kind for sequences of up to `maxLength` tokens. */
export function rotaryFeeds(
  config: DecoderConfig,
  kind: LayerKind,
  maxLength: number,
  suffix = "",
): Tensors {
  if (!kind.rope) return {};
  // short factors serve no longer texts, though several may be packed into a longer row
  const rows = kind.rope.longrope ? Math.min(maxLength, config.maxPositions) : maxLength;
  const { cosines, sines } = ropeTables(kind.rope, config.headSize, rows);
  return { [`cosines${suffix}`]: cosines, [`sines${suffix}`]: sines };
}

/** The tables of all kinds, for a graph for all layers. */
export const allRotaryFeeds = (config: DecoderConfig, maxLength: number): Tensors =>
  Object.assign(
    {},
    ...kindsOf(config).map((kind) =>
      rotaryFeeds(config, kind, maxLength, kindSuffix(config, kind)),
    ),
  ) as Tensors;

/** @throws AttuneError `config` for a text that takes other RoPE factors than those of the run */
export function checkTexts(config: DecoderConfig, { positions }: TokenBatch): void {
  if (!kindsOf(config).some(({ rope }) => rope?.longrope)) return;
  refuseLonger(
    config,
    positions.data.reduce((most, place) => Math.max(most, Number(place)), 0) + 1,
  );
}

/** How many biases of a batch are in memory: its own, and one for each kind with a window. */
export const biasCount = (config: DecoderConfig): number =>
  1 + kindsOf(config).filter(({ window }) => window !== undefined).length;

/**
 * The bias [B, 1, T, T] of a kind: a batch's own, with the keys hidden that are outside the window
 * by their positions in the text.
 */
export function kindBias(
  { bias, positions }: TokenBatch,
  { name, window }: LayerKind,
  scratch: Scratch,
): HostTensor<"float32"> {
  if (window === undefined) return bias;
  const [rows, time] = positions.shape as readonly [number, number];
  const result = scratch.get(`bias ${name}`, bias.shape);
  result.data.set(bias.data);
  const places = Int32Array.from(positions.data, Number);
  for (let row = 0; row < rows; row++) {
    const ofRow = places.subarray(row * time, (row + 1) * time);
    for (let query = 0; query < time; query++) {
      const start = (row * time + query) * time;
      for (let key = 0; key < time; key++)
        if (ofRow[query]! - ofRow[key]! >= window) result.data[start + key] = HIDDEN;
    }
  }
  return result;
}

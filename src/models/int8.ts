/**
 * Frozen projections in 8 bits: a weight of a block is kept as codes from -127 to 127 with a scale
 * for every column, once as it stands and once transposed, since the gradient's product sums over
 * the other side. Activations and gradients are rounded row by row as they come; sums are exact.
 * What is trained (adapters, heads), norms, embedding and vocabulary stay in float32.
 * Source: SwitchBack (Wortsman et al. 2023) for 8-bit products in both directions, QuaRot (Ashkboos
 * et al. 2024) for turning rows first.
 * Differences: scales of single rows and columns, and no gradient of the weights, which are frozen.
 * See docs/decisions/int8.md.
 */
import { AttuneError } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import { float32, int8 } from "../core/tensor.ts";
import { rotate, rotationBlock } from "../graph/rotation.ts";
import { hasExactBytes } from "../runtime/bytes.ts";
import type { DecoderConfig } from "./decoder-config.ts";
import type { ModelFamily, Orientation } from "./family.ts";

const LARGEST_CODE = 127;

export type Int8Weights = Map<string, HostTensor<"int8"> | HostTensor<"float32">>;

/** Names of the four tensors that a weight becomes. */
export function int8Names(weight: string): {
  codes: string;
  scales: string;
  transposedCodes: string;
  transposedScales: string;
} {
  return {
    codes: `${weight}.codes`,
    scales: `${weight}.scales`,
    transposedCodes: `${weight}.transposed_codes`,
    transposedScales: `${weight}.transposed_scales`,
  };
}

/** Local names of a block's tensors in 8 bits. */
export function int8Locals({
  family,
  config,
}: {
  family: ModelFamily;
  config: DecoderConfig;
}): string[] {
  return Object.keys(family.projections(config)).flatMap((local) =>
    Object.values(int8Names(`${local}.weight`)),
  );
}

/** Where the entries of a matrix lie. */
interface Layout {
  rows: number;
  columns: number;
  /** Numbers from one row to the next, and from one column to the next. */
  rowStride: number;
  columnStride: number;
}

/**
 * B of x B in 8 bits: codes [rows, columns] row by row, and the scale of each column; columns are
 * turned like the rows of x.
 */
function roundColumns(
  data: Float32Array,
  { rows, columns, rowStride, columnStride }: Layout,
): { codes: HostTensor<"int8">; scales: HostTensor<"float32"> } {
  const codes = new Int8Array(rows * columns);
  const scales = new Float32Array(columns);
  const turned = new Float64Array(rows);
  const block = rotationBlock(rows);
  for (let column = 0; column < columns; column++) {
    for (let row = 0, place = column * columnStride; row < rows; row++, place += rowStride)
      turned[row] = data[place]!;
    rotate(turned, block);
    let largest = 0;
    for (let row = 0; row < rows; row++) largest = Math.max(largest, Math.abs(turned[row]!));
    const scale = Math.fround(largest / LARGEST_CODE);
    scales[column] = scale;
    // a column of zeros has scale 0
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let row = 0, place = column; row < rows; row++, place += columns)
      codes[place] = Math.round(turned[row]! * inverse);
  }
  return { codes: int8([rows, columns], codes), scales: float32([columns], scales) };
}

/** Adds the four tensors of one weight. @param data in the orientation that the projection says */
export function roundWeight(
  into: Int8Weights,
  weight: string,
  data: Float32Array,
  { inputs, outputs, transposed }: Orientation,
): void {
  const names = int8Names(weight);
  const [inputStride, outputStride] = transposed ? [outputs, 1] : [1, inputs];
  const forward = roundColumns(data, {
    rows: inputs,
    columns: outputs,
    rowStride: inputStride,
    columnStride: outputStride,
  });
  const backward = roundColumns(data, {
    rows: outputs,
    columns: inputs,
    rowStride: outputStride,
    columnStride: inputStride,
  });
  into
    .set(names.codes, forward.codes)
    .set(names.scales, forward.scales)
    .set(names.transposedCodes, backward.codes)
    .set(names.transposedScales, backward.scales);
}

/** @throws AttuneError `config` */
export async function requireExactBytes(): Promise<void> {
  if (await hasExactBytes()) return;
  throw new AttuneError("config", "precision int8 gives wrong sums on this processor", {
    got: "products of bytes that overflow 16 bits",
    expected: "a processor with AMX or VNNI (Intel since 2019, AMD since 2022), or 64-bit Arm",
    hint: "use precision float32",
  });
}

/** Samples of the reductions. */
import type { Axes, ReduceAttributes } from "../../op-types.ts";
import type { Fill, Sample, SampleWith } from "./sample.ts";
import { NO_SYMBOLS, TWO_SIZES, apart, below, float, listed, normal } from "./sample.ts";

function reduction(fill: Fill): SampleWith<Axes>[] {
  const sample = (
    name: string,
    axes: readonly number[],
    keepDimensions: boolean,
  ): SampleWith<Axes> => ({
    name,
    attributes: { axes, keepDimensions },
    inputs: [float(["n", 3, "m"], fill)],
    sizes: TWO_SIZES,
  });
  const unknown = {
    name: "every axis of unknown size",
    attributes: { axes: [0, 1], keepDimensions: false },
    inputs: [float(["n", "m"], fill)],
    sizes: TWO_SIZES,
  };
  return [
    sample("first axis", [0], false),
    sample("first axis, kept", [0], true),
    sample("last axis", [-1], false),
    sample("last axis, kept", [-1], true),
    sample("axis of known size", [1], true),
    sample("every axis", [0, 1, 2], false),
    sample("every axis, kept", [0, 1, 2], true),
    sample("no axis", [], false),
    unknown,
  ];
}

const keptLast: Axes = { axes: [1], keepDimensions: false };

export const reduce = {
  sum: reduction(normal()),
  mean: reduction(normal()),
  max: [
    ...reduction(apart()),
    {
      name: "ties of two and three share the gradient evenly",
      attributes: keptLast,
      inputs: [float([2, 3], listed(2, 1, 2, 4, 4, 4))],
      sizes: NO_SYMBOLS,
      gradient: (_, [upstream]) => {
        const [first, second] = [upstream!.data[0]!, upstream!.data[1]!];
        return [Float64Array.of(first / 2, 0, first / 2, second / 3, second / 3, second / 3)];
      },
    },
  ],
  argmax: [
    {
      name: "last axis",
      attributes: { axis: -1 },
      inputs: [float(["n", 5], apart())],
      sizes: TWO_SIZES,
    },
    {
      name: "first axis",
      attributes: { axis: 0 },
      inputs: [float([4, "n"], apart())],
      sizes: TWO_SIZES,
    },
    {
      name: "the first of ties",
      attributes: { axis: 1 },
      inputs: [float(["n", 8], below(3))],
      sizes: TWO_SIZES,
    },
    { name: "a vector", attributes: { axis: 0 }, inputs: [float([6], apart())], sizes: NO_SYMBOLS },
  ],
  cumulativeSum: [
    {
      name: "from the start",
      attributes: { reverse: false },
      inputs: [float(["n", 3, "m"], normal())],
      sizes: TWO_SIZES,
    },
    {
      name: "from the end",
      attributes: { reverse: true },
      inputs: [float(["n", 5], normal())],
      sizes: TWO_SIZES,
    },
    {
      name: "a vector",
      attributes: { reverse: false },
      inputs: [float([6], normal())],
      sizes: NO_SYMBOLS,
    },
  ],
} satisfies { [N in keyof ReduceAttributes]: readonly Sample<N>[] };

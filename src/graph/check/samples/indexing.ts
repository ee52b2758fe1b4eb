/**
 * Samples of reading and adding at positions named by indices; repeated indices are certain in the
 * larger sizes.
 */
import type { IndexingAttributes } from "../../op-types.ts";
import type { Sample } from "./sample.ts";
import { NO_SYMBOLS, TWO_SIZES, below, float, integer, listed } from "./sample.ts";

export const indexing = {
  gatherRows: [
    {
      name: "a vector of rows",
      attributes: {},
      inputs: [float([4, 3]), integer(["n"], below(4))],
      sizes: TWO_SIZES,
    },
    {
      name: "a matrix of rows",
      attributes: {},
      inputs: [float([4, 3]), integer(["n", "m"], below(4))],
      sizes: TWO_SIZES,
    },
    {
      name: "rows of a table of unknown size",
      attributes: {},
      inputs: [float(["n", "m", 2]), integer([7], below("n"))],
      sizes: TWO_SIZES,
    },
    {
      name: "numbers",
      attributes: {},
      inputs: [float([4]), integer(["n"], below(4))],
      sizes: TWO_SIZES,
    },
    {
      name: "integers",
      attributes: {},
      inputs: [integer([4], below(100)), integer(["n"], below(4))],
      sizes: TWO_SIZES,
    },
    {
      name: "the same row three times",
      attributes: {},
      inputs: [float([2, 2]), integer([3], listed(1))],
      sizes: NO_SYMBOLS,
    },
  ],
  scatterAddRows: [
    {
      name: "a vector of rows",
      attributes: {},
      inputs: [float([4, 3]), integer(["n"], below(4)), float(["n", 3])],
      sizes: TWO_SIZES,
    },
    {
      name: "a matrix of rows",
      attributes: {},
      inputs: [float([3, 2]), integer(["n", "m"], below(3)), float(["n", "m", 2])],
      sizes: TWO_SIZES,
    },
    {
      name: "a table of unknown size",
      attributes: {},
      inputs: [float(["n", 2]), integer([7], below("n")), float([7, 2])],
      sizes: TWO_SIZES,
    },
    {
      name: "numbers",
      attributes: {},
      inputs: [float([4]), integer(["n"], below(4)), float(["n"])],
      sizes: TWO_SIZES,
    },
    {
      name: "the same row three times",
      attributes: {},
      inputs: [float([2, 2]), integer([3], listed(1)), float([3, 2])],
      sizes: NO_SYMBOLS,
    },
  ],
  pick: [
    {
      name: "known width",
      attributes: {},
      inputs: [float(["n", 5]), integer(["n"], below(5))],
      sizes: TWO_SIZES,
    },
    {
      name: "unknown width",
      attributes: {},
      inputs: [float(["n", "m"]), integer(["n"], below("m"))],
      sizes: TWO_SIZES,
    },
  ],
  scatterAddPicked: [
    {
      name: "known width",
      attributes: {},
      inputs: [float(["n", 5]), integer(["n"], below(5)), float(["n"])],
      sizes: TWO_SIZES,
    },
    {
      name: "unknown width",
      attributes: {},
      inputs: [float(["n", "m"]), integer(["n"], below("m")), float(["n"])],
      sizes: TWO_SIZES,
    },
  ],
} satisfies { [N in keyof IndexingAttributes]: readonly Sample<N>[] };

/** Every operation against its reference and its gradient against differences, on the CPU. */
import { describe, expect, test } from "vitest";
import { onExact } from "../../../tests/support/int8.ts";
import { Session } from "../../runtime/session.ts";
import { OP_TABLE } from "../op-table.ts";
import type { OpName } from "../op-types.ts";
import { checkSample, hasSymbols } from "./gradient-check.ts";
import { SAMPLES } from "./samples.ts";
import type { Sample } from "./samples/sample.ts";

const NAMES = Object.keys(OP_TABLE) as OpName[];

describe.each(NAMES)("%s", (op) => {
  const samples = SAMPLES[op] as readonly Sample<OpName>[];

  const testOp = op === "int8Product" ? onExact : test;
  testOp.each(samples.map((sample) => [sample.name, sample] as const))("%s", async (_, sample) => {
    expect(
      await checkSample(op, sample, {
        compile: (graph, outputs) => Session.create(graph, outputs, { device: "cpu", threads: 1 }),
      }),
    ).toEqual([]);
  });

  test("has a sample that one session runs with different sizes", () => {
    expect(samples.some((sample) => hasSymbols(sample) && sample.sizes.length > 1)).toBe(true);
  });
});

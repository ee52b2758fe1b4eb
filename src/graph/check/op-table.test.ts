/** Every operation against its reference and its gradient against differences, on the CPU. */
import { describe, expect, test } from "vitest";
import { onExact } from "../../../tests/support/int8.ts";
import { Session } from "../../runtime/session.ts";
import { OP_TABLE } from "../op-table.ts";
import type { OpName } from "../op-types.ts";
import { checkSample, hasSymbols } from "./gradient-check.ts";
import { samplesOf } from "./samples.ts";

const NAMES = Object.keys(OP_TABLE) as OpName[];

describe.each(NAMES)("%s", (op) => {
  const samples = samplesOf(op);

  for (const sample of samples) {
    const testSample = sample.needs === "exact bytes" ? onExact : test;
    testSample(sample.name, async () => {
      const compile = (...[graph, outputs]: Parameters<typeof Session.create>): Promise<Session> =>
        Session.create(graph, outputs, { device: "cpu", threads: 1 });
      expect(await checkSample(op, sample, { compile })).toEqual([]);
    });
  }

  test("has a sample that one session runs with different sizes", () => {
    expect(samples.some((sample) => hasSymbols(sample) && sample.sizes.length > 1)).toBe(true);
  });
});

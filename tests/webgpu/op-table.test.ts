/** Every operation on WebGPU: against its reference, and its gradient against differences. */
import { describe, expect, test } from "vitest";
import { onExact } from "../support/int8.ts";
import { checkSample } from "../../src/graph/check/gradient-check.ts";
import { samplesOf } from "../../src/graph/check/samples.ts";
import { OP_TABLE } from "../../src/graph/op-table.ts";
import type { OpName } from "../../src/graph/op-types.ts";
import { Session } from "../../src/runtime/session.ts";
import { hasHalfPrecision, withoutWebgpu } from "./support.ts";

const half = await hasHalfPrecision();
if (!withoutWebgpu && !half)
  console.log("skipped: samples in float16, since the driver lacks shader-f16");

if (withoutWebgpu) test.skip("the op table on WebGPU");

describe.each(withoutWebgpu ? [] : (Object.keys(OP_TABLE) as OpName[]))("%s", (op) => {
  for (const sample of samplesOf(op)) {
    const testOp =
      sample.needs === "exact bytes" ? onExact : test.skipIf(sample.needs === "float16" && !half);
    testOp(sample.name, async () => {
      const compile = (...[graph, outputs]: Parameters<typeof Session.create>): Promise<Session> =>
        Session.create(graph, outputs, { device: "webgpu" });
      expect(
        await checkSample(op, sample, { compile, tolerance: 1e-4, gradientTolerance: 2e-4 }),
      ).toEqual([]);
    });
  }
});

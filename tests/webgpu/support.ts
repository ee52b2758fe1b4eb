/**
 * Tests on WebGPU run where ATTUNE_WEBGPU=1 says that a driver is there;
 * `node scripts/webgpu-test.mjs` looks for one. Everywhere else they are skipped with the reason
 * printed.
 */
import { float32 } from "../../src/core/tensor.ts";
import { cast } from "../../src/graph/build.ts";
import { createGraph } from "../../src/graph/op-table.ts";
import { Session } from "../../src/runtime/session.ts";

export const withoutWebgpu = process.env["ATTUNE_WEBGPU"] !== "1";
if (withoutWebgpu)
  console.log(
    "skipped: tests on WebGPU need ATTUNE_WEBGPU=1 and a driver; run them by: node " +
      "scripts/webgpu-test.mjs",
  );

/** Whether the driver computes with float16 (the WebGPU feature shader-f16). */
export async function hasHalfPrecision(): Promise<boolean> {
  if (withoutWebgpu) return false;
  const graph = createGraph();
  const y = cast(cast(graph.input("x", "float32", [1]), "float16"), "float32");
  const session = await Session.create(graph, { y }, { device: "webgpu" });
  return session.run({ x: float32([1], [1]) }).then(
    () => true,
    () => false,
  );
}

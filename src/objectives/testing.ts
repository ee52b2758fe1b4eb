/** Runs an objective's graph alone, on prescribed readouts, for tests. */
import { float32 } from "../core/tensor.ts";
import { gradients } from "../graph/autodiff.ts";
import { createGraph } from "../graph/op-table.ts";
import type { Objective } from "../models/plans/plan.ts";
import type { Tensors } from "../runtime/session.ts";
import { Session } from "../runtime/session.ts";

/** `loss`, the objective's metrics, and `slope`: d loss / d readout [S]. */
export async function evaluateObjective(
  objective: Objective,
  readout: readonly number[],
  inputs: Tensors,
): Promise<Tensors> {
  const graph = createGraph();
  const read = graph.input("readout", "float32", ["selected"]);
  const values = Object.fromEntries(
    Object.entries(objective.inputs).map(([name, type]) => [
      name,
      graph.input(name, type.dtype, type.shape),
    ]),
  );
  const { loss, metrics } = objective.build(read, values);
  const [slope] = gradients(graph, [{ output: loss }], [read]);
  const session = await Session.create(graph, { loss, slope: slope!, ...metrics });
  const results = await session.run({
    readout: float32([readout.length], [...readout]),
    ...inputs,
  });
  await session.close();
  return results;
}

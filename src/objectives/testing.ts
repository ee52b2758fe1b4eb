/** Runs an objective's graph alone on ONNX Runtime, and differences of a loss, for tests. */
import { invariant } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import { gradients } from "../graph/autodiff.ts";
import { toHost } from "../graph/interpreter/plain.ts";
import type { Value } from "../graph/ir.ts";
import { createGraph } from "../graph/op-table.ts";
import type { MetricsOf, Objective } from "../models/plans/plan.ts";
import { buildLoss } from "../models/plans/plan.ts";
import { Session } from "../runtime/session.ts";
import type { NumbersOf } from "./evaluate.ts";
import { evaluatorOf, plainInputs } from "./evaluate.ts";

/** What ONNX Runtime gives for an objective. */
export interface ObjectiveRun<O extends Objective> {
  loss: number;
  /** d loss / d readout, [S] */
  slope: Float32Array;
  metrics: { readonly [Name in keyof MetricsOf<O>]: Float32Array };
}

/** Builds an objective's graph with its slope, and runs it once. */
export async function runObjective<O extends Objective>(
  objective: O,
  readout: readonly number[],
  inputs: NumbersOf<O>,
): Promise<ObjectiveRun<O>> {
  const graph = createGraph();
  const read = graph.input("readout", "float32", ["selected"]);
  const { loss, metrics } = buildLoss(objective, read);
  const [slope] = gradients(graph, [{ output: loss }], [read]);
  const outputs: Record<string, Value> = { loss, slope: slope!, ...metrics };
  const session = await Session.create(graph, outputs);
  const plain = Object.entries(plainInputs(graph, { ...inputs, readout }));
  const results = await session.run(
    Object.fromEntries(plain.map(([name, input]) => [name, toHost(input)])),
  );
  await session.close();
  const given = Object.keys(metrics).map((name) => [name, floats(results[name])]);
  return {
    loss: floats(results["loss"])[0]!,
    slope: floats(results["slope"]),
    metrics: Object.fromEntries(given) as ObjectiveRun<O>["metrics"],
  };
}

function floats(tensor: HostTensor | undefined): Float32Array {
  invariant(tensor && tensor.data instanceof Float32Array, "a result is not float32");
  return tensor.data;
}

/** Slopes of a function at a point by central differences. */
export function centralDifferences(
  loss: (at: readonly number[]) => number,
  at: readonly number[],
  step = 1e-5,
): number[] {
  return at.map(
    (value, i) => (loss(at.with(i, value + step)) - loss(at.with(i, value - step))) / (2 * step),
  );
}

/**
 * The first number that is further from the wanted one than the tolerance, relative or absolute.
 */
export function farthest(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  tolerance: number,
): string | undefined {
  if (got.length !== want.length) return `${got.length} numbers for ${want.length}`;
  const wrong = Array.from(want).findIndex(
    (value, i) => !(Math.abs(got[i]! - value) <= tolerance * Math.max(1, Math.abs(value))),
  );
  return wrong < 0 ? undefined : `number ${wrong}: ${got[wrong]} for ${want[wrong]}`;
}

/**
 * What is wrong with an objective: where ONNX Runtime's loss and metrics are not the interpreter's,
 * or its slopes not central differences of the interpreter.
 */
export async function faultsOf<O extends Objective>(
  objective: O,
  readout: readonly number[],
  inputs: NumbersOf<O>,
): Promise<string[]> {
  const run = await runObjective(objective, readout, inputs);
  const evaluate = evaluatorOf(objective);
  const { loss, values } = evaluate(readout, inputs);
  const slopes = centralDifferences((at) => evaluate(at, inputs).loss, readout, 1e-4);
  const compared: [what: string, fault: string | undefined][] = [
    ["loss", farthest([run.loss], [loss], 2e-5)],
    ["slope", farthest(run.slope, slopes, 1e-4)],
    ...Object.entries<Float32Array>(run.metrics).map(
      ([name, metric]): [string, string | undefined] => [
        name,
        farthest(metric, values[name as keyof typeof values], 2e-5),
      ],
    ),
  ];
  return compared.flatMap(([what, fault]) => (fault === undefined ? [] : [`${what}: ${fault}`]));
}

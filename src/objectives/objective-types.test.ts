/**
 * What the compiler must refuse, by `@ts-expect-error`: `npm run types` fails where one of these
 * lines compiles.
 */
import { expectTypeOf, test } from "vitest";
import { float32, int64 } from "../core/tensor.ts";
import type { HostTensor } from "../core/tensor.ts";
import { multiply, sumAll } from "../graph/build.ts";
import type { ExecutionPlan, InputsOf, MetricsOf, TokenBatch } from "../models/plans/plan.ts";
import { defineObjective } from "../models/plans/plan.ts";
import type { Metrics } from "../runs/events.ts";
import type { MicroBatch, Trainee } from "../training/trainee.ts";
import type { PairObjective } from "./pairs.ts";
import type { SftObjective } from "./sft.ts";

declare const plan: ExecutionPlan<PairObjective>;
declare const batch: TokenBatch;
declare const trainee: Trainee<PairObjective>;

const inputs: InputsOf<PairObjective> = {
  sequence: int64([4], [0, 0, 1, 1]),
  reference: float32([1, 2], [0, 0]),
  lengths: float32([1, 2], [2, 2]),
  p: float32([1], [1]),
  scale: float32([1], [1]),
  sftSlope: float32([4], [0, 0, 0, 0]),
};

test("an objective's definition gives the names and types of its inputs and metrics", () => {
  expectTypeOf<InputsOf<SftObjective>>().toEqualTypeOf<{
    readonly slope: HostTensor<"float32", readonly [number]>;
  }>();
  expectTypeOf<keyof MetricsOf<PairObjective>>().toEqualTypeOf<"logps" | "losses">();
});

test("a definition reads only what it declares", () => {
  defineObjective({
    name: "weighted",
    reads: "tokens",
    inputs: { weight: { dtype: "float32", shape: ["selected"] } },
    build: (readout, given) => ({
      // @ts-expect-error the input is `weight`
      loss: sumAll(multiply(readout, given.wieght ?? given.weight)),
      metrics: {},
    }),
    // @ts-expect-error the input is `weight`
    linearIn: "weights",
  });
});

/** Never called: what is in it is for the compiler alone. */
export async function refused(): Promise<void> {
  const { p, ...rest } = inputs;
  // @ts-expect-error a misspelled input
  await plan.step(batch, { ...rest, pp: p });
  // @ts-expect-error an input is missing
  await plan.step(batch, rest);
  // @ts-expect-error another dtype
  await plan.step(batch, { ...rest, p: int64([1], [1]) });
  // @ts-expect-error another rank
  await plan.step(batch, { ...rest, p: float32([1, 1], [1]) });
  // @ts-expect-error another size of an axis that is no symbol
  await plan.step(batch, { ...inputs, lengths: float32([1, 3], [2, 2, 2]) });
  const { metrics } = await plan.step(batch, inputs);
  void metrics.losses.data;
  // @ts-expect-error a misspelled metric
  void metrics.loses;

  // @ts-expect-error a misspelled input, in a trainer's micro-batch
  const micro: MicroBatch<PairObjective> = { batch, tokens: 4, inputs: { ...rest, pp: p } };
  const results = await trainee.gradients([micro]);
  const told: Metrics = {
    // @ts-expect-error a misspelled metric, in a trainer
    "logps/chosen": results[0]!.metrics.logp.data[0]!,
    // @ts-expect-error a misspelled input, in a trainer
    loss: micro.inputs.pp.data[0]!,
  };
  void told;
}

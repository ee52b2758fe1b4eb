/** Sessions of the block plan: one in each direction for every kind of layers, at any depth. */
import { afterEach, expect, test, vi } from "vitest";
import { sumAll } from "../../graph/build.ts";
import { Session } from "../../runtime/session.ts";
import { kindsOf } from "../decoder-config.ts";
import { TINY_CONFIGS, randomBatch, randomModel } from "../testing.ts";
import { makeTrainable } from "../trainable.ts";
import { BlockwisePlan } from "./blockwise.ts";

afterEach(() => void vi.restoreAllMocks());

async function sessionsOf(layers: number, turns: readonly number[]): Promise<string[]> {
  const model = randomModel({
    ...TINY_CONFIGS["smollm3"]!,
    num_hidden_layers: layers,
    no_rope_layers: turns,
  });
  expect(kindsOf(model.config)).toHaveLength(new Set(turns).size);
  const create = vi.spyOn(Session, "create");
  const plan = new BlockwisePlan({
    model,
    trainable: makeTrainable(model, model.weights.keys()),
    objective: {
      name: "sum",
      reads: "tokens",
      inputs: {},
      build: (readout) => ({ loss: sumAll(readout), metrics: {} }),
    },
    reads: "tokens",
    maxLength: 8,
  });
  await plan.step(randomBatch(model, 1, 8), {});
  await plan.close();
  const labels = create.mock.calls.map(([, , options]) => options?.label ?? "");
  create.mockRestore();
  return labels.filter((label) => label.startsWith("a block's")).toSorted();
}

const [FORWARD, BACKWARD] = ["a block's forward pass", "a block's backward pass"];

test("layers that are alike share their sessions", async () => {
  expect(await sessionsOf(2, [1, 1])).toEqual([BACKWARD, FORWARD]);
  expect(await sessionsOf(6, [1, 1, 1, 1, 1, 1])).toEqual([BACKWARD, FORWARD]);
});

test("two kinds have two in each direction, however their layers lie", async () => {
  const two = [BACKWARD, BACKWARD, FORWARD, FORWARD];
  expect(await sessionsOf(2, [0, 1])).toEqual(two);
  expect(await sessionsOf(6, [1, 0, 0, 1, 0, 1])).toEqual(two);
});

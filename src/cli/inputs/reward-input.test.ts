import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { float32 } from "../../core/tensor.ts";
import { createAdapter } from "../../models/adapter.ts";
import type { Model } from "../../models/model.ts";
import { openModel } from "../../models/open.ts";
import { saveTrained } from "../../models/save.ts";
import { TINY_CONFIGS, randomModel } from "../../models/testing.ts";
import { createEncoder } from "../../text/encoder.ts";
import { byteTokenizer } from "../../text/testing.ts";
import { sharesBase } from "../../training/rollout/roles.ts";
import type { CommandContext } from "../command.ts";
import { describeRoles, openRoles } from "./reward-input.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-roles-"));
const path = (name: string): string => join(folder, name);
const encoder = createEncoder(byteTokenizer(), { maxLength: 64, template: "none" });
const progress = { update() {}, end() {} };
const context = {
  reporter: { progress: () => progress, note() {}, warn() {} },
  signal: new AbortController().signal,
} as unknown as CommandContext;

/**
 * Writes an adapter over a model that is on the disk, with a head where it is to be a reward model.
 */
async function writeAdapter(name: string, base: string, head: boolean): Promise<void> {
  const { model } = await openModel(path(base), { merge: true });
  const adapter = createAdapter(
    model.family,
    model.config,
    { rank: 2, alpha: 4, rsLora: false, targets: ["self_attn.q_proj", "mlp.down_proj"] },
    1,
  );
  for (const [weight, { data }] of adapter.weights)
    Random.for(7, name, weight).fillNormal(data, 0.2);
  const size = model.config.hiddenSize;
  await saveTrained(
    {
      ...model,
      adapter,
      ...(head
        ? { scoreHead: float32([1, size], Random.for(8, name).fillNormal(new Float32Array(size))) }
        : {}),
    },
    encoder,
    path(name),
  );
}

beforeAll(async () => {
  const base: Model = randomModel(
    {
      ...TINY_CONFIGS["llama"]!,
      vocab_size: encoder.tokenizer.vocabularySize,
      max_position_embeddings: 64,
    },
    3,
  );
  for (const name of ["base", "other"]) await saveTrained(base, encoder, path(name));
  await writeAdapter("sft", "base", false);
  await writeAdapter("reward-on-sft", "sft", true);
  await writeAdapter("reward-on-base", "base", true);
  await writeAdapter("reward-elsewhere", "other", true);
  mkdirSync(path("functions"));
  writeFileSync(
    path("functions/reward.ts"),
    "export default (answer: { completion: string }): number => answer.completion.length;\n",
  );
});

const config = (reward: string[], more = {}) =>
  ({
    model: path("sft"),
    reward: reward.map(path),
    heldOutReward: "",
    adapter: "lora",
    precision: "float32",
    maxLength: 64,
    trustText: false,
    rewardTimeout: 20,
    template: "auto",
    ...more,
  }) as const;
const rewardModels = (roles: Awaited<ReturnType<typeof openRoles>>): Model[] =>
  roles.rewards.flatMap((reward) => ("encoder" in reward ? [reward.model] : []));

describe("roles over one base", () => {
  test("a reward adapter over the SFT run: the SFT adapter is merged, and the base shared", async () => {
    const roles = await openRoles(config(["reward-on-sft"]), [], context);
    expect(roles.policy.model.adapter).toBeUndefined();
    expect(sharesBase(rewardModels(roles)[0]!, roles.policy.model)).toBe(true);
    expect(describeRoles(roles, "lora")).toBe("one base in memory for all roles");
    const alone = await openModel(path("reward-on-sft"));
    expect(
      rewardModels(roles)[0]!.weights.get("model.layers.0.self_attn.q_proj.weight")!.data,
    ).toEqual(alone.model.weights.get("model.layers.0.self_attn.q_proj.weight")!.data);
    expect(rewardModels(roles)[0]!.scoreHead!.data).toEqual(alone.model.scoreHead!.data);
  });

  test("a reward adapter over the raw base: the policy keeps its SFT adapter apart, as the reference", async () => {
    const roles = await openRoles(config(["reward-on-base"]), [], context);
    expect(roles.policy.model.adapter).toBeDefined();
    expect(sharesBase(rewardModels(roles)[0]!, roles.policy.model)).toBe(true);
    expect(describeRoles(roles, "lora")).toMatch(
      /one base in memory for all roles, with the policy's own adapter frozen/,
    );
  });

  test("the base that most lie over is the shared one; all weights are trained from a merged policy; held out ones count too", async () => {
    const mixed = await openRoles(config(["reward-on-sft", "reward-on-base"]), [], context);
    expect(mixed.policy.model.adapter).toBeUndefined();
    expect(rewardModels(mixed).map((model) => sharesBase(model, mixed.policy.model))).toEqual([
      true,
      false,
    ]);
    expect(
      (await openRoles(config(["reward-on-base"], { adapter: "none" }), [], context)).policy.model
        .adapter,
    ).toBeUndefined();
    const apart = await openRoles(
      config(["reward-elsewhere"], { heldOutReward: path("reward-on-base") }),
      [],
      context,
    );
    expect(apart.policy.model.adapter).toBeDefined();
    expect(sharesBase(apart.heldOutReward!.model, apart.policy.model)).toBe(true);
    expect(describeRoles(apart, "lora")).toMatch(/one reward model has a base of its own/);
  });

  test("functions and models side by side; the fingerprint follows the models and not the function", async () => {
    const roles = await openRoles(config(["reward-on-sft", "functions/reward.ts"]), [], context);
    expect(roles.rewards.map((reward) => reward.name.split("/").at(-1))).toEqual([
      "reward-on-sft",
      "reward.ts",
    ]);
    for (const reward of roles.rewards) if ("close" in reward) await reward.close();
    const [one, two] = [
      await openRoles(config(["reward-on-sft"]), [], context),
      await openRoles(config(["reward-on-base"]), [], context),
    ];
    expect(roles.fingerprint).toBe(one.fingerprint);
    expect(two.fingerprint).not.toBe(one.fingerprint);
  });

  test("a model without a head is refused", async () => {
    await expect(openRoles(config(["base"]), [], context)).rejects.toThrow(
      /no score head[\s\S]*attune reward/,
    );
  });
});

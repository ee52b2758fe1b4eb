import { describe, expect, test } from "vitest";
import { parameterCount } from "../models/model.ts";
import { readModelConfig } from "../models/registry.ts";
import { genericMemory, genericTime } from "./generic.ts";
import {
  adapterParameterCount,
  cachePerToken,
  forwardOperations,
  networkParameterCount,
} from "./counts.ts";
import { attuneMemory, attuneTime } from "./attune.ts";
import { PRESETS, presetShape } from "./presets.ts";
import type { MemoryLine, PlanRequest } from "./work.ts";
import { peakOf, rowSizes } from "./work.ts";

const ALL = [
  "self_attn.q_proj",
  "self_attn.k_proj",
  "self_attn.v_proj",
  "self_attn.o_proj",
  "mlp.gate_proj",
  "mlp.up_proj",
  "mlp.down_proj",
];

function request(model: string, options: Partial<PlanRequest> = {}): PlanRequest {
  const adapter = options.adapter ?? "lora";
  return {
    ...presetShape(model)!,
    method: "dpo",
    adapter,
    rank: 16,
    targets: ALL,
    roles: adapter === "lora" ? "shared" : "separate",
    precision: "float32",
    promptTokens: 128,
    answerTokens: 128,
    batchSize: 64,
    samples: 1,
    microBatchTokens: 1024,
    rolloutBatch: 64,
    ppoEpochs: 4,
    recompute: "all",
    steps: 100,
    ...options,
  };
}

const bytesOf = (lines: readonly MemoryLine[], item: string): number => {
  const found = lines.filter((line) => line.item === item);
  expect(found.map(({ item }) => item)).toEqual([item]);
  return found[0]!.bytes;
};

describe("shapes", () => {
  test.each(Object.entries(PRESETS))("%s has as many parameters as published", (name, preset) => {
    const { family, config } = presetShape(name)!;
    expect(parameterCount(family, config)).toBe(preset.parameters);
  });

  test("what is no shape is none", () =>
    expect([presetShape("toString"), presetShape("llama")]).toEqual([undefined, undefined]));
});

describe("counts by hand", () => {
  const smol = presetShape("smollm2-135m")!;

  test("an adapter: rank times inputs and outputs of every projection", () => {
    // q 576+576, k and v 576+192, o 576+576, gate and up 576+1536, down 1536+576: 10,176 a block
    // and rank
    expect(adapterParameterCount({ ...smol, rank: 16, targets: ALL })).toBe(
      30 * 16 * (1152 + 2 * 768 + 1152 + 2 * 2112 + 2112),
    );
    expect(adapterParameterCount({ ...smol, rank: 8, targets: ["self_attn.q_proj"] })).toBe(
      30 * 8 * 1152,
    );
  });

  test("a network of scores has one row in place of an untied head", () => {
    const llama = presetShape("llama-8b")!;
    expect(networkParameterCount(llama, "scores")).toBe(8_030_261_248 - 128_256 * 4096 + 4096);
    expect(networkParameterCount(smol, "scores")).toBe(134_515_008 + 576);
  });

  test("operations of a token, and its part of the cache", () => {
    const block = 2 * (576 * 576 + 2 * 576 * 192 + 576 * 576 + 3 * 576 * 1536);
    expect(forwardOperations(smol, { context: 100, read: 1 })).toBe(
      30 * (block + 4 * 576 * 100) + 2 * 49_152 * 576,
    );
    expect(cachePerToken(smol)).toBe(2 * 30 * 3 * 64);
  });

  test("rows: pairs share a prompt", () => {
    expect(rowSizes(request("gpt2"))).toEqual({ length: 384, tokens: 256, scores: 2 });
    expect(rowSizes(request("gpt2", { method: "ppo" }))).toEqual({
      length: 256,
      tokens: 128,
      scores: 128,
    });
  });
});

test("the peak: what stays, and the largest of the phases", () => {
  const line = (bytes: number, phase?: string): MemoryLine => ({
    item: "",
    sum: "",
    bytes,
    ...(phase ? { phase } : {}),
  });
  expect(peakOf([line(5), line(3, "a"), line(4, "b"), line(2, "a"), line(1)])).toEqual({
    total: 11,
    phase: "a",
  });
  expect(peakOf([line(5)])).toEqual({ total: 5 });
});

describe("a generic engine, by hand", () => {
  const total = (options: Partial<PlanRequest>): number =>
    peakOf(genericMemory(request("llama-70b", options))).total;

  test("PPO of 70B with four full models takes more than 1 TB, DPO about half of it, adapters far less", () => {
    const whole = 70_553_706_496;
    const scores = whole - 128_256 * 8192 + 8192;
    const cache = 64 * 256 * (2 * 80 * 8 * 128) * 2;
    expect(total({ method: "ppo", adapter: "none" })).toBe(
      16 * whole + 2 * whole + 2 * scores + 16 * scores + cache,
    );
    const activations = 80 * 1024 * 8192 * 2 + 34 * 1024 * 8192 + 683 * 128_256 * 10;
    expect(total({ method: "dpo", adapter: "none" })).toBe(16 * whole + 2 * whole + activations);
    const [ppo, dpo, adapters] = [
      total({ method: "ppo", adapter: "none" }),
      total({ method: "dpo", adapter: "none" }),
      total({ method: "ppo" }),
    ];
    expect(ppo).toBeGreaterThan(1e12);
    expect(dpo / ppo).toBeGreaterThan(0.45);
    expect(dpo / ppo).toBeLessThan(0.55);
    expect(adapters).toBeLessThan(ppo / 15);
  });

  test("four networks over one base: three adapters, two of them trained", () => {
    const lines = genericMemory(request("llama-8b", { method: "ppo" }));
    const count = adapterParameterCount(request("llama-8b"));
    expect(bytesOf(lines, "base: weights")).toBe(2 * 8_030_261_248);
    expect(bytesOf(lines, "policy: optimiser state")).toBe(12 * count);
    expect(bytesOf(lines, "critic: optimiser state")).toBe(12 * (count + 4096));
    expect(bytesOf(lines, "reward model: adapter")).toBe(2 * (count + 4096));
    expect(bytesOf(lines, "reference: weights")).toBe(0);
  });

  test("adapters with models of their own: every base counts", () => {
    const lines = genericMemory(request("llama-8b", { method: "ppo", roles: "separate" }));
    expect(
      lines
        .filter(({ item }) => item.endsWith(": weights"))
        .map(({ bytes }) => Math.round(bytes / 1e8)),
    ).toEqual([161, 161, 150, 150]);
  });

  test("time: operations over the rate of all devices", () => {
    const asked = request("llama-8b", { method: "sft", adapter: "none", steps: 10, batchSize: 4 });
    const [line, ...others] = genericTime(asked, { devices: 2, rate: 1e14, bandwidth: 1e12 });
    expect(others).toEqual([]);
    // forward, twice that backward, and the forward again
    expect(line!.seconds).toBeCloseTo(
      (10 * 4 * 256 * 4 * forwardOperations(asked, { context: 128, read: 0.5 })) / 2e14,
      10,
    );
    const adapters = genericTime(
      { ...asked, adapter: "lora" },
      { devices: 2, rate: 1e14, bandwidth: 1e12 },
    );
    expect(adapters[0]!.seconds / line!.seconds).toBeCloseTo(3 / 4, 10);
  });
});

describe("attune on this machine", () => {
  const machine = { rate: 1e11, bandwidth: 1e10 };

  test("weights, adapters and optimiser by hand; the rest from the graphs", async () => {
    const lines = await attuneMemory(request("smollm2-135m", { method: "ppo" }));
    const count = adapterParameterCount(request("smollm2-135m"));
    expect(bytesOf(lines, "base: weights")).toBe(4 * 134_515_008);
    expect(bytesOf(lines, "policy: adapter")).toBe(4 * count);
    expect(bytesOf(lines, "policy: gradients")).toBe(4 * count);
    expect(bytesOf(lines, "critic: optimiser state")).toBe(8 * (count + 576));
    // 64 answers, and 8 prompts of 128 tokens that are read at once
    expect(bytesOf(lines, "key-value cache")).toBe((64 * 256 + 8 * 128) * 4 * 2 * 30 * 3 * 64);
    const activations = lines.filter(({ item }) => item === "activations");
    expect(activations.map(({ phase }) => phase)).toEqual([
      "update of the policy",
      "update of the critic",
    ]);
    // hidden states around 30 blocks of 4 rows of 256 tokens, and a little more
    expect(activations[0]!.bytes).toBeGreaterThan(31 * 4 * 256 * 576 * 4);
    expect(activations[0]!.bytes).toBeLessThan(40 * 4 * 256 * 576 * 4);
  });

  test(
    "all weights in one copy; a reference that is computed beforehand takes nothing",
    { tags: ["dear"] },
    async () => {
      const lines = await attuneMemory(request("smollm2-135m", { adapter: "none" }));
      expect(
        [
          "policy: weights",
          "policy: gradients",
          "policy: optimiser state",
          "reference: weights",
        ].map((item) => bytesOf(lines, item) / 134_515_008),
      ).toEqual([4, 4, 8, 0]);
    },
  );

  test("frozen weights in float16 take half, but for norms", { tags: ["dear"] }, async () => {
    const [wide, narrow] = [
      await attuneMemory(request("smollm2-135m")),
      await attuneMemory(request("smollm2-135m", { precision: "float16" })),
    ].map((lines) => bytesOf(lines, "base: weights"));
    expect(wide! - narrow!).toBe(2 * (134_515_008 - 61 * 576));
  });

  test("frozen projections in int8 take two bytes a number, one for each side, and scales", async () => {
    const [wide, narrow] = [
      await attuneMemory(request("smollm2-135m")),
      await attuneMemory(request("smollm2-135m", { precision: "int8" })),
    ].map((lines) => bytesOf(lines, "base: weights"));
    const numbers = 30 * (2 * 576 * 576 + 2 * 576 * 192 + 3 * 576 * 1536);
    const scales = 30 * (2 * (576 + 576) + 2 * (576 + 192) + 3 * (576 + 1536));
    expect(wide! - narrow!).toBe(2 * numbers - 4 * scales);
  });

  test(
    "keeping activations takes more memory and fewer operations",
    { tags: ["dear"] },
    async () => {
      const of = async (recompute: "all" | "between" | "none") => {
        const asked = request("smollm2-135m", { recompute });
        const training = (await attuneTime(asked, machine)).find(
          ({ item }) => item === "policy: training",
        )!;
        return { memory: peakOf(await attuneMemory(asked)).total, seconds: training.seconds };
      };
      const [again, between, kept] = [await of("all"), await of("between"), await of("none")];
      expect(kept.memory).toBeGreaterThan(1.3 * again.memory);
      expect(kept.seconds).toBeLessThan(0.85 * again.seconds);
      // Nearly all of the gain for less than half of the memory.
      expect(between.memory - again.memory).toBeLessThan(0.5 * (kept.memory - again.memory));
      expect(again.seconds - between.seconds).toBeGreaterThan(0.8 * (again.seconds - kept.seconds));
    },
  );

  test("a small model's sessions that only read stay beside those that train", async () => {
    const sessions = async (options: Partial<PlanRequest>) =>
      (
        await attuneMemory({ ...request("smollm2-135m", { batchSize: 4, ...options }), ...options })
      ).filter(({ item }) => item === "within sessions");
    const small = readModelConfig({
      model_type: "llama",
      vocab_size: 1000,
      hidden_size: 64,
      intermediate_size: 128,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      num_key_value_heads: 2,
      max_position_embeddings: 512,
      rms_norm_eps: 1e-5,
      rope_theta: 1e4,
      tie_word_embeddings: true,
    });
    const kept = await sessions({ ...small, method: "grpo", samples: 4 });
    expect(kept.map(({ sum, phase }) => [sum.split(":")[0], phase])).toEqual([
      ["policy", undefined],
      ["reward model", undefined],
    ]);
    expect(
      (await sessions({ ...small, method: "ppo", adapter: "none", roles: "separate" })).map(
        ({ sum }) => sum.split(":")[0],
      ),
    ).toEqual(["policy", "reference", "reward model", "critic"]);
  });

  test("prompts are read once for all their samples", async () => {
    const lines = await attuneMemory(
      request("smollm2-135m", { method: "rloo", batchSize: 8, samples: 4 }),
    );
    expect(bytesOf(lines, "key-value cache")).toBe((8 * 256 + 2 * 128) * 4 * 2 * 30 * 3 * 64);
  });

  test("operations of the graphs are near those of the formula", { tags: ["dear"] }, async () => {
    const asked = request("smollm2-135m", { method: "sft", adapter: "none", recompute: "none" });
    const training = (await attuneTime(asked, machine)).find(
      ({ item }) => item === "policy: training",
    )!;
    const formula =
      (3 * 100 * 64 * 256 * forwardOperations(asked, { context: 128, read: 0.5 })) / (0.8 * 1e11);
    // packed rows attend over all of the row in the graph
    expect(training.seconds / formula).toBeGreaterThan(0.95);
    expect(training.seconds / formula).toBeLessThan(1.25);
  });

  test.each(["gpt2", "qwen2-0.5b"])(
    "%s: other families can be planned, and every method has lines",
    { tags: ["dear"] },
    async (model) => {
      const targets = Object.keys(
        presetShape(model)!.family.projections(presetShape(model)!.config),
      );
      for (const method of ["sft", "reward", "kto", "rloo", "grpo"] as const) {
        const asked = request(model, { method, targets, batchSize: 4, microBatchTokens: 256 });
        const { total } = peakOf(await attuneMemory(asked));
        expect(total).toBeGreaterThan(4 * parameterCount(asked.family, asked.config));
        expect((await attuneTime(asked, machine)).every(({ seconds }) => seconds > 0)).toBe(true);
      }
    },
  );
});

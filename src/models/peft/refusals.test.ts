/** What of an adapter is not supported is refused by name; nothing is left unread. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { AttuneError } from "../../core/errors.ts";
import { createAdapter } from "../adapter.ts";
import type { Model } from "../model.ts";
import { openModel, openAdapterOver } from "../open.ts";
import { TINY_CONFIGS, randomModel } from "../testing.ts";
import { SafetensorsFile, writeSafetensors } from "../weights/safetensors.ts";
import { withFolder } from "../weights/testing.ts";
import { saveAdapter } from "./write.ts";
import { readPeftConfig } from "./config.ts";

type Json = Readonly<Record<string, unknown>>;

const golden = join(dirname(fileURLToPath(import.meta.url)), "..", "golden", "adapters");
const plain = JSON.parse(
  readFileSync(join(golden, "alpha-pattern", "adapter_config.json"), "utf8"),
) as Json;

function tiny(): Model {
  const model = randomModel(TINY_CONFIGS["llama"]!);
  return {
    ...model,
    adapter: createAdapter(
      model.family,
      model.config,
      { rank: 2, alpha: 4, rsLora: false, targets: ["self_attn.q_proj", "mlp.up_proj"] },
      1,
    ),
  };
}

async function refusal(work: Promise<unknown>): Promise<AttuneError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AttuneError);
  return error as AttuneError;
}

/** Opens the tiny model's adapter with other settings and tensors. */
async function openChanged(
  changes: Json,
  change: (names: Map<string, { shape: readonly number[]; data: Float32Array }>) => void = () =>
    undefined,
): Promise<Model> {
  return withFolder(async (folder) => {
    const model = tiny();
    await saveAdapter(model, folder, "base");
    const path = join(folder, "adapter_config.json");
    writeFileSync(
      path,
      JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as Json), ...changes }),
    );
    const weights = join(folder, "adapter_model.safetensors");
    const file = await SafetensorsFile.open(weights);
    const tensors = new Map(
      await Promise.all(
        [...file.header.tensors].map(
          async ([name, { shape }]) => [name, { shape, data: await file.read(name) }] as const,
        ),
      ),
    );
    await file.close();
    change(tensors);
    await writeSafetensors(
      weights,
      [...tensors].map(([name, tensor]) => ({ name, ...tensor })),
    );
    const { adapter: _, ...base } = model;
    return (await openAdapterOver(base, folder)).model;
  });
}

describe("every key of peft's LoraConfig is read, without effect or refused", () => {
  const EFFECTS: Json = {
    megatron_config: { hidden_size: 8 },
    alora_invocation_tokens: [1],
    use_qalora: true,
    monteclora_config: { num_samples: 2 },
    layer_replication: [[0, 1]],
    target_parameters: ["experts.up"],
    use_bdlora: { nblocks: 2 },
    arrow_config: { top_k: 1 },
    kasa_config: { beta: 1 },
  };
  test.each(Object.entries(EFFECTS))("%s = %j is refused by name", async (key, value) => {
    expect(key in plain).toBe(true);
    expect((await refusal(openChanged({ [key]: value }))).message).toContain(
      `the adapter sets ${key}, which is not supported`,
    );
  });

  test("nothing of what peft writes is unknown", () => {
    expect(() => readPeftConfig(plain, "f")).not.toThrow();
    // any other value of what remains leaves the outcome alone
    const untouched = Object.fromEntries(
      [
        "task_type",
        "auto_mapping",
        "peft_version",
        "revision",
        "inference_mode",
        "lora_dropout",
        "megatron_core",
        "qalora_group_size",
        "fan_in_fan_out",
        "eva_config",
        "corda_config",
        "lora_ga_config",
        "loftq_config",
      ].map((key) => [key, key === "task_type" ? "FEATURE_EXTRACTION" : { some: "thing" }]),
    );
    expect(readPeftConfig({ ...plain, ...untouched }, "f")).toEqual(readPeftConfig(plain, "f"));
  });

  test.each(["pissa", "pissa_niter_16", "olora", "corda", "loftq", "lora_ga", "something"])(
    "init_lora_weights %s, which changes the base",
    async (start) => {
      expect((await refusal(openChanged({ init_lora_weights: start }))).message).toMatch(
        /began by changing the base model's weights.*\n.*got: .*pissa|olora|corda|loftq|lora_ga|something/s,
      );
    },
  );

  test.each([true, false, "gaussian", "eva", "orthogonal", "mica"])(
    "init_lora_weights %s leaves no trace",
    async (start) => {
      expect((await openChanged({ init_lora_weights: start })).adapter!.config.rank).toBe(2);
    },
  );

  test("a key that peft does not have, unless it says nothing", async () => {
    expect((await refusal(openChanged({ use_dorra: true }))).message).toMatch(
      /a key that attune does not know: "use_dorra".*did you mean use_dora/s,
    );
    expect(
      (await openChanged({ use_something_new: false, another: null, third: [] })).adapter!.config
        .rank,
    ).toBe(2);
  });

  test.each([
    [{ peft_type: "LOHA" }, "this kind of adapter is not supported"],
    [{ task_type: "SEQ_2_SEQ_LM" }, '"task_type" is wrong'],
    [{ r: 0 }, '"r" is wrong'],
    [{ r: 1e12 }, '"r" is wrong'],
    [{ lora_alpha: "8" }, '"lora_alpha" is wrong'],
    [{ rank_pattern: { q_proj: 1.5 } }, '"rank_pattern of q_proj" is wrong'],
    [{ alpha_pattern: [1] }, '"alpha_pattern" is wrong'],
    [{ target_modules: [1] }, '"target_modules" is wrong'],
    [{ layers_to_transform: -1 }, '"layers_to_transform" is wrong'],
    [{ target_modules: ".*q_proj", layers_to_transform: [0] }, '"layers_to_transform" is wrong'],
    [{ layers_pattern: "layers" }, '"layers_pattern" is wrong'],
    [{ use_dora: true, lora_bias: true }, '"lora_bias" is wrong'],
    [
      { alpha_pattern: Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`a${i}`, 1])) },
      '"alpha_pattern" is wrong',
    ],
  ])("%j", async (changes, message) => {
    expect((await refusal(openChanged(changes))).message).toContain(message);
  });
});

describe("tensors and configuration must agree", () => {
  test.each([
    [
      "a target that the file lacks",
      { target_modules: ["q_proj", "up_proj", "v_proj"] },
      'lacks the tensor "base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight"',
    ],
    [
      "a target that the file has and the configuration does not",
      { target_modules: ["q_proj"] },
      "has 4 tensors that attune does not read",
    ],
    [
      "no target at all",
      { target_modules: ["nothing"] },
      "has 8 tensors that attune does not read",
    ],
    [
      "another rank",
      { rank_pattern: { up_proj: 3 } },
      'up_proj.lora_A.weight" has the wrong shape',
    ],
    ["DoRA without magnitudes", { use_dora: true }, "lora_magnitude_vector"],
    ["biases that are not there", { lora_bias: true }, "lora_B.bias"],
    ["a head that is not there", { modules_to_save: ["lm_head"] }, 'lacks the module "lm_head"'],
    ["rows that are not there", { trainable_token_indices: [1] }, "trainable_tokens_delta"],
    [
      "rows that the base does not have",
      { trainable_token_indices: [61] },
      "tokens that the base does not have",
    ],
    [
      "rows of a module that the base does not have",
      { trainable_token_indices: { wte: [1] } },
      'the base has no module "wte"',
    ],
    [
      "another layer",
      { target_modules: ["model.layers.7.self_attn.q_proj"] },
      "that attune does not read",
    ],
  ])("%s", async (_name, changes, message) => {
    expect((await refusal(openChanged(changes))).message).toContain(message);
  });

  test.each(["lora_magnitude_vector", "lora_B.bias", "lora_velora_embed"])(
    "%s that no key speaks of",
    async (part) => {
      const name = `base_model.model.model.layers.0.self_attn.q_proj.${part}`;
      expect(
        (
          await refusal(
            openChanged({}, (tensors) =>
              tensors.set(name, { shape: [16], data: new Float32Array(16) }),
            ),
          )
        ).message,
      ).toMatch(new RegExp(`has a tensor that attune does not read\\n.*${name}`, "s"));
    },
  );

  test("embeddings that grew, and a name without peft's prefix", async () => {
    const grown = openChanged({}, (tensors) =>
      tensors.set("base_model.model.model.embed_tokens.weight", {
        shape: [62, 16],
        data: new Float32Array(62 * 16),
      }),
    );
    expect((await refusal(grown)).message).toMatch(
      /embed_tokens.weight" has the wrong shape\n.*\[62, 16\].*\[61, 16\]/s,
    );
    expect(
      (
        await refusal(
          openChanged({}, (tensors) =>
            tensors.set("model.layers.0.self_attn.q_proj.lora_A.weight", {
              shape: [1],
              data: new Float32Array(1),
            }),
          ),
        )
      ).message,
    ).toContain("does not read");
  });

  test("a number that is not finite", async () => {
    expect(
      (await refusal(openChanged({}, (tensors) => tensors.values().next().value!.data.fill(NaN))))
        .message,
    ).toContain("is not finite");
  });
});

describe("patterns", () => {
  test("one that takes for ever is refused", async () => {
    const error = await refusal(openChanged({ target_modules: `model\\.(([a-z0-9_.]+)+)+!` }));
    expect(error.message).toContain("a pattern of the adapter takes too long to match");
  });

  test.each(["(?>a)b", "(a", "a++", "(?(1)a|b)", "(?i:q)_proj("])(
    "%s, which JavaScript cannot read, is refused",
    async (pattern) => {
      expect((await refusal(openChanged({ target_modules: pattern }))).message).toContain(
        "a pattern of the adapter cannot be read",
      );
    },
  );
});

describe("the base of an adapter", () => {
  const place = (folder: string, base: string): string => {
    cpSync(join(golden, "alpha-pattern"), folder, { recursive: true });
    writeFileSync(
      join(folder, "adapter_config.json"),
      JSON.stringify({ ...plain, base_model_name_or_path: base }),
    );
    return folder;
  };

  test("itself, also by a link or another spelling", () =>
    withFolder(async (root) => {
      const own = place(join(root, "own"), join(root, "own"));
      symlinkSync(own, join(root, "link"));
      for (const base of [own, `${root}/./own/`, join(root, "link")]) {
        place(own, base);
        const error = await refusal(openModel(own));
        expect(error.message).toContain("the adapter's base model is the adapter itself");
      }
    }));

  test("one that lies over it, and too long a chain", () =>
    withFolder(async (root) => {
      const [a, b] = [join(root, "a"), join(root, "b")];
      place(a, b);
      place(b, a);
      expect((await refusal(openModel(a, { merge: true }))).message).toContain(
        "is the adapter itself",
      );
      mkdirSync(join(root, "end"));
      const chain = Array.from({ length: 30 }, (_, i) => join(root, `c${i}`));
      chain.forEach((folder, i) => place(folder, chain[i + 1] ?? join(root, "end")));
      expect((await refusal(openModel(chain[0]!))).message).toContain(
        "too many adapters lie upon each other",
      );
    }));
});

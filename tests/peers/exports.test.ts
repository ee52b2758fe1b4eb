/**
 * What attune exports, opened with transformers and peft: every family in every width, reward
 * models, merged adapters and adapters written again. Part of `npm run test:peers`;
 * ATTUNE_PEERS_PYTHON names a Python with the packages of scripts/golden/requirements.txt.
 */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { float32, int64, zeros } from "../../src/core/tensor.ts";
import { createAdapter } from "../../src/models/adapter.ts";
import { applyAdapter } from "../../src/models/merge-adapter.ts";
import type { Model } from "../../src/models/model.ts";
import { openModel, openAdapterOver } from "../../src/models/open.ts";
import { saveAdapter } from "../../src/models/peft/write.ts";
import { WholePlan } from "../../src/models/plans/whole.ts";
import { saveMerged, saveTokenizer } from "../../src/models/save.ts";
import { copyGolden, golden } from "../cli/support.ts";
import { repositoryRoot } from "../support/shared.ts";

const python = process.env["ATTUNE_PEERS_PYTHON"];
const runs = process.env["ATTUNE_PEERS"] === "1" && python !== undefined;
if (!runs)
  console.log(
    "skipped: exports in transformers and peft; npm run test:peers with ATTUNE_PEERS_PYTHON runs " +
      "them",
  );

const root = mkdtempSync(join(tmpdir(), "attune-peers-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const DTYPES = [
  ["F32", "float32"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
] as const;
const IDS = [5, 17, 33, 8, 41, 12, 60];

/** log p of every token at every place [T][V], or the score of the last. */
async function compute(
  model: Model,
): Promise<{ log_probabilities: number[][] } | { score: number }> {
  const { vocabularySize: size } = model.config;
  const length = IDS.length;
  const bias = zeros("float32", [1, 1, length, length]);
  bias.data.forEach((_, i) => {
    const [query, key] = [Math.floor(i / length), i % length];
    if (key > query) bias.data[i] = -1e9;
  });
  const selected = model.scoreHead
    ? [length - 1]
    : IDS.flatMap((_, place) => Array.from({ length: size }, () => place));
  const targets = model.scoreHead
    ? [0]
    : IDS.flatMap(() => Array.from({ length: size }, (_, token) => token));
  const plan = new WholePlan({
    model,
    reads: model.scoreHead ? "scores" : "tokens",
    maxLength: IDS.length,
  });
  const { readout } = await plan.score({
    tokens: int64([1, length], IDS),
    positions: int64(
      [1, length],
      IDS.map((_, i) => i),
    ),
    bias,
    selected: int64([selected.length], selected),
    targets: int64([targets.length], targets),
  });
  await plan.close();
  return model.scoreHead
    ? { score: readout[0]! }
    : {
        log_probabilities: IDS.map((_, place) =>
          Array.from(readout.subarray(place * size, (place + 1) * size)),
        ),
      };
}

const expectation = (folder: string, value: object): void =>
  writeFileSync(join(folder, "expected.json"), JSON.stringify({ ids: IDS, ...value }));

/** Writes a whole model, and what attune computes with it once it is read back. */
async function exportWhole(
  name: string,
  opened: Pick<Awaited<ReturnType<typeof openModel>>, "model" | "tokenizer">,
  [dtype, word]: (typeof DTYPES)[number],
): Promise<void> {
  const folder = join(root, name);
  mkdirSync(folder);
  await saveMerged(opened.model, folder, { dtype, tokenizer: opened.tokenizer });
  await saveTokenizer(opened.tokenizer, folder);
  const again = (await openModel(folder)).model;
  expectation(folder, { ...(await compute(again)), dtype: word, tied: again.config.tieEmbeddings });
}

const adapters = join(repositoryRoot, "src", "models", "golden", "adapters");

async function exportAdapters(bases: ReadonlyMap<string, string>): Promise<void> {
  for (const name of readdirSync(adapters).filter((each) =>
    existsSync(join(adapters, each, "adapter_config.json")),
  )) {
    const { base_model_name_or_path: base } = JSON.parse(
      readFileSync(join(adapters, name, "adapter_config.json"), "utf8"),
    ) as { base_model_name_or_path: string };
    const opened = await openModel(bases.get(base)!);
    const { model } = await openAdapterOver(opened.model, join(adapters, name));
    const folder = join(root, `peft-${name}`);
    await saveAdapter(model, folder, bases.get(base)!);
    expectation(folder, { ...(await compute(model)), base: bases.get(base)! });
    // nothing that a bias could be added to
    if (name === "lora-bias-without-bias") continue;
    applyAdapter(model, model.adapter!, 1);
    delete model.adapter;
    await exportWhole(`merged-${name}`, { ...opened, model }, DTYPES[0]);
  }
}

/** A fresh adapter on every projection of a base. */
async function exportOwnAdapters(bases: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, base] of bases) {
    const { model } = await openModel(base);
    const targets = Object.keys(model.family.projections(model.config));
    const settings = { rank: 2, alpha: 4, rsLora: false, targets };
    model.adapter = createAdapter(model.family, model.config, settings, 1);
    for (const [weight, { data }] of model.adapter.weights)
      if (weight.includes("lora_B")) Random.for(2, weight).fillNormal(data, 0.2);
    const folder = join(root, `own-${name}`);
    await saveAdapter(model, folder, base);
    expectation(folder, { ...(await compute(model)), base });
  }
}

test.skipIf(!runs)("transformers and peft open every export and compute the same", async () => {
  const bases = new Map<string, string>();
  for (const name of readdirSync(golden("models"))) {
    const base = copyGolden(name, join(root, `base-${name}`));
    bases.set(name, base);
    const opened = await openModel(base);
    for (const dtype of DTYPES) await exportWhole(`${name}-${dtype[1]}`, opened, dtype);
    if (!opened.model.family.architectures.scores) continue;
    const head = float32(
      [1, opened.model.config.hiddenSize],
      Random.for(1, name).fillNormal(new Float32Array(opened.model.config.hiddenSize), 0.5),
    );
    for (const dtype of [DTYPES[0], DTYPES[2]])
      await exportWhole(
        `reward-${name}-${dtype[1]}`,
        { ...opened, model: { ...opened.model, scoreHead: head } },
        dtype,
      );
  }
  await exportAdapters(bases);
  await exportOwnAdapters(bases);
  const lines = execFileSync(
    python!,
    [join(repositoryRoot, "scripts", "golden", "open_exports.py"), root],
    { encoding: "utf8" },
  )
    .trim()
    .split("\n");
  const results = lines.map(
    (line) => JSON.parse(line) as { name: string; difference: number; wrong: string[] },
  );
  console.log(
    `${results.length} exports; the largest difference is ` +
      `${Math.max(...results.map(({ difference }) => difference)).toExponential(1)}`,
  );
  expect(
    results.filter(({ difference, wrong }) => wrong.length > 0 || !(difference < 1e-4)),
  ).toEqual([]);
  expect(results.length).toBeGreaterThan(80);
});

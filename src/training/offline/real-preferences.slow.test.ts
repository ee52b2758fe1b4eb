/**
 * Published preference data through the trainers' own preparation; skipped where the data is not
 * beside the checkout.
 * @module-tag dear
 */
import { expect, test } from "vitest";
import { sharedData } from "../../../tests/support/shared.ts";
import type { Dataset } from "../../data/dataset.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import type { PreferenceRecord, RankedRecord } from "../../data/records.ts";
import { createEncoder } from "../../text/encoder.ts";
import { resolveConfig } from "../configs.ts";
import { kto } from "./kto.ts";
import { encodeReward } from "./reward-groups.ts";
import { rewardModel } from "./reward.ts";
import { COMMON, collect, stepMetric, tinyModel, tokenizer } from "../testing.ts";

const encoder = createEncoder(tokenizer, { maxLength: 512 });

async function load(name: string): Promise<Dataset | undefined> {
  const path = sharedData(name);
  return path === undefined ? undefined : loadDataset(path);
}

test("fine-grained RLHF: every question is one row with its four answers, and its pairs share one weight", async () => {
  const dataset = await load("finegrained-rlhf-dev.json.gz");
  if (!dataset) return;
  const ranked = (dataset.records as RankedRecord[]).slice(0, 80);
  const encode = (train: readonly (PreferenceRecord | RankedRecord)[]) =>
    encodeReward({ encoder, train, heldOut: [] }, { margin: true, maxLength: 512, onBad: "error" })
      .examples;
  const groups = encode(ranked);
  expect(groups).toHaveLength(80);
  expect(groups.reduce((total, { pairs }) => total + pairs.length, 0)).toBeLessThanOrEqual(6 * 80);
  // identical answers of one question are one
  expect(groups.filter(({ row }) => row.sequences === 4).length).toBeGreaterThan(70);
  groups.forEach(({ row }) => expect(row.sequences).toBeLessThanOrEqual(4));
  // what the command gives: the same pairs, told apart by their cluster
  const facts = (made: typeof groups): unknown =>
    made.map(({ pairs, lengths, row, cluster }) => [pairs, lengths, row.ids.length, cluster]);
  expect(facts(encode(recordsAs({ records: ranked }, "preference")))).toEqual(facts(groups));

  const settings = resolveConfig("reward", {
    ...COMMON,
    maxLength: 512,
    maxSteps: 2,
    batchSize: 2,
    centerCoefficient: 0,
  });
  const events = await collect(
    rewardModel(
      {
        model: tinyModel("llama", { num_hidden_layers: 1, max_position_embeddings: 1100 }),
        encoder,
        train: ranked.slice(0, 4),
        heldOut: [],
      },
      settings,
    ),
  );
  expect(stepMetric(events, "loss").every((loss) => loss > 0 && loss < 3)).toBe(true);
});

test.each(["llama-factory-kto_en_demo.json.gz", "hh-rlhf-harmless.jsonl.gz"])(
  "%s: KTO starts at 0.5",
  async (name) => {
    const dataset = await load(name);
    if (!dataset) return;
    const train = recordsAs(
      { records: dataset.records.slice(0, 12) as PreferenceRecord[] },
      "unpaired",
    );
    const settings = resolveConfig("kto", { ...COMMON, maxLength: 512, maxSteps: 1 });
    const events = await collect(
      kto(
        {
          model: tinyModel("llama", { num_hidden_layers: 1, max_position_embeddings: 1100 }),
          encoder,
          train,
          heldOut: [],
        },
        settings,
      ),
    );
    expect(stepMetric(events, "loss")[0]).toBeCloseTo(0.5, 4);
  },
);

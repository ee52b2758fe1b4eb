/**
 * Published data: loaded as it is, with the facts that were measured about it.
 * @module-tag dear
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { sharedData } from "../../tests/support/shared.ts";
import { convertDataset } from "./convert.ts";
import { loadDataset, recordsAs } from "./dataset.ts";
import { inspectDataset } from "./inspect.ts";
import type { RecordKind } from "./records.ts";
import { splitDataset } from "./split.ts";
import { testFolder } from "./testing.ts";

const folder = testFolder();
afterAll(() => folder.remove());

const FILES: readonly [string, string, RecordKind, number][] = [
  ["hh-rlhf-harmless.jsonl.gz", "anthropic-hh", "preference", 1807],
  ["llama-factory-dpo_en_demo.json.gz", "sharegpt", "preference", 300],
  ["llama-factory-kto_en_demo.json.gz", "llama-factory-kto", "unpaired", 300],
  ["llama-factory-alpaca_en_demo.json.gz", "alpaca", "demonstration", 999],
  ["finegrained-rlhf-dev.json.gz", "fine-grained-rlhf", "ranked", 500],
  ["openai-moderation/samples-1680.jsonl.gz", "openai-moderation", "prompt", 1680],
  ["xstest/xstest_prompts.csv", "xstest", "prompt", 450],
  ["xstest/xstest_v2_completions_gpt4.csv", "xstest", "demonstration", 450],
  ["xstest/xstest_v2_completions_llama2new.csv", "xstest", "demonstration", 450],
  ["xstest/xstest_v2_completions_llama2orig.csv", "xstest", "demonstration", 450],
  ["xstest/xstest_v2_completions_mistralguard.csv", "xstest", "demonstration", 450],
  ["xstest/xstest_v2_completions_mistralinstruct.csv", "xstest", "demonstration", 450],
  ["anthropic-evals", "anthropic-evals", "prompt", 63168],
];

test.each(FILES)("%s loads as it is", async (name, format, kind, count) => {
  const path = sharedData(name);
  if (path === undefined) return;
  const dataset = await loadDataset(path);
  expect([dataset.format, dataset.counts]).toEqual([format, { [kind]: count }]);
});

test("no data file is forgotten", () => {
  const root =
    sharedData("README.md") === undefined ? undefined : join(sharedData("README.md")!, "..");
  if (root === undefined) return;
  const names = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.(jsonl?|csv)(\.gz)?$/.test(name),
  );
  // a list of principles, not rows
  const known = new Set(["constitution-alignment-handbook.json", ...FILES.map(([name]) => name)]);
  expect(names.filter((name) => !known.has(name) && !name.startsWith("anthropic-evals"))).toEqual(
    [],
  );
});

const hh = sharedData("hh-rlhf-harmless.jsonl.gz");
describe.runIf(hh)("Anthropic's harmless pairs", () => {
  test("1,811 rows: 4 empty answers, 3 contexts that differ, 7 speakers twice in a row; shorter answers are the chosen ones", async () => {
    const inspection = await inspectDataset(hh!);
    expect(inspection).toMatchObject({
      rows: 1811,
      records: 1807,
      dropped: { "the chosen completion is empty": 4 },
      duplicates: { prompts: 1, records: 0 },
    });
    expect(inspection.warnings).toEqual([
      "4 rows left out: the chosen completion is empty",
      "not kept: the break between two turns of one speaker in a row (7 rows)",
    ]);
    expect(inspection.preferences).toMatchObject({
      pairs: 1807,
      ties: 0,
      contextsDiffer: 3,
      contradictions: 0,
      chosenShorter: { count: 1002, of: 1807 },
      chosenLonger: { count: 798 },
      sameLength: 7,
    });
    // 55.5%, clearly above a half
    expect(inspection.preferences!.chosenShorter.low).toBeGreaterThan(0.53);
  });

  test("the rows whose contexts differ are the published ones, with one answer each", async () => {
    const { records } = await loadDataset(hh!);
    const differing = records.filter(
      (record) => record.kind === "preference" && record.contextsDiffer === true,
    );
    expect(differing.map(({ place }) => place.row)).toEqual([1531, 1533, 1599]);
    for (const record of recordsAs({ records }, "preference")) {
      expect([record.chosen.length, record.rejected.length]).toEqual([1, 1]);
      expect(typeof record.prompt === "string" ? undefined : record.prompt.at(-1)!.role).toBe(
        "user",
      );
    }
  });

  test("a split leaks neither prompts nor beginnings of conversations", async () => {
    const dataset = await loadDataset(hh!);
    const { train, heldOut } = splitDataset(
      { records: recordsAs(dataset, "preference") },
      { heldOut: 100, seed: 42 },
    );
    expect([train.length + heldOut.length, heldOut.length]).toEqual([1807, 100]);
  });

  test("through every other format of pairs and back, the pairs are the same", async () => {
    const pairs = (await loadDataset(hh!)).records.map((record) => [
      (record as { prompt: unknown }).prompt,
      (record as { chosen: unknown }).chosen,
    ]);
    for (const to of [
      "trl",
      "openai-preference",
      "sharegpt",
      "alpaca",
      "ultrafeedback",
      "arena-33k",
    ]) {
      const out = join(folder.path, `${to}.jsonl`);
      expect(await convertDataset({ source: hh!, to, out })).toMatchObject({
        written: 1807,
        leftOut: {},
        lost: {},
      });
      const again = await loadDataset(out);
      expect(again.format).toBe(to);
      expect(
        again.records.map((record) => [
          (record as { prompt: unknown }).prompt,
          (record as { chosen: unknown }).chosen,
        ]),
      ).toEqual(pairs);
    }
  });
});

const fineGrained = sharedData("finegrained-rlhf-dev.json.gz");
test.runIf(fineGrained)(
  "Fine-Grained RLHF: 500 questions give 3,000 pairs, 2,616 of them decided",
  async () => {
    const pairs = recordsAs(await loadDataset(fineGrained!), "preference");
    expect([
      pairs.length,
      pairs.filter(({ p }) => p === 0.5).length,
      pairs.filter(({ p }) => p === 1).length,
    ]).toEqual([3000, 384, 2616]);
    expect(new Set(pairs.map(({ cluster }) => cluster)).size).toBe(500);
  },
);

const kto = sharedData("llama-factory-kto_en_demo.json.gz");
test.runIf(kto)("LLaMA-Factory's KTO data: half of the answers are desirable", async () => {
  expect((await inspectDataset(kto!)).labels).toEqual({ desirable: 150, undesirable: 150 });
});

/** Asking with real, tiny reward models: what is held out, learned, ordered and kept. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../config/sources.ts";
import { Random } from "../../core/random.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { promptKey } from "../../data/split.ts";
import { byteTokenizer } from "../../text/testing.ts";
import { madePairs, tinyModel } from "../../training/testing.ts";
import { askConfig } from "./ask.config.ts";
import { CHOSEN_BY, askNext, curveSizes, divideLabels, workOf } from "./ask.ts";
import { bootstrapOf } from "./ensemble.ts";
import { curveFile, curveFileSchema, orderLines, orderRowSchema } from "./files.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-ask-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const configOf = (values: object = {}) =>
  parseConfig(askConfig, {
    values: {
      model: "tiny",
      labels: "made",
      pool: "made",
      adapter: "none",
      maxLength: 48,
      batchSize: 8,
      learningRate: 1e-2,
      members: 2,
      ...values,
    },
  }).resolved;
const marked = (pairs: PreferenceRecord[], by: string): PreferenceRecord[] =>
  pairs.map((pair) => ({ ...pair, extra: { [CHOSEN_BY]: by } }));

describe("held out", () => {
  const labels = madePairs(100);
  test("are only labels on pairs that chance chose, and their prompts are not learned", () => {
    const mixed = [...marked(labels.slice(0, 70), "uncertainty"), ...labels.slice(70)];
    const { train, heldOut, byChance, noCurve } = divideLabels(mixed, configOf());
    expect([byChance, noCurve, heldOut.length]).toEqual([30, undefined, 20]);
    expect(heldOut.every(({ extra }) => extra === undefined)).toBe(true);
    const prompts = new Set(heldOut.map(promptKey));
    expect(train.some((label) => prompts.has(promptKey(label)))).toBe(false);
    expect(train.length + heldOut.length).toBe(100);
  });

  test("are none where a model chose every pair, or labels are few, which is said", () => {
    const chosen = divideLabels(marked(labels, "disagreement"), configOf());
    expect(chosen.heldOut).toEqual([]);
    expect(chosen.noCurve).toBe("0 of 100 labels are on pairs that chance chose");
    expect(divideLabels(labels.slice(0, 9), configOf()).noCurve).toContain("too few");
  });

  test("leave parts for the curve that rise to all", () => {
    expect(curveSizes(240)).toEqual([30, 60, 120]);
    expect(curveSizes(20)).toEqual([10]);
    expect(workOf({ train: labels, heldOut: labels }, { members: 3 })).toEqual({ total: 15 });
    expect(workOf({ train: labels, heldOut: [] }, { members: 3 })).toEqual({ total: 6 });
  });
});

test("a draw with replacement counts a prompt as often as it was drawn", () => {
  const labels = madePairs(60).map((pair, at) => ({ ...pair, prompt: `${pair.prompt} ${at}` }));
  const drawn = bootstrapOf(labels, Random.for(1, "draw"));
  expect(drawn.length).toBe(60);
  expect(new Set(drawn.map(promptKey)).size).toBeLessThan(48);
  // else a prompt drawn twice would be one row of the loss
  expect(new Set(drawn.map(({ cluster }) => cluster)).size).toBe(60);
});

describe("asking", () => {
  const model = { model: tinyModel(), tokenizer: byteTokenizer() };
  const labels = madePairs(60);
  const pool = madePairs(90).slice(60);

  const kept = "orders the pool, keeps the members, and goes on with them";
  test(kept, { tags: ["dear"] }, async () => {
    const config = configOf({ maxSteps: 3 });
    const divided = divideLabels(labels, config);
    const said: string[] = [];
    const hooks = { folder, onWork: (_: number, what: string) => void said.push(what) };
    const result = await askNext(model, { divided, pool }, config, hooks);
    expect(result.order.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(
      pool.map((_, index) => index),
    );
    expect(said.length).toBe(workOf(divided, config).total);
    expect(result).toMatchObject({ learned: 48, heldOut: 12, byChance: 60, cut: 0 });
    for (const line of orderLines(result.order).trim().split("\n"))
      orderRowSchema.parse(JSON.parse(line));
    expect(curveFileSchema.parse(curveFile(result)).points.map((point) => point.labels)).toEqual([
      12, 24, 48,
    ]);
    const weights = join(folder, "reward-1", "model", "model.safetensors");
    const before = statSync(weights).mtimeMs;
    rmSync(join(folder, "reward-2"), { recursive: true });
    const again = await askNext(model, { divided, pool }, config, hooks);
    expect(statSync(weights).mtimeMs).toBe(before);
    expect(again.order).toEqual(result.order);
    const runs = ["reward-1", "reward-2"].map((name) => join(folder, name, "run.json"));
    const seeds = runs.map((file) => JSON.parse(readFileSync(file, "utf8")).seed as number);
    expect(new Set(seeds).size).toBe(2);
    expect(existsSync(join(folder, "reward-3"))).toBe(false);
  });

  test("scores answers that do not fit where they were cut, and counts them", async () => {
    const config = configOf({ maxSteps: 1, curve: false });
    const long = { ...pool[0]!, chosen: "a".repeat(200) };
    const result = await askNext(
      model,
      { divided: divideLabels(labels, config), pool: [long, ...pool.slice(1, 4)] },
      config,
    );
    expect(result.cut).toBe(1);
    expect(result.curve).toBeUndefined();
    expect(result.order.length).toBe(4);
  });
});

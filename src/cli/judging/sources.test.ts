import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Run } from "../../runs/run.ts";
import { nameOfModel, readSources } from "./sources.ts";
import { isOptimised, worldSeedOf } from "./trained-for.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-sources-"));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, rows: readonly object[]): string => {
  mkdirSync(join(folder, name, ".."), { recursive: true });
  writeFileSync(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return join(folder, name);
};
const read = (given: readonly string[], names: readonly string[] = []): Promise<string[]> =>
  readSources(given, { names, metric: undefined }).then(({ sources }) =>
    sources.map(({ name }) => name),
  );
const ROW = { prompt: "p", completion: "a" };

test("models are called by the last part of their path that says something", () => {
  expect(
    ["runs/dpo", "openai:gpt-4o", "org/Model-1B", "model.gguf"].map((each) => nameOfModel(each)),
  ).toEqual(["dpo", "gpt-4o", "Model-1B", "model"]);
});

test("two of one name are told apart by their folders, or by names that are given", async () => {
  const files = [write("one/a.jsonl", [ROW]), write("two/a.jsonl", [ROW])];
  expect(await read(files)).toEqual(["one/a", "two/a"]);
  expect(await read([files[0]!, files[0]!])).toEqual(["a (1)", "a (2)"]);
  expect(await read(files, ["x", "y"])).toEqual(["x", "y"]);
  await expect(read(files, ["x"])).rejects.toMatchObject({ code: "usage" });
  expect(await read(["runs/model-of-nobody", files[0]!])).toEqual(["model-of-nobody", "a"]);
});

test("a name stands in one line, whatever a file calls the model", async () => {
  const file = write("broken.jsonl", [{ ...ROW, model: "gpt\n4\t(new)" }]);
  expect(await read([file])).toEqual(["gpt 4 (new)"]);
  expect(await read([file], ["my\nmodel"])).toEqual(["my model"]);
});

test("runs say which world they are of, and whom they were trained to please", () => {
  const run = (name: string, config: object): string => {
    const place = join(folder, name);
    const created = Run.create(place, {
      command: "ppo",
      seed: 7,
      config: { given: config, effective: config },
      dataHash: "d",
      modelFingerprint: "m",
    });
    created.finish("completed");
    return place;
  };
  const source = (model: string) => ({ kind: "model" as const, name: "m", model });
  const own = run("own", { reward: [join(folder, "my-reward"), "./reward.ts"] });
  const village = run("village/ppo", { data: "the built-in world", reward: ["reward model"] });
  expect(isOptimised(join(folder, "my-reward"), [source(own)])).toBe(true);
  expect(isOptimised("./reward.ts", [source(own)])).toBe(true);
  expect(isOptimised(join(folder, "other-reward"), [source(own)])).toBe(false);
  expect(isOptimised(join(folder, "village", "reward"), [source(village)])).toBe(true);
  expect(isOptimised(join(folder, "village", "held-out-reward"), [source(village)])).toBe(false);
  expect([worldSeedOf([source(own)]), worldSeedOf([source(village)])]).toEqual([1, 7]);
});

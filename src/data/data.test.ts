import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { assert, asyncProperty, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import { sharedData } from "../../tests/support/shared.ts";
import { AttuneError } from "../core/errors.ts";
import { loadDataset, promptKey, recordsAs, splitRecords } from "./dataset.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-data-"));
function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
const rows = (...values: unknown[]): string => values.map((value) => JSON.stringify(value)).join("\n");

async function refusal(path: string): Promise<string> {
  const error = await loadDataset(path).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(AttuneError);
  expect((error as AttuneError).exitCode).toBe(2);
  return (error as AttuneError).message.replaceAll(folder, "");
}

test("the formats of preference pairs give the same record", async () => {
  const user = { role: "user", content: "Hi" };
  const answer = (content: string) => [{ role: "assistant", content }];
  const files = [
    write("trl.jsonl", rows({ prompt: [user], chosen: answer("A"), rejected: answer("B") })),
    write("implicit.jsonl", rows({ chosen: [user, ...answer("A")], rejected: [user, ...answer("B")] })),
    write("openai.jsonl", rows({ input: { messages: [user] }, preferred_output: answer("A"), non_preferred_output: answer("B") })),
    write("sharegpt.json", JSON.stringify([{ conversations: [{ from: "human", value: "Hi" }], chosen: { from: "gpt", value: "A" }, rejected: { from: "gpt", value: "B" } }])),
    write("hh.jsonl.gz", gzipSync(rows({ chosen: "\n\nHuman: Hi\n\nAssistant: A", rejected: "\n\nHuman: Hi\n\nAssistant: B" }))),
  ];
  for (const file of files) {
    const { records } = await loadDataset(file);
    expect(records).toEqual([{ kind: "preference", prompt: [user], chosen: answer("A"), rejected: answer("B"), p: 1, place: { file, row: 1 } }]);
  }
});

describe("bad input names its place", () => {
  test.each([
    ["broken.jsonl", '{"prompt": "a", "completion": "b"}\n{"prompt": ', /^\/broken\.jsonl:2: the row is not valid JSON: column 12\n {2}got: /],
    ["bytes.jsonl", Buffer.from([123, 34, 0xff, 34, 125]), /^\/bytes\.jsonl:1: the text is not valid UTF-8/],
    ["column.jsonl", rows({ prompt: "a", completon: "b" }), /^\/column\.jsonl:1: the format trl has no column completon\n[^]*did you mean completion\?/],
    ["empty.jsonl", rows({ prompt: "a", chosen: "b", rejected: " " }), /^\/empty\.jsonl:1: the rejected completion is empty\n {2}got: 1 bad row of 1\n[^]*try: .*--on-bad drop/],
    ["same.jsonl", rows({ prompt: "a", chosen: "b", rejected: "b" }), /^\/same\.jsonl:1: chosen and rejected are identical/],
    ["noprompt.jsonl", rows({ chosen: "b", rejected: "c" }), /^\/noprompt\.jsonl:1: there is no prompt, and chosen and rejected have no beginning in common\n[^]*try: add a column prompt/],
    ["role.jsonl", rows({ messages: [{ role: "boss", content: "x" }] }), /^\/role\.jsonl:1: the column messages holds something that is no message/],
    ["label.jsonl", rows({ prompt: "a", completion: "b", label: "yes" }), /^\/label\.jsonl:1: the column label is no truth value\n {2}got: "yes"/],
    ["p.jsonl", rows({ prompt: "a", chosen: "b", rejected: "c", p: 1.5 }), /^\/p\.jsonl:1: the column p is out of range\n {2}got: 1\.5\n {2}expected: a number from 0 to 1/],
    ["none.jsonl", "", /^\/none\.jsonl: the data set is empty/],
  ])("%s", async (name, content, expected) => {
    expect(await refusal(write(name, content))).toMatch(expected);
  });

  test("dropping is counted", async () => {
    const path = write("drop.jsonl", rows({ prompt: "a", chosen: "b", rejected: "b" }, { prompt: "a", chosen: "b", rejected: "c" }));
    const { records, dropped } = await loadDataset(path, { onBad: "drop" });
    expect(records).toHaveLength(1);
    expect(dropped).toEqual({ "chosen and rejected are identical": 1 });
  });

  test("any bytes give records or an AttuneError", async () => {
    await assert(
      asyncProperty(uint8Array({ maxLength: 60 }), async (bytes) => {
        const path = write("fuzz.jsonl", bytes);
        await loadDataset(path).catch((error: unknown) => expect(error).toBeInstanceOf(AttuneError));
      }),
      { numRuns: 300 },
    );
  });
});

test("no prompt is in both splits", () => {
  const records = Array.from({ length: 60 }, (_, i) => ({ kind: "demonstration" as const, prompt: `p${i % 20}`, completion: `c${i}`, place: {} }));
  const { train, heldOut } = splitRecords(records, 0.2, 1);
  expect(heldOut).toHaveLength(12);
  expect(train).toHaveLength(48);
  const keys = new Set(train.map(promptKey));
  expect(heldOut.some((record) => keys.has(promptKey(record)))).toBe(false);
});

const hh = sharedData("hh-rlhf-harmless.jsonl.gz");
test.runIf(hh)("Anthropic's harmless pairs load", async () => {
  const dataset = await loadDataset(hh!);
  expect(dataset.format).toBe("anthropic-hh");
  const left = Object.values(dataset.dropped).reduce((total, count) => total + count, 0);
  expect(dataset.records.length + left).toBe(1811);
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(19);
  expect(recordsAs(dataset, "unpaired")).toHaveLength(2 * dataset.records.length);
});

test.each(["llama-factory-dpo_en_demo.json.gz", "llama-factory-kto_en_demo.json.gz", "llama-factory-alpaca_en_demo.json.gz"])("%s loads", async (name) => {
  const path = sharedData(name);
  if (!path) return;
  expect((await loadDataset(path, { onBad: "drop" })).records.length).toBeGreaterThan(290);
});

/**
 * Tasks in lm-evaluation-harness's YAML on a tiny model, held against what the real lm_eval found
 * with transformers on the same (golden/lm-eval.json, which `npm run test:harnesses` writes where
 * ATTUNE_WRITE_GOLDEN is set, and compares with the package otherwise).
 */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AnswerCache } from "../../constitution/answer-cache.ts";
import { createEncoder } from "../../text/encoder.ts";
import { CONTEXT, tinyModel } from "../../../tests/harnesses/tiny-model.ts";
import type { ContinuationScore, Subject, SubjectAnswer } from "../subject.ts";
import { LocalSubject } from "../subjects/local-subject.ts";
import type { TaskResult } from "./run-task.ts";
import { prepareTask, runTask } from "./run-task.ts";
import { readTaskFiles } from "./task-file.ts";

const TASKS = join(import.meta.dirname, "..", "..", "..", "tests", "harnesses", "tasks");
const OPTIONS = { limit: 0, fewshotSeed: 1234, seed: 0 };

interface Golden {
  results: Record<string, Record<string, number>>;
  samples: Record<
    string,
    {
      doc_id: number;
      filter: string;
      filtered_resps: (string | number | [number, boolean])[];
      prompt_hash: string;
      arguments?: [string, string][];
    }[]
  >;
}
const golden = JSON.parse(
  readFileSync(new URL("golden/lm-eval.json", import.meta.url), "utf8"),
) as Golden;

function tinySubject(): Subject {
  const { model, tokenizer } = tinyModel();
  return new LocalSubject({
    name: "tiny",
    model,
    encoder: createEncoder(tokenizer, { maxLength: CONTEXT, template: "none" }),
    fingerprint: "tiny",
    cache: AnswerCache.inMemory(),
    batchSize: 8,
    contextLength: CONTEXT,
  });
}

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

async function run(file: string): Promise<TaskResult> {
  const { tasks } = readTaskFiles([join(TASKS, file)]);
  const subject = tinySubject();
  try {
    return await runTask(await prepareTask(tasks[0]!, OPTIONS), subject, { seed: 0 });
  } finally {
    await subject.close();
  }
}

const FILES = readdirSync(TASKS).filter((name) => name.endsWith(".yaml") && name !== "group.yaml");

describe.each(FILES)("%s", (file) => {
  test("asks what lm_eval asks, and finds what it finds", async () => {
    const { prepared, documents, metrics, left } = await run(file);
    const name = prepared.task.fields.task;
    expect(left).toEqual([]);
    for (const { doc_id, filter, filtered_resps, prompt_hash, arguments: given } of golden.samples[
      name
    ]!) {
      const { asked, filtered } = documents[doc_id]!;
      const [request] = asked.requests;
      const prompt = request!.kind === "text" ? request!.text : request!.prompt;
      if (given) expect(prompt).toBe(given[0]![0]);
      expect(hash(prompt), `prompt of document ${doc_id}`).toBe(prompt_hash);
      filtered_resps.forEach((expected, index) => {
        const reply = filtered[filter]![index] as string | ContinuationScore | SubjectAnswer;
        if (typeof expected === "string") return expect(reply).toBe(expected);
        const { logProbability, greedy } = reply as ContinuationScore;
        const [logp, isGreedy] = Array.isArray(expected) ? expected : [expected, undefined];
        expect(Math.abs(logProbability - logp)).toBeLessThan(1e-4 * Math.max(10, Math.abs(logp)));
        if (isGreedy !== undefined) expect(greedy).toBe(isGreedy);
      });
    }
    const found = Object.fromEntries(
      metrics.map(({ metric, filter, value }) => [`${metric},${filter}`, value.estimate]),
    );
    const expected = golden.results[name]!;
    expect(Object.keys(found).toSorted()).toEqual(Object.keys(expected).toSorted());
    for (const [key, value] of Object.entries(expected))
      expect(Math.abs(found[key]! - value) / Math.max(1, Math.abs(value)), key).toBeLessThan(1e-3);
  });
});

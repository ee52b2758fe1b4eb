/**
 * The real lm_eval against `attune serve`, beside its own Hugging Face backend on the same model.
 * Part of `npm run test:harnesses`.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WANTED, findPython, isolated, runProgram } from "./python.ts";
import type { Served } from "./serving.ts";
import { serve } from "./serving.ts";
import { CONTEXT, writeTinyModel } from "./tiny-model.ts";

const python = WANTED ? findPython() : undefined;
const TASKS = join(import.meta.dirname, "tasks");
const FILES = readdirSync(TASKS).filter(
  (name) => name.endsWith(".yaml") && !readFileSync(join(TASKS, name), "utf8").includes("group:"),
);

interface Found {
  results: Record<string, Record<string, number | string>>;
  samples: Record<
    string,
    {
      filter: string;
      filtered_resps: unknown[];
      doc_id: number;
      prompt_hash: string;
      arguments?: unknown;
    }[]
  >;
}

const GOLDEN = join(
  import.meta.dirname,
  ..."../../src/evaluation/tasks/golden/lm-eval.json".split("/"),
);
const root = mkdtempSync(join(tmpdir(), "attune-harnesses-"));
const model = join(root, "model");
let served: Served;

async function lmEval(name: string, request: object): Promise<Found> {
  const [asked, out] = [join(root, `${name}.json`), join(root, `${name}-found.json`)];
  writeFileSync(asked, JSON.stringify({ batch_size: 1, tasks: FILES, ...request }));
  await runProgram(python!, [join(import.meta.dirname, "run_lm_eval.py"), asked, out], {
    cwd: TASKS,
    env: isolated(root),
  });
  return JSON.parse(readFileSync(out, "utf8")) as Found;
}

/** Every number of every task, by task, metric and filter. */
const scoresOf = ({ results }: Found): Record<string, number> =>
  Object.fromEntries(
    Object.entries(results).flatMap(([task, found]) =>
      Object.entries(found).flatMap(([metric, value]) =>
        metric.includes(",") && !metric.includes("_stderr") && typeof value === "number"
          ? [[`${task} ${metric}`, value]]
          : [],
      ),
    ),
  );

function expectEqual(found: Found, reference: Found): void {
  const [scores, expected] = [scoresOf(found), scoresOf(reference)];
  expect(Object.keys(scores)).toEqual(Object.keys(expected));
  for (const [name, value] of Object.entries(expected))
    expect(Math.abs(scores[name]! - value) / Math.max(1, Math.abs(value)), name).toBeLessThan(1e-3);
}

/** Numbers of each answer are compared by value, and texts to the letter. */
function expectEqualAnswers(found: Found, reference: Found): void {
  for (const [task, samples] of Object.entries(reference.samples))
    samples.forEach(({ filter, doc_id, filtered_resps: expected }, at) => {
      const own = found.samples[task]![at]!;
      expect([own.filter, own.doc_id]).toEqual([filter, doc_id]);
      const numbers = (value: unknown): number[] =>
        [value].flat(3).filter((each): each is number => typeof each === "number");
      const others = (value: unknown): unknown[] =>
        [value].flat(3).filter((each) => typeof each !== "number");
      expect(others(own.filtered_resps), `${task} ${doc_id}`).toEqual(others(expected));
      numbers(expected).forEach((value, index) =>
        expect(Math.abs(numbers(own.filtered_resps)[index]! - value)).toBeLessThan(
          1e-4 * Math.max(10, Math.abs(value)),
        ),
      );
    });
}

/** What src/evaluation/tasks/lm-eval.test.ts reads. */
function writeGolden({ results, samples, versions }: Found & { versions?: object }): void {
  const of = <T, U>(all: Record<string, T>, map: (each: T) => U): Record<string, U> =>
    Object.fromEntries(Object.entries(all).map(([name, each]) => [name, map(each)]));
  const kept = {
    versions,
    results: of(results, (found) =>
      Object.fromEntries(
        Object.entries(found).filter(([key]) => key.includes(",") && !key.includes("_stderr")),
      ),
    ),
    samples: of(samples, (list) =>
      list.map(({ doc_id, filter, filtered_resps, prompt_hash, arguments: given }) => ({
        doc_id,
        filter,
        filtered_resps,
        prompt_hash,
        ...(doc_id === 0 ? { arguments: given } : {}),
      })),
    ),
  };
  writeFileSync(GOLDEN, `${JSON.stringify(kept, null, 1)}\n`);
}

beforeAll(async () => {
  if (python === undefined) return;
  await writeTinyModel(model);
  served = await serve(model);
});
afterAll(async () => {
  await served?.close();
  rmSync(root, { recursive: true, force: true });
});

describe.skipIf(python === undefined)("lm_eval", () => {
  let reference: Found;
  const endpoint = (path: string, more: object = {}): object => ({
    model: "tiny",
    base_url: `${served.url}/${path}`,
    tokenizer: model,
    tokenizer_backend: "huggingface",
    max_length: CONTEXT,
    ...more,
  });

  beforeAll(async () => {
    reference = await lmEval("hf", {
      model: "hf",
      // of a window the endpoint is sent a token before it and the last one, and generates one
      model_args: { pretrained: model, dtype: "float32", max_length: CONTEXT - 2 },
    });
    // tasks on which nothing is right would compare nothing
    for (const [name, score] of Object.entries(scoresOf(reference)))
      if (/acc|exact_match,(first|flexible)/.test(name) && !name.includes("last_words"))
        expect(score, name).toBeGreaterThan(0);
  });

  test("local-completions has the scores of its own backend, one request at a time", async () => {
    const found = await lmEval("completions", {
      model: "local-completions",
      model_args: endpoint("completions"),
    });
    expectEqualAnswers(found, reference);
    expectEqual(found, reference);
  });

  test("and many at a time, several prompts in each", async () => {
    const found = await lmEval("concurrent", {
      model: "local-completions",
      model_args: endpoint("completions", { num_concurrent: 8 }),
      batch_size: 5,
    });
    expectEqualAnswers(found, reference);
    expectEqual(found, reference);
  });

  test("and as texts, which the server encodes", async () => {
    // a window of a longer text begins with a control token or within a character: ids alone say so
    const tasks = FILES.filter((name) => name !== "texts.yaml" && name !== "last-words.yaml");
    const found = await lmEval("texts", {
      tasks,
      model: "local-completions",
      model_args: endpoint("completions", { tokenized_requests: false, num_concurrent: 4 }),
    });
    const names = Object.keys(found.samples);
    const kept = (all: object): never =>
      Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name))) as never;
    const expected = { results: kept(reference.results), samples: kept(reference.samples) };
    expect(names).toHaveLength(tasks.length);
    expectEqualAnswers(found, expected);
    expectEqual(found, expected);
  });

  test("what attune eval tasks is held against is what the package finds", async () => {
    const found = await lmEval("golden", {
      model: "hf",
      model_args: { pretrained: model, dtype: "float32" },
    });
    if (process.env["ATTUNE_WRITE_GOLDEN"]) writeGolden(found);
    const kept = JSON.parse(readFileSync(GOLDEN, "utf8")) as Found;
    expectEqual(found, { ...kept, samples: {} });
    expectEqualAnswers(found, kept);
  });

  test("local-chat-completions writes what its own backend writes", async () => {
    const chat = {
      tasks: ["letters.yaml", "sums.yaml"],
      apply_chat_template: true,
      fewshot_as_multiturn: true,
    };
    const expected = await lmEval("chat-hf", {
      ...chat,
      model: "hf",
      model_args: { pretrained: model, dtype: "float32" },
    });
    const found = await lmEval("chat", {
      ...chat,
      model: "local-chat-completions",
      model_args: {
        model: "tiny",
        base_url: `${served.url}/chat/completions`,
        eos_string: "<end>",
        num_concurrent: 4,
      },
    });
    expectEqualAnswers(found, expected);
    expectEqual(found, expected);
  });
});

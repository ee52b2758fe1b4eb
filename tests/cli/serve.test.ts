/**
 * `attune serve` as a user starts it: a process that says where it listens, serves a model and an
 * adapter over it, and ends at Ctrl-C.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { OpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Random } from "../../src/core/random.ts";
import { float32 } from "../../src/core/tensor.ts";
import { createAdapter } from "../../src/models/adapter.ts";
import { openModel } from "../../src/models/open.ts";
import { saveTrained } from "../../src/models/save.ts";
import { GREEDY, generate } from "../../src/sampling/generate.ts";
import { createEncoder } from "../../src/text/encoder.ts";
import { withTemplate } from "../../src/text/templates.ts";
import { byteTokenizer } from "../../src/text/testing.ts";
import { type Compiled, compileSources } from "../support/compiled.ts";
import { attune, saveTinyModel } from "./support.ts";

const TOKEN = "token-0123456789abcdef";
const parent = mkdtempSync(join(tmpdir(), "attune-serve-"));
const path = (...names: string[]): string => join(parent, ...names);
let compiled: Compiled;

beforeAll(async () => {
  compiled = compileSources();
  await saveTinyModel(path("model"), byteTokenizer().files as never);
  await saveTinyModel(path("stranger"), byteTokenizer().files as never);
  for (const [name, base] of [
    ["polite", "model"],
    ["foreign", "stranger"],
  ] as const) {
    const { model, tokenizer } = await openModel(path(base));
    model.adapter = createAdapter(
      model.family,
      model.config,
      {
        rank: 2,
        alpha: 4,
        rsLora: false,
        targets: Object.keys(model.family.projections(model.config)),
      },
      1,
    );
    for (const [weight, { data }] of model.adapter.weights)
      if (weight.includes("lora_B")) Random.for(5, weight).fillNormal(data, 0.5);
    await saveTrained(model, { tokenizer }, path(name));
    if (name === "foreign") continue;
    await saveTrained(
      model,
      { tokenizer: withTemplate(tokenizer, "plain") },
      path("other-template"),
    );
    await saveTrained(
      { ...model, scoreHead: float32([1, 32], new Float32Array(32)) },
      { tokenizer },
      path("reward"),
    );
  }
  writeFileSync(path("token"), `${TOKEN}\n`);
});
afterAll(() => {
  compiled.remove();
  rmSync(parent, { recursive: true, force: true });
});

const messages = [{ role: "user" as const, content: "Good morning" }];

/** What the library says of a saved model. */
async function reference(name: string): Promise<string> {
  const { model, tokenizer } = await openModel(path(name));
  const encoder = createEncoder(tokenizer, { maxLength: model.config.maxPositions });
  const [answer] = await generate(model, encoder, [encoder.encodePrompt(messages)], {
    ...GREEDY,
    maxNewTokens: 12,
  });
  return answer!.text;
}

test("serves a model and its adapter until Ctrl-C", async () => {
  const child = spawn(
    process.execPath,
    [
      compiled.module("cli/main"),
      "serve",
      "--json",
      "--model",
      path("model"),
      "--adapter",
      `polite=${path("polite")}`,
      "--port",
      "0",
      "--token-file",
      path("token"),
      "--slots",
      "4",
      "--log-requests",
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const closed = once(child, "close") as Promise<[number | null]>;
  const lines: Record<string, unknown>[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(JSON.parse(line) as Record<string, unknown>);
      if (lines.at(-1)!["type"] === "result") resolve(lines.at(-1)!["url"] as string);
    });
    void closed.then(([status]) => reject(new Error(`ended with ${status}`)));
  });
  try {
    expect(lines.at(-1)).toMatchObject({ models: ["model", "polite"] });
    const client = new OpenAI({ baseURL: url, apiKey: TOKEN, maxRetries: 0 });
    const ask = async (model: string) =>
      (await client.chat.completions.create({ model, messages, temperature: 0, max_tokens: 12 }))
        .choices[0]!.message.content;
    const answers = await Promise.all([ask("model"), ask("polite")]);
    expect(answers).toEqual([await reference("model"), await reference("polite")]);
    expect(answers[0]).not.toBe(answers[1]);
    await expect(
      new OpenAI({ baseURL: url, apiKey: "none", maxRetries: 0 }).models.list(),
    ).rejects.toThrow(/401/);
  } finally {
    child.kill("SIGINT");
  }
  expect((await closed)[0]).toBe(0);
  const notes = lines.flatMap(({ type, message }) => (type === "note" ? [message as string] : []));
  expect(notes).toContainEqual(
    expect.stringMatching(/^4 answers at once of up to 256 tokens; caches take up to .* GB/),
  );
  expect(notes).toContainEqual(expect.stringMatching(/^POST \/v1\/chat\/completions 200 \d+ ms$/));
  expect(notes).toContain(
    "stopping: no request is taken any more, and answers that are being written end here; Ctrl-C " +
      "again ends at once",
  );
  expect(JSON.stringify(lines)).not.toMatch(/Good morning|token-0123/);
});

describe("what cannot be served is refused before anything listens", () => {
  test.each<[string, string[], RegExp]>([
    [
      "an open server without a token",
      ["--host", "0.0.0.0"],
      /needs a token[^]*--host 0\.0\.0\.0[^]*ATTUNE_SERVE_TOKEN/,
    ],
    ["a token file that is not there", ["--token-file", path("nothing")], /token cannot be read/],
    ["an adapter without a name", ["--adapter", path("polite")], /NAME=FOLDER/],
    [
      "two models of one name",
      ["--adapter", `model=${path("polite")}`],
      /two models have one name/,
    ],
    ["an adapter of another base", ["--adapter", `x=${path("foreign")}`], /over another model/],
    ["a model in an adapter's place", ["--adapter", `x=${path("stranger")}`], /this is no adapter/],
    [
      "an adapter that was trained with another template",
      ["--adapter", `x=${path("other-template")}`],
      /trained with another chat template[^]*--template FILE/,
    ],
    [
      "a reward model",
      ["--adapter", `x=${path("reward")}`],
      /this is a reward model: it scores answers and writes none/,
    ],
    [
      "a template that is not there",
      ["--template", "chatmll"],
      /there is no such chat template[^]*did you mean chatml/,
    ],
    ["an unknown option", ["--slot", "3"], /did you mean --slots/i],
    ["a port that is none", ["--port", "70000"], /port/],
  ])("%s", async (_name, more, says) => {
    const { status, err } = await attune("serve", "--model", path("model"), ...more);
    expect([status, err]).toEqual([2, expect.stringMatching(says)]);
  });

  test("a token that is too short, from the environment", async () => {
    vi.stubEnv("ATTUNE_SERVE_TOKEN", "secret");
    const { status, err } = await attune("serve", "--model", path("model"));
    vi.unstubAllEnvs();
    expect([status, err]).toEqual([2, expect.stringMatching(/easy to guess/)]);
    expect(err).not.toContain("secret");
  });
});

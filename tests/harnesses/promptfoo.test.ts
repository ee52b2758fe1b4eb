/** The real promptfoo against `attune serve`. Part of `npm run test:harnesses`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { findPromptfoo } from "./promptfoo.ts";
import { WANTED, runProgram } from "./python.ts";
import type { Served } from "./serving.ts";
import { serve } from "./serving.ts";
import { writeTinyModel } from "./tiny-model.ts";

const program = WANTED ? findPromptfoo() : undefined;
const root = mkdtempSync(join(tmpdir(), "attune-promptfoo-"));
let served: Served;

const WORDS = ["apple", "bread", "cloud", "drum", "engine", "flute", "garden", "hammer"];
const LENGTH = 8;
/** What an answer must hold; some do, and some do not. */
const WANTED_LETTERS = "ethan";

interface Outcome {
  results: {
    stats: { successes: number; failures: number; errors: number };
    results: { vars: { word: string }; success: boolean; response: { output: string } }[];
  };
}

beforeAll(async () => {
  if (program === undefined) return;
  await writeTinyModel(join(root, "model"));
  served = await serve(join(root, "model"));
});
afterAll(async () => {
  await served?.close();
  rmSync(root, { recursive: true, force: true });
});

async function evaluate(provider: string): Promise<Outcome["results"]> {
  const [config, out] = [join(root, "promptfooconfig.yaml"), join(root, "out.json")];
  writeFileSync(
    config,
    stringify({
      prompts: ["Spell {{word}}:"],
      providers: [
        {
          id: provider,
          config: {
            apiBaseUrl: served.url,
            apiKey: "none",
            max_tokens: LENGTH,
            temperature: 0,
            passthrough: { seed: 1 },
          },
        },
      ],
      tests: WORDS.map((word, index) => ({
        vars: { word },
        assert: [{ type: "icontains", value: WANTED_LETTERS[index % WANTED_LETTERS.length] }],
      })),
    }),
  );
  // a failed assertion is no failure of the command here
  await runProgram(
    process.execPath,
    [program!, "eval", "-c", config, "-o", out, "--no-cache", "--no-progress-bar", "--no-table"],
    {
      cwd: root,
      env: {
        PATH: process.env["PATH"],
        HOME: root,
        PROMPTFOO_CONFIG_DIR: join(root, "promptfoo"),
        PROMPTFOO_DISABLE_TELEMETRY: "1",
        PROMPTFOO_DISABLE_UPDATE: "1",
        PROMPTFOO_DISABLE_REMOTE_GENERATION: "1",
        PROMPTFOO_FAILED_TEST_EXIT_CODE: "0",
      },
    },
  );
  return (JSON.parse(readFileSync(out, "utf8")) as Outcome).results;
}

describe.skipIf(program === undefined)("promptfoo", () => {
  test.each([
    ["openai:chat:tiny", "chat"],
    ["openai:completion:tiny", "text"],
  ])("%s passes exactly the assertions that our own answers satisfy", async (provider, kind) => {
    const client = new OpenAI({ baseURL: served.url, apiKey: "none", maxRetries: 0 });
    const drawing = { model: "tiny", max_tokens: LENGTH, temperature: 0 };
    const own = await Promise.all(
      WORDS.map(async (word) =>
        kind === "chat"
          ? (
              await client.chat.completions.create({
                ...drawing,
                messages: [{ role: "user", content: `Spell ${word}:` }],
              })
            ).choices[0]!.message.content!
          : (await client.completions.create({ ...drawing, prompt: `Spell ${word}:` })).choices[0]!
              .text,
      ),
    );
    const passes = own.map((text, index) =>
      text.toLowerCase().includes(WANTED_LETTERS[index % WANTED_LETTERS.length]!),
    );
    const { stats, results } = await evaluate(provider);
    const passed = passes.filter(Boolean).length;
    expect(passed).toBeGreaterThan(0);
    expect(passed).toBeLessThan(WORDS.length);
    expect(stats).toMatchObject({ successes: passed, failures: WORDS.length - passed, errors: 0 });
    for (const { vars, success } of results)
      expect(success, vars.word).toBe(passes[WORDS.indexOf(vars.word)]);
  });
});

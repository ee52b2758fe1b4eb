/** The real Inspect AI against `attune serve`. Part of `npm run test:harnesses`. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WANTED, findPython, isolated, runProgram } from "./python.ts";
import type { Served } from "./serving.ts";
import { serve } from "./serving.ts";
import { writeTinyModel } from "./tiny-model.ts";

const python = WANTED ? findPython() : undefined;
const root = mkdtempSync(join(tmpdir(), "attune-inspect-"));
/** Kept where it is named, as an example of a log. */
const logs = process.env["ATTUNE_INSPECT_LOGS"] || join(root, "logs");
let served: Served;

const WORDS = ["apple", "bread", "cloud", "drum", "engine", "flute", "garden", "hammer"];
const WANTED_LETTERS = "ethan";
const SAMPLES = WORDS.map((word, index) => ({
  input: `Spell ${word}:`,
  target: WANTED_LETTERS[index % WANTED_LETTERS.length]!,
}));

interface Log {
  status: string;
  samples: {
    input: string;
    target: string;
    output: { completion: string };
    scores: Record<string, { value: string }>;
  }[];
}

beforeAll(async () => {
  if (python === undefined) return;
  await writeTinyModel(join(root, "model"));
  served = await serve(join(root, "model"));
});
afterAll(async () => {
  await served?.close();
  rmSync(root, { recursive: true, force: true });
});

describe.skipIf(python === undefined)("Inspect AI", () => {
  test.each(["json", "eval"])(
    "scores what our own answers score, and writes a .%s log",
    async (format) => {
      const client = new OpenAI({ baseURL: served.url, apiKey: "none", maxRetries: 0 });
      const own = await Promise.all(
        SAMPLES.map(
          async ({ input }) =>
            (
              await client.chat.completions.create({
                model: "tiny",
                max_tokens: 8,
                temperature: 0,
                messages: [{ role: "user", content: input }],
              })
            ).choices[0]!.message.content!,
        ),
      );
      const right = SAMPLES.map(({ target }, index) => own[index]!.toLowerCase().includes(target));
      const share = right.filter(Boolean).length / SAMPLES.length;
      expect(share).toBeGreaterThan(0);
      expect(share).toBeLessThan(1);

      const samples = join(root, "samples.jsonl");
      writeFileSync(samples, SAMPLES.map((each) => `${JSON.stringify(each)}\n`).join(""));
      mkdirSync(logs, { recursive: true });
      const said = await runProgram(
        python!,
        [join(import.meta.dirname, "run_inspect.py"), samples, logs, format],
        {
          cwd: root,
          env: { ...isolated(root), ATTUNE_BASE_URL: served.url, ATTUNE_API_KEY: "none" },
        },
      );
      expect(Math.abs(Number(/accuracy ([\d.]+)/.exec(said)?.[1]) - share)).toBeLessThan(1e-3);

      const [written] = readdirSync(logs).filter((name) => name.endsWith(`.${format}`));
      if (format !== "json") return expect(written).toBeDefined();
      const log = JSON.parse(readFileSync(join(logs, written!), "utf8")) as Log;
      expect(log.status).toBe("success");
      log.samples.forEach(({ output, scores }, index) => {
        expect(output.completion).toBe(own[index]);
        expect(Object.values(scores)[0]!.value).toBe(right[index] ? "C" : "I");
      });
    },
  );
});

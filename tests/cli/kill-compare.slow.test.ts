/**
 * A comparison that is killed goes on: nothing is asked twice, and the verdict is that of one that
 * nobody disturbed.
 * @module-tag dear
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { worldTokenizer } from "../../src/world/tokenizer.ts";
import { type Compiled, compileSources } from "../support/compiled.ts";
import { saveTinyModel } from "./support.ts";

let compiled: Compiled;
let parent: string;
const PROMPTS = Array.from({ length: 30 }, (_, i) => `Who lives at ${i} and why?`);

beforeAll(async () => {
  compiled = compileSources();
  parent = mkdtempSync(join(tmpdir(), "attune-kill-compare-"));
  for (const [name, size] of [
    ["old", 32],
    ["new", 48],
  ] as const)
    await saveTinyModel(join(parent, name), worldTokenizer(PROMPTS), {
      hidden_size: size,
      num_attention_heads: size / 16,
    });
  writeFileSync(
    join(parent, "prompts.jsonl"),
    PROMPTS.map((prompt) => `${JSON.stringify({ prompt })}\n`).join(""),
  );
  // slow enough to be killed while it judges
  writeFileSync(
    join(parent, "judge.ts"),
    "export async function score({ completion }: { completion: string }): Promise<number> {\n" +
      "  await new Promise((done) => setTimeout(done, 150));\n" +
      "  return completion.length;\n}\n",
  );
});
afterAll(() => {
  rmSync(parent, { recursive: true, force: true });
  compiled.remove();
});

const COMPARE = [
  "compare",
  "old",
  "new",
  "--data",
  "prompts.jsonl",
  "--judge",
  "./judge.ts",
  "--max-new-tokens",
  "8",
  "--template",
  "none",
  "--probes",
  "4",
];

function begin(argv: readonly string[]): { ended: Promise<number | null>; kill: () => void } {
  const child = spawn(process.execPath, [compiled.module("cli/main"), ...argv], {
    cwd: parent,
    stdio: "ignore",
  });
  return {
    ended: new Promise((done) => child.once("exit", (code) => done(code))),
    kill: () => child.kill("SIGKILL"),
  };
}

const kept = (run: string): string[] => {
  const file = join(parent, run, "answers.jsonl");
  if (!existsSync(file)) return [];
  const whole = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return whole.map((line) => (JSON.parse(line) as { key: string }).key);
};

test("killed while models answer and while the judge judges, it ends as if nothing had been", async () => {
  expect(await begin([...COMPARE, "--out", "whole"]).ended).toBe(0);
  let run = begin([...COMPARE, "--out", "killed"]);
  for (const answers of [10, 70]) {
    while (kept("killed").length < answers) await sleep(5);
    run.kill();
    expect(await run.ended).toBeNull();
    run = begin(["resume", "killed"]);
  }
  expect(await run.ended).toBe(0);
  const keys = kept("killed");
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.toSorted()).toEqual(kept("whole").toSorted());
  const [killed, whole] = ["killed", "whole"].map((name) =>
    readFileSync(join(parent, name, "comparison.json"), "utf8"),
  );
  expect(killed).toBe(whole);
});

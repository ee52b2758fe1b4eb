import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import type { Findings } from "../../evaluation/findings.ts";
import { Run } from "../../runs/run.ts";
import { runProgram } from "../program.ts";
import { fakeIo } from "../testing.ts";

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "attune-hacked-"));
  const config = { model: "base", guardWindow: 4, guardShare: 0.5 };
  const run = Run.create(at("ppo"), {
    command: "ppo",
    seed: 1,
    dataHash: "d",
    modelFingerprint: "m",
    config: { given: config, effective: config },
  });
  const random = Random.for(1, "run");
  for (let step = 1; step <= 40; step++)
    run.metrics(step, {
      "objective/kl": 0.02 * step,
      "objective/scores": 0.03 * step + 0.05 * random.normal(),
      "objective/held_out_scores": 0.1 * random.normal(),
      "guard/unconfirmed": -6 + random.normal(),
    });
  run.finish("completed");
  const levels = [0.5, 0.7, 0.6, 0.4];
  const own = Array.from({ length: 60 }, () => 0.05 * random.normal());
  writeFileSync(
    at("gold.jsonl"),
    levels
      .map((level, i) => {
        const values = own.map((value) => level + value + 0.02 * random.normal());
        return `${JSON.stringify({ step: Math.round((40 * i) / 3), values })}\n`;
      })
      .join(""),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

async function evaluate(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  const io = fakeIo();
  const status = await runProgram(["eval", "over-optimisation", ...argv], io);
  return { status, out: io.stdout.text, err: io.stderr.text };
}

test("a run with gold is called hacked, with its peak, and --fail-on hacked ends with 1", async () => {
  const given = ["--run", at("ppo"), "--gold", at("gold.jsonl"), "--data", "none"];
  const { status, out } = await evaluate(...given, "--fail-on", "hacked", "--out", at("eval"));
  expect(status).toBe(1);
  expect(out).toContain("Verdict: hacked");
  const found = JSON.parse(readFileSync(join(at("eval"), "findings.json"), "utf8")) as Findings;
  expect(found.findings.map(({ id }) => id)).toEqual([
    "over-optimisation-hacked",
    "over-optimisation-stop",
    "over-optimisation-law",
  ]);
  expect(found.warnings.join(" ")).toContain("taken as independent");
  expect(existsSync(join(at("eval"), "findings.html"))).toBe(true);
});

test("without gold the held-out reward is asked", async () => {
  const { status, out } = await evaluate("--run", at("ppo"), "--data", "none", "--out", at("bare"));
  expect(status).toBe(0);
  expect(out).toContain("Verdict: hacked");
  expect(out).not.toContain("gold fell");
});

test("says what is wrong with the run and with gold", async () => {
  expect((await evaluate("--run", at("none"))).status).toBe(2);
  writeFileSync(at("bad.jsonl"), '{"step": 1, "values": [1, null]}\n');
  const bad = await evaluate("--run", at("ppo"), "--gold", at("bad.jsonl"), "--data", "none");
  expect(bad.err).toContain("bad.jsonl:1: this is no look of gold");
  writeFileSync(at("odd.jsonl"), '{"step": 1, "values": [1, 0]}\n{"step": 2, "values": [1]}\n');
  const odd = await evaluate("--run", at("ppo"), "--gold", at("odd.jsonl"), "--data", "none");
  expect(odd.err).toContain("2 values at step 1, 1 at step 2");
});

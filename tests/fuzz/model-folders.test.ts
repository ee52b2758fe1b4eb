/**
 * Opening hostile model folders: each is read or refused with an AttuneError, in bounded memory, by
 * a process of its own. ATTUNE_FUZZ_FOLDERS says how many of each kind (default 40; `npm run fuzz`:
 * 1,000), ATTUNE_FUZZ_SEED which.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Compiled } from "../support/compiled.ts";
import { compileSources } from "../support/compiled.ts";
import { watched } from "../support/progress.ts";
import type { Kind } from "./model-folders.ts";
import { KINDS, writeHostile } from "./model-folders.ts";

const RUNS = Number(process.env["ATTUNE_FUZZ_FOLDERS"] ?? 40);
const SEED = Number(process.env["ATTUNE_FUZZ_SEED"] ?? 1);
/**
 * Milliseconds that one folder may take on a machine under load before it counts as one that hangs.
 */
const HANG = 120_000;
const MAX_MEMORY = 500 * 2 ** 20;

interface Outcome {
  index: number;
  /** Of this folder alone. */
  milliseconds: number;
  /** `read`, or the code of the AttuneError. */
  outcome: string;
  /** Where it was something else. */
  wrong?: string;
  /** Peak of the process so far, bytes. */
  memory: number;
}

/** Opens every folder that its arguments name, and says how it went. */
const WORKER = `
const { openModel } = await import(process.argv[2]);
const { AttuneError } = await import(process.argv[3]);
for (const [index, folder] of process.argv.slice(4).entries()) {
  const before = process.cpuUsage();
  let outcome = "read", wrong;
  try {
    await openModel(folder, index % 2 === 0 ? {} : { merge: true });
  } catch (error) {
    outcome = error instanceof AttuneError ? error.code : "error";
    const known = error instanceof AttuneError && error.code !== "internal";
    if (!known || error.message.length > 4000) wrong = String(error?.stack ?? error).slice(0, 2000);
  }
  const { user, system } = process.cpuUsage(before);
  const milliseconds = Math.round((user + system) / 1000);
  const memory = process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify({ index, milliseconds, outcome, wrong, memory }));
}
`;

let compiled: Compiled;
const root = mkdtempSync(join(tmpdir(), "attune-hostile-"));
beforeAll(() => void (compiled = compileSources()));
afterAll(() => {
  compiled.remove();
  rmSync(root, { recursive: true, force: true });
});

async function openAll(folders: readonly string[]): Promise<Outcome[]> {
  const worker = join(root, "worker.mjs");
  writeFileSync(worker, WORKER);
  const process = watched(
    spawn(
      globalThis.process.execPath,
      [worker, compiled.module("models/open"), compiled.module("core/errors"), ...folders],
      { stdio: "pipe" },
    ),
  );
  const lines = (): Outcome[] =>
    process.said
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Outcome);
  let [heard, since] = [0, Date.now()];
  const look = setInterval(() => {
    if (process.said.length !== heard) [heard, since] = [process.said.length, Date.now()];
    if (Date.now() - since > HANG) process.child.kill("SIGKILL");
  }, 1000);
  const { status, said } = await process.end().finally(() => clearInterval(look));
  const outcomes = lines();
  if (status !== "0" || outcomes.length < folders.length)
    throw new Error(
      `the process ended with ${status} at ${folders[outcomes.length]}:\n${said.slice(-2000)}`,
    );
  return outcomes;
}

test.each(KINDS)(`${RUNS} hostile folders: %s`, async (kind: Kind) => {
  const folders = Array.from({ length: RUNS }, (_, index) => join(root, `${kind}-${index}`));
  folders.forEach((folder, index) => writeHostile(kind, { seed: SEED, index }, folder));
  const outcomes: Outcome[] = [];
  for (let start = 0; start < RUNS; start += 100)
    outcomes.push(
      ...(await openAll(folders.slice(start, start + 100))).map((outcome) => ({
        ...outcome,
        index: outcome.index + start,
      })),
    );
  expect(
    outcomes
      .filter(({ wrong }) => wrong !== undefined)
      .map((outcome) => ({ ...outcome, seed: SEED })),
  ).toEqual([]);
  const counts = new Map<string, number>();
  for (const { outcome } of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const worst = outcomes.reduce((a, b) => (b.milliseconds > a.milliseconds ? b : a));
  const memory = Math.max(...outcomes.map((outcome) => outcome.memory));
  console.log(
    `${kind}: ${[...counts].map(([name, count]) => `${count} ${name}`).join(", ")}; at most ` +
      `${worst.milliseconds} ms of processor time (folder ${worst.index}), peak memory ` +
      `${Math.round(memory / 2 ** 20)} MiB`,
  );
  expect(memory).toBeLessThan(MAX_MEMORY);
  // Both outcomes, or the fuzzer has lost its point.
  expect(counts.get("read") ?? 0).toBeGreaterThan(RUNS / 50);
  expect(counts.get("model") ?? 0).toBeGreaterThan(RUNS / 5);
});

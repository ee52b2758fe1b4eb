/**
 * The quickstart in threads: killed twice and started again, it ends with the bytes of one that ran
 * stage after stage in one thread.
 * @module-tag dear
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AttuneError } from "../../src/core/errors.ts";
import { SMALL_RECIPE } from "../../src/quickstart/testing.ts";
import { fromPlainError, toPlainError } from "../../src/quickstart/lanes.ts";
import { runWorldPipeline } from "../../src/quickstart/pipeline.ts";
import { type Compiled, compileSources } from "../support/compiled.ts";
import { watched } from "../support/progress.ts";
import { snapshot } from "./support.ts";

let compiled: Compiled;
let parent: string;
beforeAll(() => {
  compiled = compileSources();
  parent = mkdtempSync(join(tmpdir(), "attune-lanes-"));
});
afterAll(() => {
  rmSync(parent, { recursive: true, force: true });
  compiled.remove();
});

/** @param killWhen a folder whose appearance brings the signal */
async function inThreads(
  folder: string,
  signal?: { name: NodeJS.Signals; when: string },
): Promise<{ status: string; said: string }> {
  const module = `file://${compiled.module("quickstart/pipeline")}`;
  const program = `
    import { runWorldPipeline } from ${JSON.stringify(module)};
    const interruption = new AbortController();
    process.once("SIGINT", () => interruption.abort());
    const input = ${JSON.stringify({ seed: 3, folder, recipe: SMALL_RECIPE })};
    const { models } = await runWorldPipeline(input, { signal: interruption.signal });
    console.log(models.length);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const running = watched(child);
  if (signal) {
    await running.until(() => existsSync(join(folder, signal.when)));
    child.kill(signal.name);
  }
  return running.end();
}

/** What stages made; times, and answers in the order in which they came, are nobody's promise. */
function madeBy(folder: string): Record<string, string> {
  const kept = Object.entries(snapshot(folder)).filter(([path]) =>
    /^[\w-]+\/(model|data)\/|^[\w-]+\/(metrics|gold)\.jsonl$/.test(path),
  );
  return Object.fromEntries(kept);
}

test("the same bytes, whatever ran beside what and however often it was killed", async () => {
  const [alone, killed] = [join(parent, "alone"), join(parent, "killed")];
  await runWorldPipeline({ seed: 3, folder: alone, recipe: SMALL_RECIPE });
  expect(await inThreads(killed, { name: "SIGKILL", when: "reward/metrics.jsonl" })).toEqual({
    status: "SIGKILL",
    said: "",
  });
  const stopped = await inThreads(killed, { name: "SIGINT", when: "ppo/run.json" });
  expect(stopped.said).toMatch(/stopped/);
  const ended = await inThreads(killed);
  expect(ended).toEqual({ status: "0", said: "6\n" });
  expect(madeBy(killed)).toEqual(madeBy(alone));
  expect(Object.keys(madeBy(alone)).length).toBeGreaterThan(40);
  const raised = JSON.parse(readFileSync(join(killed, "pipeline.json"), "utf8")) as {
    stages: object;
  };
  expect(Object.keys(raised.stages)).toHaveLength(13);
});

test("an error is the same on the other side of a thread", () => {
  const error = new AttuneError("data", "a row is wrong", {
    file: "a.jsonl",
    row: 3,
    hint: "mend it",
    cause: new Error("inner"),
  });
  const there = fromPlainError(structuredClone(toPlainError(error)));
  expect(there).toBeInstanceOf(AttuneError);
  expect(there).toMatchObject({
    code: "data",
    what: "a row is wrong",
    details: { file: "a.jsonl", row: 3, hint: "mend it" },
    message: error.message,
  });
  expect(fromPlainError(toPlainError(new TypeError("x is no function"))).message).toMatch(
    /TypeError: x is no function/,
  );
});

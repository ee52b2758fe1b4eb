/**
 * A template that writes the date: a run that goes on another day sees the day on which it began,
 * or is refused.
 */
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { DemonstrationRecord } from "../../data/records.ts";
import { Run } from "../../runs/run.ts";
import { resolveConfig } from "../configs.ts";
import type { Encoder } from "../../text/encoder.ts";
import { createEncoder } from "../../text/encoder.ts";
import { sft } from "./sft.ts";
import { collect, COMMON, tinyModel, tokenizer } from "../testing.ts";

const DATED =
  "{{ strftime_now('%d %b') }}{% for message in messages %}{{ '<' + message.role + '>' + " +
  "message.content + '<end>' }}{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% " +
  "endif %}";
const on = (day: string): Encoder =>
  createEncoder(
    { ...tokenizer, chatTemplate: DATED },
    { maxLength: 48, templateTime: `${day}T12:00:00` },
  );
const train = ["ab", "cd", "ef"].map((content, index): DemonstrationRecord => ({
  kind: "demonstration",
  prompt: [{ role: "user", content }],
  completion: [{ role: "assistant", content: "x" }],
  place: { file: "d.jsonl", row: index + 1 },
}));

test("rows of another day are refused, those of the same day go on", async () => {
  const config = resolveConfig("sft", {
    ...COMMON,
    batchSize: 3,
    adapter: "none",
    learningRate: 1e-2,
    epochs: 2,
    checkpointSteps: 1,
  });
  const folder = join(mkdtempSync(join(tmpdir(), "attune-date-")), "run");
  const events = (run: Run, day: string, signal?: AbortSignal): ReturnType<typeof sft> =>
    sft({ model: tinyModel(), encoder: on(day), train, heldOut: [] }, config, { run, signal });
  const stop = new AbortController();
  const run = Run.create(folder, {
    command: "sft",
    seed: 1,
    config: { given: {}, effective: {} },
    dataHash: "d",
    modelFingerprint: "m",
  });
  for await (const event of events(run, "2026-05-04", stop.signal))
    if (event.type === "step") stop.abort();
  run.close();
  const { run: next } = await Run.open(folder);
  await expect(collect(events(next, "2026-05-05"))).rejects.toThrow(
    /the rows are encoded differently from when the run began/,
  );
  next.close();
  const { run: same } = await Run.open(folder);
  await collect(events(same, "2026-05-04"));
  expect(readFileSync(join(folder, "metrics.jsonl"), "utf8").trim().split("\n")).toHaveLength(2);
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Run } from "../../runs/run.ts";
import { runProgram } from "../program.ts";
import { fakeIo } from "../testing.ts";

const root = mkdtempSync(join(tmpdir(), "attune-runs-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("runs show begins a metric with its first finite value, and keeps a last one that is none", async () => {
  const folder = join(root, "late");
  const run = Run.create(folder, {
    command: "ppo",
    seed: 1,
    config: { given: {}, effective: {} },
    dataHash: "",
    modelFingerprint: "",
  });
  for (let step = 1; step <= 4; step++)
    run.metrics(step, {
      "guard/stalled": step < 3 ? NaN : step / 2,
      "guard/unconfirmed": NaN,
      loss: step < 4 ? step : NaN,
    });
  run.finish("completed");
  const io = fakeIo();
  expect(await runProgram(["runs", "show", folder], io)).toBe(0);
  const line = (name: string): string =>
    io.stdout.text.split("\n").find((text) => text.includes(name))!;
  expect(line("guard/stalled")).toMatch(/1\.5000 \(step 3\) .* 2 /);
  expect(line("guard/stalled")).not.toContain("NaN");
  expect(line("guard/unconfirmed")).toMatch(/no finite value/);
  expect(line("guard/unconfirmed")).not.toContain("NaN");
  expect(line("  loss")).toMatch(/ 1 .* NaN /);
});

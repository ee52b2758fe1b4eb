/**
 * The readers of weights survive hostile files: each input is read or refused with an AttuneError,
 * in bounded time and memory. ATTUNE_FUZZ_RUNS says how many inputs (default 3,000),
 * ATTUNE_FUZZ_SEED which.
 */
import { createContext, Script } from "node:vm";
import { expect, test } from "vitest";
import { AttuneError } from "../../src/core/errors.ts";
import { type FuzzInput, FuzzInputs, readAll } from "./weights-fuzz.ts";

const RUNS = Number(process.env["ATTUNE_FUZZ_RUNS"] ?? 3000);
const SEED = Number(process.env["ATTUNE_FUZZ_SEED"] ?? 1);
/** A hang, not a slow machine: inputs take well under a millisecond. */
const HANG_MILLISECONDS = 20_000;
const BATCH = 50;
const MAX_GROWTH = 512 * 2 ** 20;

/** Throws, naming the input, for anything but acceptance or a `model` error. */
function survives(input: FuzzInput, index: number): "read" | "refused" {
  try {
    readAll(input);
    return "read";
  } catch (error) {
    if (error instanceof AttuneError && error.code === "model" && error.message.length < 2000)
      return "refused";
    const bytes = Buffer.from(input.bytes).toString("base64");
    throw new Error(
      `input ${index} of seed ${SEED} (${input.kind}, ${input.origin}, ${input.bytes.length} ` +
        `bytes): ${String(error)}\n${bytes.slice(0, 20_000)}`,
      { cause: error },
    );
  }
}

test("the files that the fuzzer starts from are read", () => {
  for (const [index, input] of new FuzzInputs(SEED).corpus.entries())
    expect(survives(input, index), input.origin).toBe("read");
});

test(`${RUNS} hostile files are read or refused`, { timeout: 3_600_000 }, () => {
  const inputs = new FuzzInputs(SEED);
  const results = { safetensors: { read: 0, refused: 0 }, gguf: { read: 0, refused: 0 } };
  let next = 0;
  const batch = (end: number): void => {
    for (; next < end; next++) {
      const input = inputs.input(next);
      results[input.kind][survives(input, next)]++;
    }
  };
  // Only the virtual machine can interrupt code that never returns.
  const script = new Script("batch(end)");
  const context = createContext({ batch, end: 0 });
  const before = process.resourceUsage().maxRSS;
  for (let end = BATCH; end < RUNS + BATCH; end += BATCH) {
    context["end"] = Math.min(end, RUNS);
    try {
      script.runInContext(context, { timeout: HANG_MILLISECONDS });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      throw new Error(`input ${next} of seed ${SEED} hangs`, { cause: error });
    }
  }
  const growth = (process.resourceUsage().maxRSS - before) * 1024;
  console.log(
    `weights fuzz: ${JSON.stringify(results)}, peak memory grew by ` +
      `${Math.round(growth / 2 ** 20)} MiB`,
  );
  expect(growth).toBeLessThan(MAX_GROWTH);
  for (const { read, refused } of Object.values(results)) {
    // Both outcomes, or the fuzzer has lost its point.
    expect(read).toBeGreaterThan(RUNS / 200);
    expect(refused).toBeGreaterThan(RUNS / 10);
  }
});

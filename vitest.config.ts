import { defineConfig } from "vitest/config";

const TESTS = ["src/**/*.test.ts", "tests/**/*.test.ts"];
const SLOW = "**/*.slow.test.ts";
/** They measure the memory of their process. */
const ALONE = ["src/runtime/*memory.test.ts"];

export default defineConfig({
  test: {
    // ONNX Runtime keeps native threads, which do not survive in a terminated worker thread.
    pool: "forks",
    maxWorkers: 2,
    // No test depends on speed: this only ends one that hangs. Tests that wait for another process
    // watch its progress (tests/support/progress.ts).
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    // docs/decisions/tests.md
    tags: [{ name: "dear", description: "needs seconds of processor time: npm run test:slow" }],
    setupFiles: process.env["ATTUNE_TEST_COST"] ? ["./scripts/test-cost-of-file.mjs"] : [],
    reporters: ["default", "./scripts/count-reporter.mjs"],
    projects: [
      // one process for many files: loading the sources again for each would cost as much as half
      // of the tests
      {
        extends: true,
        test: {
          name: "quick",
          include: TESTS,
          exclude: [SLOW, ...ALONE, "**/node_modules/**"],
          isolate: false,
        },
      },
      { extends: true, test: { name: "alone", include: ALONE } },
      { extends: true, test: { name: "slow", include: [SLOW], exclude: ["**/node_modules/**"] } },
    ],
  },
});

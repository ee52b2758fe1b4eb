import { defineConfig } from "vitest/config";

const TESTS = ["src/**/*.test.ts", "tests/**/*.test.ts"];
/** Tests that cost many seconds of processor time each: `npm run test:slow`, which `.ci/run` does. */
const SLOW = "**/*.slow.test.ts";

export default defineConfig({
  test: {
    // ONNX Runtime keeps native threads, which do not survive in a terminated worker thread.
    pool: "forks",
    maxWorkers: 2,
    tags: [{ name: "dear", description: "needs seconds of processor time" }],
    // No test depends on speed: this only ends one that hangs. Tests that wait for another process watch its progress (tests/support/progress.ts).
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    setupFiles: process.env["ATTUNE_TEST_COST"] ? ["./scripts/test-cost-of-file.mjs"] : [],
    reporters: ["default", "./scripts/count-reporter.mjs"],
    projects: [
      { extends: true, test: { name: "quick", include: TESTS, exclude: [SLOW, "**/node_modules/**"] } },
      { extends: true, test: { name: "slow", include: [SLOW], exclude: ["**/node_modules/**"] } },
    ],
  },
});

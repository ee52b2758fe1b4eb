#!/usr/bin/env node
/**
 * Whether the tests of the thirty-two examined faults fail on the commit that had them:
 * `node scripts/examined.mjs [COMMIT]`. The commit is checked out into a temporary folder with
 * packages of its own, this checkout's tests, their helpers and golden files are laid over it, and
 * each is run there. Exits with 1 where one of them passes, or none has the title (three need
 * ../shared/cases).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Numbers of the faults, file, and what the titles of their tests contain. */
const FAULTS = [
  ["1", "src/data/formats/instructions.test.ts", "marks of answers that are not learned"],
  ["2", "src/text/truncation.test.ts", "whole oldest exchanges go|beside a long answer"],
  ["3", "src/training/short-runs.test.ts", "one epoch of five"],
  ["4", "tests/cli/encoding.test.ts", "a template that is written out in texts"],
  [
    "5",
    "src/text/chat-template.test.ts",
    "what a row says must come out|a developer is the system",
  ],
  ["6", "src/text/chat-template.test.ts", "control tokens in data are characters"],
  ["7", "src/cli/program.test.ts", "goes on with the date on which the run began"],
  ["7", "src/training/template-time.test.ts", "rows of another day are refused"],
  ["9", "src/cli/program.test.ts", "options that were changed by hand only where"],
  ["12", "tests/cli/align-stages.test.ts", "before the first stage, and so does a real run"],
  ["13", "tests/arch/tests.test.ts", "no test has a limit of time"],
  ["14", "src/core/errors.test.ts", "has no nearest name|a message is of bounded length"],
  ["20", "src/runs/files.test.ts", "a run is its owner's alone|a read-only disk is called one"],
  ["20", "src/cli/output.test.ts", "words from outside steer no log"],
  ["23", "src/stats/intervals.test.ts", "where nothing varies, each cluster counts once"],
  ["24", "src/text/turns.test.ts", "Qwen3's own template every turn is learned once"],
  [
    "25",
    "src/models/config-defaults.test.ts",
    "mistral: without (sliding_window|num_key_value_heads)",
  ],
  ...[1, 8, 10, 11, 14, 15, 16, 17, 18, 19, 21, 22, 26, 27, 28, 29, 30, 31, 32].map((number) => [
    `${number}`,
    "tests/cli/examined.test.ts",
    `^\\s*${number}: `,
  ]),
];
const OVERLAID = [
  ":(glob)tests/**",
  ":(glob)src/**/*.test.ts",
  ":(glob)src/**/testing.ts",
  ":(glob)src/**/testing/**",
  ":(glob)src/**/golden/**",
  "vitest.config.ts",
];
/** Where the tests come from: the last commit whose files lie where those of the faults lay. */
const TESTED = "0584eb6";
/** A test that never ends has failed. */
const LIMIT = 300_000;

const commit = process.argv[2] ?? "578526b";
const root = join(import.meta.dirname, "..");
const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" });
const parent = mkdtempSync(join(tmpdir(), "attune-examined-"));
const old = join(parent, "checkout");
let held = true;
try {
  git("worktree", "add", "--quiet", "--detach", old, commit);
  execFileSync("git", ["checkout", "--quiet", TESTED, "--", ...OVERLAID], { cwd: old });
  const cases = join("shared", "cases");
  if (existsSync(join(root, "..", cases)))
    cpSync(join(root, "..", cases), join(parent, cases), { recursive: true });
  execFileSync("npm", ["ci", "--silent"], { cwd: old, stdio: ["ignore", "ignore", "inherit"] });
  for (const file of new Set(FAULTS.map(([, name]) => name))) {
    const rows = FAULTS.filter(([, name]) => name === file);
    const report = join(parent, "report.json");
    rmSync(report, { force: true });
    spawnSync(
      join(old, "node_modules", ".bin", "vitest"),
      [
        "run",
        "--project",
        "quick",
        "--reporter=json",
        `--outputFile=${report}`,
        "-t",
        rows.map(([, , title]) => title).join("|"),
        file,
      ],
      { cwd: old, timeout: LIMIT, killSignal: "SIGKILL", stdio: "ignore" },
    );
    for (const [number, , title] of rows)
      held = tell(number, file, readResults(report, title)) && held;
  }
} finally {
  spawnSync("git", ["worktree", "remove", "--force", old], { cwd: root });
  rmSync(parent, { recursive: true, force: true });
}
process.exitCode = held ? 0 : 1;

/**
 * The tests of a fault that ran: those that failed by what they assert, by an error, or not at all.
 */
function readResults(report, title) {
  try {
    const [file] = JSON.parse(readFileSync(report, "utf8")).testResults;
    return file.assertionResults
      .filter(({ fullName, status }) => status !== "skipped" && new RegExp(title).test(fullName))
      .map(({ status, failureMessages: [message = ""] }) => ({
        passed: status === "passed",
        asserted: /^AssertionError|instead of rejecting/.test(message),
        first: message.split("\n")[0],
      }));
  } catch {
    return undefined;
  }
}

function tell(number, file, results) {
  const failed = results?.filter(({ passed }) => !passed) ?? [];
  const said =
    results?.length === 0
      ? "no test of this title ran; three need ../shared/cases"
      : results
        ? `${failed.length} of ${results.length} fail, ` +
          `${failed.filter(({ asserted }) => asserted).length} by assertion`
        : "does not end, or cannot be run";
  console.log(`${number.padStart(2)}  ${file}: ${said}\n      ${failed[0]?.first ?? ""}`);
  return failed.length > 0 && failed.length === results.length;
}

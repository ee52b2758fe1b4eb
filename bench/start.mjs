/** Compiles bench/ and what it measures into .cache/bench, and runs it. */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const run = (...args) =>
  spawnSync(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] })
    .status ?? 1;

const compiled = run(
  join(root, "node_modules", "typescript", "bin", "tsc"),
  "-p",
  join("bench", "tsconfig.json"),
);
if (compiled === 0) {
  // The version that runs record is read from here.
  copyFileSync(join(root, "package.json"), join(root, ".cache", "bench", "package.json"));
  const migrations = join("src", "labelling", "store", "migrations");
  cpSync(join(root, migrations), join(root, ".cache", "bench", migrations), { recursive: true });
  process.exitCode = run(
    join(root, ".cache", "bench", "bench", "run.js"),
    ...process.argv.slice(2),
  );
} else {
  process.exitCode = compiled;
}

/** Compiles the examples and what they use into .cache/examples, and runs the one that is named. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..");
const [name = "", ...rest] = process.argv.slice(2);
const names = readdirSync(here).filter((each) => existsSync(join(here, each, "run.ts")));
const run = (...args) =>
  spawnSync(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] })
    .status ?? 1;

if (names.includes(name)) {
  const compiled = run(
    join(root, "node_modules", "typescript", "bin", "tsc"),
    "-p",
    join("examples", "tsconfig.json"),
  );
  // The version that runs record is read from here.
  if (compiled === 0)
    copyFileSync(join(root, "package.json"), join(root, ".cache", "examples", "package.json"));
  process.exitCode =
    compiled === 0
      ? run(join(root, ".cache", "examples", "examples", name, "run.js"), ...rest)
      : compiled;
} else {
  process.stderr.write(
    `error: no example of that name\n  got: ${name || "nothing"}\n  expected: ` +
      `${names.join(", ")}\n`,
  );
  process.exitCode = 2;
}

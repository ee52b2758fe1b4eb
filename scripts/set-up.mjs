/**
 * Everything a fresh clone needs before `npm start`, `npm test` or `attune`: the packages, then the
 * compiled program. Does nothing when both are up to date, so it can stand in front of every
 * command.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

function run(command, args) {
  const result = spawnSync(command, args, {
    cwd: root,
    // Set-up never writes to stdout: `attune ... --json | other-program` must stay clean on a first
    // run too.
    stdio: ["ignore", 2, 2],
  });
  if (result.status !== 0) {
    console.error(
      `set-up failed: ${command} ${args.join(" ")} ended with ${result.status ?? result.signal}`,
    );
    process.exit(1);
  }
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(
    `attune needs Node.js 20.19 or newer; this is ${process.versions.node}. See ` +
      "https://nodejs.org.",
  );
  process.exit(2);
}

/** Newest modification time under a folder, in milliseconds. */
function newest(folder) {
  let time = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) time = Math.max(time, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  }
  return time;
}

function installPackages() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const stamp = join(root, "node_modules", ".attune-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  // minutes on a slow line: nobody should wonder, whatever command it stands in front of
  console.error("Installing packages (first run, or the lock file changed) ...");
  // .npmrc turns install scripts off: ONNX Runtime's would download CUDA libraries, which are of no
  // use here.
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  run(npm, ["ci"]);
  writeFileSync(stamp, lock);
}

function build() {
  const stamp = join(root, "dist", ".built");
  const inputs = Math.max(
    newest(join(root, "src")),
    statSync(join(root, "tsconfig.json")).mtimeMs,
    statSync(join(root, "tsconfig.build.json")).mtimeMs,
  );
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= inputs) return;
  console.error("Building ...");
  run(process.execPath, [
    join(root, "node_modules", "typescript", "bin", "tsc"),
    "-p",
    "tsconfig.build.json",
  ]);
  run(process.execPath, [join(root, "scripts", "vendor-runtime.mjs")]);
  run(process.execPath, [join(root, "scripts", "copy-assets.mjs")]);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, "");
}

checkNode();
installPackages();
build();

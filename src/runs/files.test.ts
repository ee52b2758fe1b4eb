import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { compileSources } from "../../tests/support/compiled.ts";
import { hashFolder, makeFolder, publishFolder, readWholeFile, writeFileAtomic } from "./files.ts";
import { JsonLines } from "./json-lines.ts";
import { acquireLock } from "./lock.ts";
import { Run } from "./run.ts";

let parent: string;
const umask = process.umask(0o022);
beforeEach(() => void (parent = mkdtempSync(join(tmpdir(), "attune-files-"))));
afterEach(() => rmSync(parent, { recursive: true, force: true }));
afterAll(() => void process.umask(umask));

/** Rights below a folder, the folder itself as ".": what the owner, the group and others may do. */
function rights(folder: string): Record<string, string> {
  const of = (path: string): string =>
    `${statSync(path).isDirectory() ? "d" : ""}${(statSync(path).mode & 0o777).toString(8)}`;
  const below = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => [
    name,
    of(join(folder, name)),
  ]);
  return Object.fromEntries([[".", of(folder)], ...below]) as Record<string, string>;
}

/** What a trainer writes, with whatever rights. */
async function fill(folder: string): Promise<void> {
  mkdirSync(join(folder, "inner"));
  for (const name of ["weights.bin", "inner/more.bin"])
    writeFileSync(join(folder, name), "private words");
}

// a system without such rights has none to check
describe.skipIf(process.platform === "win32")("who may read what is made", () => {
  test("a run is its owner's alone, whatever its trainer writes; the folders above it are not touched", async () => {
    const folder = join(parent, "runs", "one");
    const run = Run.create(folder, {
      command: "dpo",
      seed: 1,
      config: { given: {}, effective: {} },
      dataHash: "d",
      modelFingerprint: "m",
    });
    run.metrics(1, { loss: 1 });
    run.timing(1, { seconds: 1, tokens: 1 });
    await run.saveCheckpoint(1, fill);
    await run.saveArtifact("model", fill);
    const made = rights(folder);
    run.close();
    expect(Object.keys(made)).toEqual(
      expect.arrayContaining([
        "lock",
        "events.jsonl",
        "metrics.jsonl",
        "timing.jsonl",
        "run.json",
        "config.resolved.json",
        "model/inner/more.bin",
        "checkpoints/step-000001/manifest.json",
      ]),
    );
    expect(new Set(Object.values(made))).toEqual(new Set(["d700", "600"]));
    expect(rights(join(parent, "runs"))["."]).toBe("d755");
  });

  test("what is written for others has the rights of the umask", async () => {
    await publishFolder(join(parent, "export"), fill, { access: "shared" });
    writeFileAtomic(join(parent, "attune.yaml"), "model: m\n", { access: "shared" });
    expect(rights(parent)).toEqual({
      ".": "d700",
      "attune.yaml": "644",
      export: "d755",
      "export/inner": "d755",
      "export/inner/more.bin": "644",
      "export/weights.bin": "644",
    });
  });
});

test("folders are made from the first that is missing, which is told", () => {
  expect(makeFolder(parent)).toBeUndefined();
  expect(makeFolder(join(parent, "a", "b", "c"))).toBe(join(parent, "a"));
  expect(makeFolder(join(parent, "a", "b", "d"))).toBe(join(parent, "a", "b", "d"));
  writeFileSync(join(parent, "file"), "");
  expect(() => makeFolder(join(parent, "file", "below"))).toThrow(
    /the folder below cannot be made[^]*a part of the path is a file/,
  );
});

/** A disk of its own takes a user namespace, which not every machine permits. */
const canMount =
  spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]).status === 0;
test.skipIf(!canMount)("a read-only disk is called one", () => {
  const compiled = compileSources();
  try {
    const program = `const { Run } = await import(${JSON.stringify(compiled.module("runs/run"))});
      const config = { given: {}, effective: {} };
      const given = { command: "dpo", seed: 1, config, dataHash: "d", modelFingerprint: "m" };
      try { Run.create("${parent}/runs/one", given); }
      catch (error) { console.log(error.code + ": " + error.message); }`;
    const node = `exec ${process.execPath} --input-type=module -`;
    const script = `mount -t tmpfs -o ro tmpfs ${parent} && ${node}`;
    const { stdout } = spawnSync("unshare", ["-rm", "sh", "-c", script], {
      encoding: "utf8",
      input: program,
    });
    expect(stdout).toMatch(
      /^disk: [^]*read-only file system[^]*try: the disk is read-only: write to another one\n$/,
    );
  } finally {
    compiled.remove();
  }
});

describe.runIf(process.platform !== "win32")("a pipe in place of a file of a run", () => {
  it("is refused before it is opened, by whatever reads or writes it", async () => {
    const folder = mkdtempSync(join(parent, "pipes-"));
    const pipe = (name: string): string => {
      execFileSync("mkfifo", [join(folder, name)]);
      return join(folder, name);
    };
    expect(() => JsonLines.open(pipe("metrics.jsonl"))).toThrow("metrics.jsonl is no file");
    expect(() => readWholeFile(pipe("curve.json"))).toThrow("curve.json is no file");
    pipe("lock");
    expect(() => acquireLock(folder)).toThrow("this is a FIFO, not a file");
    await expect(hashFolder(folder)).rejects.toThrow("is no file");
  });
});

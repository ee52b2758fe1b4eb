import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runFile, runFolder, runName } from "./run-path.ts";

let root: string;
let runs: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "attune-path-"));
  runs = join(root, "runs");
  mkdirSync(join(runs, "q", "dpo"), { recursive: true });
  mkdirSync(join(root, "runs-other"));
  writeFileSync(join(runs, "q", "dpo", "run.json"), "{}");
  writeFileSync(join(runs, "q", "report.html"), "report");
  writeFileSync(join(root, "secret.html"), "secret");
  writeFileSync(join(root, "runs-other", "run.json"), "{}");
  writeFileSync(join(root, "runs-other", "secret.html"), "secret");
  symlinkSync(join(root, "secret.html"), join(runs, "q", "link.html"));
  symlinkSync(join(root, "runs-other"), join(runs, "out"));
  symlinkSync(join(runs, "q", "report.html"), join(runs, "inside.html"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("files below the folder of runs", () => {
  test("are found by their names, also through a link that stays inside", () => {
    expect(runFile(runs, "q/report.html")).toContain("report.html");
    expect(runFile(runs, "inside.html")).toContain("report.html");
    expect(runFolder(runs, "q/dpo")).toContain("dpo");
  });

  test.each([
    ["../secret.html"],
    ["q/../../secret.html"],
    ["q/../report.html"],
    ["./q/report.html"],
    ["/etc/passwd"],
    ["//etc/passwd"],
    ["q//report.html"],
    ["q\\..\\..\\secret.html"],
    ["%2e%2e/secret.html"],
    ["..%2fsecret.html"],
    ["q/report.html\0.txt"],
    ["q/report.html\0"],
    ["q/link.html"],
    ["out/secret.html"],
    ["../runs-other/secret.html"],
    ["q"],
    [""],
    ["."],
    [".."],
    ["C:\\secret.html"],
  ])("are not found at %j", (path) => {
    expect(() => runFile(runs, path)).toThrow("there is no such file");
  });

  test.each([["../runs-other"], ["out"], ["q"], [""], ["q/dpo/.."], ["q/dpo/"]])(
    "no run is found at %j",
    (path) => {
      expect(() => runFolder(runs, path)).toThrow("there is no such run");
    },
  );

  test("have a name below it, or none", () => {
    expect(runName(runs, join(runs, "q", "dpo"))).toBe("q/dpo");
    expect(runName(runs, root)).toBe(null);
    expect(runName(runs, runs)).toBe(null);
    expect(runName(runs, join(root, "runs-other"))).toBe(null);
  });
});

/**
 * The scripts that write golden files read their command lines by argparse, so that none takes
 * `--help` for the folder that it writes, and no file of such a name is kept.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../support/shared.ts";

const folder = join(repositoryRoot, "scripts", "golden");
const textOf = (name: string): string => readFileSync(join(folder, name), "utf8");
const HELPER = "command_line.py";
const scripts = readdirSync(folder).filter((name) => name.endsWith(".py") && name !== HELPER);

test.skipIf(!existsSync(join(repositoryRoot, ".git")))(
  "no kept file or folder has a name that begins with -",
  () => {
    const paths = execFileSync("git", ["ls-files", "-z"], { cwd: repositoryRoot, encoding: "utf8" })
      .split("\0")
      .filter((path) => path !== "");
    expect(paths.length).toBeGreaterThan(500);
    expect(paths.filter((path) => /(^|\/)-/.test(path))).toEqual([]);
  },
);

test("every golden script reads its command line by argparse, its docstring as help", () => {
  expect(scripts.length).toBeGreaterThan(20);
  expect(textOf(HELPER)).toContain("argparse.ArgumentParser(");
  expect(
    scripts.filter((name) => {
      const text = textOf(name);
      return !/\b(positional|parser_of)\(__doc__[,)]/.test(text) || /\bsys\.argv\b/.test(text);
    }),
  ).toEqual([]);
});

/** Prints, for each command line, the names that it gives or the status that it ends with. */
const PROGRAM = `
import contextlib, io, json, sys
sys.dont_write_bytecode = True
folder, given = sys.argv[1:]
sys.path.insert(0, folder)
from command_line import positional
found = []
for line in json.loads(given):
    sys.argv[1:] = line
    shown = io.StringIO()
    try:
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(io.StringIO()):
            found.append(positional("What it is.", "A", more="B"))
    except SystemExit as end:
        found.append([end.code, "What it is." in shown.getvalue()])
print(json.dumps(found))
`;
const python = spawnSync("python3", ["--version"]).status === 0;

test.skipIf(!python)("some names may be left out, and none begins with -", () => {
  const refused = [[], ["--frob"], ["one", "-x"], ["-1"], ["--", "--help"]];
  const lines = [["one"], ["one", "two", "three"], ["--help"], ...refused];
  const given = [PROGRAM, folder, JSON.stringify(lines)];
  const found: unknown = JSON.parse(
    execFileSync("python3", ["-c", ...given], { encoding: "utf8" }),
  );
  expect(found).toEqual([
    ["one"],
    ["one", "two", "three"],
    [0, true],
    ...refused.map(() => [2, false]),
  ]);
});

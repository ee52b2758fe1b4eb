/**
 * How wide lines are. The formatter wraps code at 100 columns, but parts no text; how long files
 * and functions are is the linter's (.oxlintrc.json).
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { repositoryRoot } from "../support/shared.ts";

const FOLDERS = ["src", "tests", "scripts", "bench", "examples", "studio", ".ci"];
const WIDEST = 120;

/** Lines that have no place to be parted, or are read better whole. */
const UNPARTED: readonly RegExp[] = [
  /https?:\/\/\S{60}/,
  /\bsha(256|512)-/,
  // the title of a test, also in a table of them
  /^\s*(test|it|describe)(\.\w+)*\(.*["'`]|^\s*["`][^"`]*["`], async \(/,
  // a row of a table in an inline snapshot
  /^\s*\| .* \|$/,
];
/** Files with a text that is written out as it stands. */
const WRITTEN_OUT: readonly string[] = [
  "scripts/golden/tokenizer_ids.py",
  "src/cli/align/template.ts",
  "src/constitution/default-constitution.ts",
];
/** Lines that are still wide, by file. Whoever mends them takes the file off; none is added. */
const KNOWN: Readonly<Record<string, number>> = {};

const read = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");

const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .filter((name) => /\.(tsx?|mjs|js|css|sh|py)$|^\.ci\/\w+$/.test(name)),
);

const wideLines = (file: string): string[] =>
  read(file)
    .split("\n")
    .flatMap((line, index) => {
      const width = [...line].length;
      return width > WIDEST && !UNPARTED.some((pattern) => pattern.test(line))
        ? [`${file}:${index + 1} has ${width} characters`]
        : [];
    });

describe("lines", () => {
  test("are at most 120 characters wide", () => {
    expect(files.length).toBeGreaterThan(500);
    const wide = files
      .filter((file) => !WRITTEN_OUT.includes(file) && !(file in KNOWN))
      .flatMap(wideLines);
    expect(wide).toEqual([]);
  });

  test("and the files that are let be wider are", () => {
    expect(WRITTEN_OUT.filter((file) => wideLines(file).length === 0)).toEqual([]);
    const counts = Object.keys(KNOWN).map((file) => [file, wideLines(file).length]);
    expect(Object.fromEntries(counts)).toEqual(KNOWN);
  });
});

/** Lines of the longest function of a file, but for the bodies of `describe`. */
function longestFunction(file: string): number {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true);
  const lineAt = (place: number): number => source.getLineAndCharacterOfPosition(place).line;
  const describes = ({ parent }: ts.Node): boolean =>
    ts.isCallExpression(parent) && parent.expression.getText().startsWith("describe");
  let longest = 0;
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && !describes(node))
      longest = Math.max(longest, lineAt(node.end) - lineAt(node.getStart()) + 1);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return longest;
}

test("functions of tests fit a screen too, but for the groups that hold them", () => {
  const tests = files.filter((file) => file.endsWith(".test.ts"));
  expect(tests.filter((file) => longestFunction(file) > 80)).toEqual([]);
});

interface Override {
  files: string[];
  rules: Record<string, unknown>;
}

test("the linter lets no file be longer, or hold longer functions, but tests", () => {
  const { overrides } = JSON.parse(read(".oxlintrc.json")) as { overrides: Override[] };
  const exempt = (rule: string): string[] =>
    overrides.filter(({ rules }) => rule in rules).flatMap((override) => override.files);
  expect(exempt("max-lines")).toEqual(["**/*.test.ts"]);
  expect(exempt("max-lines-per-function")).toEqual(["**/*.test.ts"]);
});

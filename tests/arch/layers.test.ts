/** Rooms import only from rooms above them; the list below is the map of the README. */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { repositoryRoot } from "../support/shared.ts";

const ROOMS = ["core", "stats", "graph", "runtime", "text", "data", "world", "runs", "models", "objectives", "optim", "sampling", "training", "constitution", "evaluation", "labelling", "scale", "server", "cli"];
/** Rooms that a browser must be able to load. */
const WITHOUT_NODE = ["core", "stats", "graph", "objectives"];
const source = join(repositoryRoot, "src");

interface Import {
  file: string;
  target: string;
}

function importsOf(file: string): Import[] {
  const found: Import[] = [];
  const tree = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, false);
  const visit = (node: ts.Node): void => {
    const specifier =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node) ? node.moduleSpecifier : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword ? node.arguments[0] : undefined;
    if (specifier && ts.isStringLiteral(specifier)) found.push({ file, target: specifier.text });
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

const files = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.endsWith("testing.ts"))
  .map((name) => join(source, name));
const imports = files.flatMap(importsOf);
const roomOf = (file: string): string => relative(source, file).split("/")[0]!;

describe("layers", () => {
  test("the check sees the code", () => {
    expect(files.length).toBeGreaterThan(60);
    expect(imports.length).toBeGreaterThan(200);
  });

  test("every room is on the list", () => {
    const rooms = new Set(files.map(roomOf).filter((room) => !room.endsWith(".ts")));
    expect([...rooms].filter((room) => !ROOMS.includes(room))).toEqual([]);
  });

  test("imports point up the list only", () => {
    const wrong = imports.filter(({ file, target }) => {
      if (!target.startsWith(".")) return false;
      const [from, to] = [roomOf(file), roomOf(resolve(dirname(file), target))];
      return ROOMS.includes(from) && ROOMS.indexOf(to) > ROOMS.indexOf(from);
    });
    expect(wrong.map(({ file, target }) => `${relative(source, file)} imports ${target}`)).toEqual([]);
  });

  test("only runtime imports onnxruntime-node", () => {
    const wrong = imports.filter(({ file, target }) => target.startsWith("onnxruntime") && roomOf(file) !== "runtime");
    expect(wrong.map(({ file }) => relative(source, file))).toEqual([]);
  });

  test("rooms that a browser may load use nothing of Node", () => {
    const wrong = imports.filter(({ file, target }) => target.startsWith("node:") && (WITHOUT_NODE.includes(roomOf(file)) || file.endsWith(".config.ts")));
    expect(wrong.map(({ file, target }) => `${relative(source, file)} imports ${target}`)).toEqual([]);
  });

  test("no trainer reads the gold scorer", () => {
    const wrong = imports.filter(({ file, target }) => /world\/gold/.test(target) && ["training", "data", "objectives"].includes(roomOf(file)));
    expect(wrong).toEqual([]);
  });

  test("the README's map names every room", () => {
    const readme = readFileSync(join(repositoryRoot, "README.md"), "utf8");
    for (const room of new Set(files.map(roomOf))) if (!room.endsWith(".ts")) expect(readme).toContain(`${room}/`);
  });
});

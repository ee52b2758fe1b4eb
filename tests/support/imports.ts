/**
 * What the sources import, read by TypeScript's own parser: the ground of the tests of
 * architecture.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import ts from "typescript";

export interface SourceFile {
  /** Path below `src/`, with forward slashes. */
  name: string;
  /** First folder of the name; empty for files directly in `src/`. */
  room: string;
  text: string;
  imports: Import[];
}

/**
 * A module named in a file: in static and dynamic imports, re-exports and `import("...")` types.
 */
export interface Import {
  target: string;
  /** Erased by the compiler: nothing is loaded at run time. */
  typeOnly: boolean;
}

/**
 * All module specifiers of a TypeScript text, in order. Dynamic imports of computed names are
 * reported as `"?"`.
 */
export function importsOf(text: string, name = "file.ts"): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node | undefined, typeOnly = false): void => {
    if (node) found.push({ target: ts.isStringLiteralLike(node) ? node.text : "?", typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isExternalModuleReference(node)) add(node.expression);
    else if (ts.isImportTypeNode(node))
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument, true);
    else if (
      ts.isCallExpression(node) &&
      (node.expression.kind === ts.SyntaxKind.ImportKeyword ||
        node.expression.getText() === "require")
    )
      add(node.arguments[0]);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true));
  return found;
}

/** Every TypeScript file below a folder, with its imports. */
export function readSources(folder: string): SourceFile[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => name.split(sep).join("/"))
    .toSorted()
    .map((name) => {
      const text = readFileSync(join(folder, name), "utf8");
      let imports: Import[] | undefined;
      return {
        name,
        room: name.includes("/") ? name.slice(0, name.indexOf("/")) : "",
        text,
        // parsing costs most of the time, and some tests want the text alone
        get imports() {
          return (imports ??= importsOf(text, name));
        },
      };
    });
}

/**
 * The source file that an import of `file` names, below the same folder; undefined for packages and
 * built-ins.
 */
export function resolveImport(folder: string, file: string, target: string): string | undefined {
  if (!target.startsWith(".")) return undefined;
  const path = resolve(dirname(join(folder, file)), target);
  return existsSync(path) ? relative(folder, path).split(sep).join("/") : `missing: ${target}`;
}

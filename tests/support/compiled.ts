/**
 * Rooms compiled to JavaScript in a temporary folder, for tests that need a process of their own (to kill it, or to read
 * its exit status). Types are not checked here: `npm run types` does that.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import ts from "typescript";
import { repositoryRoot } from "./shared.ts";

export interface Compiled {
  /** Folder that stands for the repository, with `dist/`, `package.json` and `node_modules`. */
  readonly root: string;
  /** Absolute path of a compiled module: `module("runs/run")`. */
  module(name: string): string;
  remove(): void;
}

/** Compiles the given rooms of `src/`, tests left out. */
export function compileRooms(...rooms: readonly string[]): Compiled {
  const root = mkdtempSync(join(tmpdir(), "attune-compiled-"));
  const dist = join(root, "dist");
  for (const room of rooms) {
    const source = join(repositoryRoot, "src", room);
    for (const name of readdirSync(source, { recursive: true, encoding: "utf8" })) {
      if (name.endsWith(".ts") && !name.endsWith(".test.ts")) compileFile(join(source, name), join(dist, room, name.replace(/\.ts$/, ".js")));
    }
  }
  copyFileSync(join(repositoryRoot, "package.json"), join(root, "package.json"));
  symlinkSync(join(repositoryRoot, "node_modules"), join(root, "node_modules"), "junction");
  return { root, module: (name) => join(dist, `${name}.js`), remove: () => rmSync(root, { recursive: true, force: true }) };
}

function compileFile(source: string, target: string): void {
  const { outputText } = ts.transpileModule(readFileSync(source, "utf8"), {
    fileName: source,
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, rewriteRelativeImportExtensions: true, verbatimModuleSyntax: true },
  });
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, outputText);
}

/**
 * The sources as JavaScript, for tests that need a process of their own (to kill it, or to read its
 * exit status). They are compiled once and kept until they change. Types are not checked here:
 * `npm run types` does that.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import ts from "typescript";
import { repositoryRoot } from "./shared.ts";

export interface Compiled {
  /** A folder of the test's own, from which packages are found. */
  readonly root: string;
  /** Absolute path of a compiled module: `module("runs/run")`. */
  module(name: string): string;
  remove(): void;
}

/** Stands for the repository, with `dist/`, `package.json` and `node_modules`. */
const KEPT = join(repositoryRoot, ".cache", "compiled");

/** Everything in `src/`, tests left out. */
export function compileSources(): Compiled {
  const source = join(repositoryRoot, "src");
  for (const name of readdirSync(source, { recursive: true, encoding: "utf8" })) {
    if (name.endsWith(".ts") && !name.endsWith(".test.ts"))
      compileFile(join(source, name), join(KEPT, "dist", name.replace(/\.ts$/, ".js")));
  }
  replace(join(KEPT, "package.json"), readFileSync(join(repositoryRoot, "package.json"), "utf8"));
  linkPackages(KEPT);
  const root = mkdtempSync(join(tmpdir(), "attune-compiled-"));
  copyFileSync(join(repositoryRoot, "package.json"), join(root, "package.json"));
  linkPackages(root);
  return {
    root,
    module: (name) => join(KEPT, "dist", `${name}.js`),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

function linkPackages(folder: string): void {
  try {
    symlinkSync(join(repositoryRoot, "node_modules"), join(folder, "node_modules"), "junction");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** A change of the compiler's settings in this file counts too. */
const changed = (path: string): number =>
  Math.max(...[path, import.meta.filename].map((file) => statSync(file).mtimeMs));

function compileFile(source: string, target: string): void {
  if (existsSync(target) && statSync(target).mtimeMs > changed(source)) return;
  const { outputText } = ts.transpileModule(readFileSync(source, "utf8"), {
    fileName: source,
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      rewriteRelativeImportExtensions: true,
      verbatimModuleSyntax: true,
    },
  });
  replace(target, outputText);
}

/** In one step: another test may be compiling the same. */
function replace(target: string, content: string): void {
  mkdirSync(dirname(target), { recursive: true });
  const draft = `${target}.${process.pid}`;
  writeFileSync(draft, content);
  renameSync(draft, target);
}

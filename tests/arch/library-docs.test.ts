/**
 * What `import "attune"` gives: every export and every member that a program touches is documented,
 * and every type that they name can be named.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { beforeAll, describe, expect, test } from "vitest";
import type { LibraryGaps } from "../support/library.ts";
import { readLibrary } from "../support/library.ts";
import { repositoryRoot } from "../support/shared.ts";

/** Types that an exported one names and a program has no use for, by why. */
const INSIDE: Readonly<Record<string, string>> = {
  OptionsOf: "computed from an option table: PpoOptions and its like are its results",
  ModelFamily: "a model is handed on, not taken apart",
  DecoderConfig: "a model is handed on, not taken apart",
  Adapter: "a model is handed on, not taken apart",
  Int8Weights: "a model is handed on, not taken apart",
  EncodeOptions: "of the methods by which a server shares its thread",
  Slices: "of the methods by which a server shares its thread",
};

const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(repositoryRoot, "tsconfig.json"), (path) => ts.sys.readFile(path)).config,
  ts.sys,
  repositoryRoot,
);

// reads all sources by the compiler, which takes six seconds of processor time
describe("the library", { tags: ["dear"] }, () => {
  const source = join(repositoryRoot, "src");
  let library: LibraryGaps;
  beforeAll(() => {
    library = readLibrary(join(source, "index.ts"), source, options);
  });

  test("has a documentation comment at every export and every public member", () => {
    expect(library.names.length).toBeGreaterThan(150);
    expect(library.undocumented).toEqual([]);
  });

  test("says what is thrown wherever a result comes later", () => {
    expect(library.withoutThrows).toEqual([]);
  });

  test("exports every type that its functions, classes and types name", () => {
    const nameOf = (entry: string): string => entry.slice(0, entry.indexOf(","));
    expect(library.unnamed.filter((entry) => !(nameOf(entry) in INSIDE))).toEqual([]);
    const met = new Set(library.unnamed.map(nameOf));
    expect(Object.keys(INSIDE).filter((name) => !met.has(name))).toEqual([]);
  });
});

test("what lacks a comment, an error or a name is found", () => {
  const folder = mkdtempSync(join(tmpdir(), "attune-library-docs-"));
  try {
    writeFileSync(
      join(folder, "inner.ts"),
      `
interface Base {
  /** Said. */
  said: number;
  inherited: number;
}
interface Hidden { unseen: number }
/** Said. */
export interface Options extends Base { kind: "options"; own?: string; nested: { deep: number } }
/** Said. */
export class Thing {
  field = 0;
  private secret = new Map<Hidden, number>();
  /** Said. */
  method(hidden: Hidden): void { void [hidden, this.secret]; }
  /** Said. */
  async later(): Promise<void> {}
  /** Said. */
  async close(): Promise<void> {}
}
export function bare({ of }: { of: number }): number { const local: Hidden[] = []; return of + local.length; }
/** Said. */
export const arrow = (picked: Pick<Options, "own">): Promise<Hidden[]> => Promise.reject(picked);
/** @throws never */
export async function tagged(): Promise<void> {}
`,
    );
    const index = join(folder, "index.ts");
    writeFileSync(
      index,
      `export { bare as renamed, arrow, tagged, Thing } from "./inner.ts";
export type { Options } from "./inner.ts";`,
    );
    const { undocumented, withoutThrows, unnamed, names } = readLibrary(index, folder, {
      ...options,
      types: [],
    });
    expect(names).toEqual(["renamed", "arrow", "tagged", "Thing", "Options"]);
    expect(undocumented.toSorted()).toEqual([
      "Base.inherited",
      "Options.nested",
      "Options.nested.deep",
      "Options.own",
      "Thing.field",
      "renamed",
      "renamed.of",
      "tagged",
    ]);
    expect(withoutThrows).toEqual(["arrow", "Thing.later"]);
    expect(unnamed.toSorted()).toEqual([
      "Base, in Options",
      "Hidden, in Thing",
      "Hidden, in Thing.method",
      "Hidden, in arrow",
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/**
 * What a user's function depends on, as one hash: its file and the modules that it imports by a
 * relative path, and theirs. Packages, `import()` of what is computed and files that it reads are
 * not followed, and named.
 *
 * Specifiers are looked for in the text, in comments too: a file hashed too many asks a judge once
 * more, one too few would keep what another function said.
 */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { basename, dirname, relative, resolve } from "node:path";
import { formatPlainList } from "../plain-list.ts";

export interface ModuleFingerprint {
  /** SHA-256 of all files, in hex. */
  hash: string;
  /** Relative to the first one's folder, which comes first. */
  files: readonly string[];
  /** What it depends on beside them, for people: a change there goes unnoticed. */
  notFollowed: readonly string[];
}

const SPECIFIER = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*(?:"([^"\n]+)"|'([^'\n]+)'|`([^`$\n]+)`)/g;
/** An import whose specifier is no plain text. */
const COMPUTED = /\b(?:import|require)\s*\(\s*(?!["'`)\s]|\/)|\b(?:import|require)\s*\(\s*`[^`]*\$/;
/** Endings that `require` adds. */
const ENDINGS = ["", ".js", ".cjs", ".mjs", ".ts", ".json", "/index.js", "/index.ts"];
const BUILT_IN: ReadonlySet<string> = new Set(builtinModules);

/** @param path of a file that is there */
export function moduleFingerprint(path: string): ModuleFingerprint {
  const start = resolve(path);
  const texts = new Map<string, Buffer>();
  const packages = new Set<string>();
  const computed: string[] = [];
  const waiting = [start];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (texts.has(file)) continue;
    const content = readFileSync(file);
    texts.set(file, content);
    if (file.endsWith(".json")) continue;
    const text = content.toString("utf8");
    if (COMPUTED.test(text)) computed.push(basename(file));
    for (const found of text.matchAll(SPECIFIER)) {
      const specifier = (found[1] ?? found[2] ?? found[3])!;
      const isFile = /^(?:\.{1,2}\/|\/|file:)/.test(specifier);
      if (isFile) waiting.push(...fileOf(specifier, file));
      else if (isPackage(specifier)) packages.add(specifier);
    }
  }
  const name = (file: string): string => relative(dirname(start), file);
  const files = [...texts.keys()].map(name);
  const hash = createHash("sha256");
  const named = [...texts].map(([file, content]) => [name(file), content] as const);
  for (const [each, content] of named.toSorted(([a], [b]) => (a < b ? -1 : 1)))
    hash
      .update(`${JSON.stringify([files.length === 1 ? "" : each, content.length])}\n`)
      .update(content);
  return {
    hash: hash.digest("hex"),
    files,
    notFollowed: [
      ...[...packages].toSorted().map((each) => `the package ${each}`),
      ...(computed.length === 0 ? [] : [`imports that ${formatPlainList(computed)} computes`]),
    ],
  };
}

/** None where the words are no import but part of a text. */
function fileOf(specifier: string, importer: string): string[] {
  const plain = specifier.replace(/[?#].*$/, "");
  const target = plain.startsWith("file:")
    ? new URL(plain).pathname
    : resolve(dirname(importer), plain);
  const found = ENDINGS.map((ending) => `${target}${ending}`).find((each) =>
    statSync(each, { throwIfNoEntry: false })?.isFile(),
  );
  return found === undefined ? [] : [found];
}

const isPackage = (specifier: string): boolean =>
  /^(?:@[\w.-]+\/)?[\w.-]+(?:\/[\w./-]+)?$/.test(specifier) &&
  !specifier.startsWith("node:") &&
  !BUILT_IN.has(specifier);

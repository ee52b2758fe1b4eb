/** The documentation names things that exist: links, headings, files, commands. */
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands/index.ts";
import { repositoryRoot } from "../support/shared.ts";

interface Page {
  /** Path below the repository's root. */
  name: string;
  text: string;
  /** The text without fenced blocks and code spans, whose brackets are no links. */
  prose: string;
  /** Contents of the fenced blocks. */
  blocks: string[];
}

const FENCE = /^```[^\n]*\n([^]*?)^```/gm;

function readPage(name: string): Page {
  const text = readFileSync(join(repositoryRoot, name), "utf8");
  return {
    name,
    text,
    prose: text.replaceAll(FENCE, "").replaceAll(/`[^`\n]*`/g, ""),
    blocks: [...text.matchAll(FENCE)].map(([, block]) => block!),
  };
}

const pages = [
  ...readdirSync(repositoryRoot).filter((name) => name.endsWith(".md")),
  ...["docs", "tests", "scripts", "examples", "bench"].flatMap((folder) =>
    existsSync(join(repositoryRoot, folder))
      ? readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: "utf8" })
          .filter((name) => name.endsWith(".md"))
          .map((name) => join(folder, name))
      : [],
  ),
].map(readPage);

/** The anchors that a page's headings make, by GitHub's rule. */
function anchorsOf(text: string): string[] {
  const seen = new Map<string, number>();
  return [...text.replaceAll(FENCE, "").matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, heading]) => {
    const plain = heading!
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
    const count = seen.get(plain) ?? 0;
    seen.set(plain, count + 1);
    return count === 0 ? plain : `${plain}-${count}`;
  });
}

function brokenLink(page: Page, target: string): string | undefined {
  if (/^[a-z]+:/.test(target)) return target.startsWith("https://") ? undefined : "is not https";
  const [path = "", anchor] = target.split("#");
  const file =
    path === ""
      ? join(repositoryRoot, page.name)
      : resolve(repositoryRoot, dirname(page.name), decodeURIComponent(path));
  if (relative(repositoryRoot, file).startsWith("..")) return "leaves the repository";
  if (!existsSync(file)) return "does not exist";
  if (
    anchor !== undefined &&
    (statSync(file).isDirectory() || !anchorsOf(readFileSync(file, "utf8")).includes(anchor))
  )
    return "has no such heading";
  return undefined;
}

describe("pages", () => {
  test("the expected ones are there, each with one title", () => {
    const names = pages.map(({ name }) => name);
    for (const name of [
      "README.md",
      "CONTRIBUTING.md",
      "CHANGELOG.md",
      "docs/architecture.md",
      "docs/glossary.md",
      "docs/log.md",
    ])
      expect(names).toContain(name);
    expect(names.filter((name) => name.startsWith("docs/decisions/")).length).toBeGreaterThan(4);
    const titled = pages.filter(
      ({ name, prose }) =>
        /^(docs\/|[A-Z]+\.md)/.test(name) && [...prose.matchAll(/^# /gm)].length !== 1,
    );
    expect(titled.map(({ name }) => name)).toEqual([]);
  });

  test("links lead somewhere", () => {
    const links = pages.flatMap((page) =>
      [
        ...page.prose.matchAll(/\[[^\]]*\]\(([^)\s]+)(?: "[^"]*")?\)/g),
        ...page.prose.matchAll(/<(?:img|source)\b[^>]*\bsrc(?:set)?="([^"]+)"/g),
      ].map(([, target]) => ({ page, target: target! })),
    );
    expect(links.map(({ target }) => target)).toContain("docs/images/report-dark.png");
    expect(links.length).toBeGreaterThan(10);
    const broken = links
      .map(({ page, target }) => ({ page, target, why: brokenLink(page, target) }))
      .filter(({ why }) => why !== undefined);
    expect(broken.map(({ page, target, why }) => `${page.name}: ${target} ${why}`)).toEqual([]);
  });

  test("the checker of links sees what is broken", () => {
    const page = readPage("docs/architecture.md");
    expect(
      [
        "nothing.md",
        "../../outside.md",
        "glossary.md#no-such-heading",
        "http://example.org",
        "#no-such-heading",
      ].map((target) => brokenLink(page, target)),
    ).toEqual([
      "does not exist",
      "leaves the repository",
      "has no such heading",
      "is not https",
      "has no such heading",
    ]);
    expect(
      ["glossary.md", "../README.md#the-map", "#rooms", "decisions", "https://example.org"].map(
        (target) => brokenLink(page, target),
      ),
    ).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });

  test("files and folders that are named exist", () => {
    const named = pages.flatMap(({ name, text }) =>
      [...text.matchAll(/`((?:src|tests|scripts|docs|bench|examples)\/[\w./-]*\w\/?)`/g)].map(
        ([, path]) => ({ name, path: path! }),
      ),
    );
    expect(named.length).toBeGreaterThan(40);
    // A page may speak of what is to come, if it says so.
    const planned = new Set(["docs/results.md"]);
    expect(
      named
        .filter(({ path }) => !planned.has(path) && !existsSync(join(repositoryRoot, path)))
        .map(({ name, path }) => `${name}: ${path}`),
    ).toEqual([]);
  });
});

describe("commands", () => {
  const known = new Set(COMMANDS.map(({ name }) => name));
  const scripts = Object.keys(
    (
      JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
        scripts: Record<string, string>;
      }
    ).scripts,
  );

  test("in examples are commands of attune", () => {
    const used = pages.flatMap(({ name, blocks }) =>
      blocks.flatMap((block) =>
        [
          ...block.matchAll(
            /^(?:npm run (?:--silent )?attune -- |(?:npx )?attune )([a-z][\w+-]*)/gm,
          ),
        ].map(([, command]) => ({ name, command: command! })),
      ),
    );
    expect(used.length).toBeGreaterThan(3);
    expect(
      used
        .filter(({ command }) => !known.has(command))
        .map(({ name, command }) => `${name}: attune ${command}`),
    ).toEqual([]);
  });

  test("of npm are scripts of the package", () => {
    const used = pages.flatMap(({ name, text }) =>
      [...text.matchAll(/\bnpm run (?:--silent )?([a-z][\w:-]*)/g)].map(([, script]) => ({
        name,
        script: script!,
      })),
    );
    expect(
      used
        .filter(({ script }) => !scripts.includes(script))
        .map(({ name, script }) => `${name}: npm run ${script}`),
    ).toEqual([]);
  });
});

/** Rooms import only from rooms above them in the list, which is the map of the README. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { circlesIn, importsWithin } from "../support/circles.ts";
import { importsOf, readSources, resolveImport } from "../support/imports.ts";
import type { Import, SourceFile } from "../support/imports.ts";
import { repositoryRoot } from "../support/shared.ts";

const ROOMS = [
  "core",
  "stats",
  "config",
  "graph",
  "memory",
  "onnx",
  "runtime",
  "text",
  "data",
  "world",
  "runs",
  "models",
  "objectives",
  "optim",
  "sampling",
  "training",
  "constitution",
  "evaluation",
  "report",
  "planning",
  "quickstart",
  "library",
  "labelling",
  "scale",
  "server",
  "studio",
  "cli",
];
/** Rooms that a browser must be able to load. */
const BROWSER_ROOMS = ["core", "stats", "graph", "memory", "onnx", "objectives"];
/** Packages that a browser can load, for those rooms and the `*.config.ts` files. */
const BROWSER_PACKAGES = ["zod"];
/** Rooms that must not know how the gold scorer judges, directly or through others. */
const BLIND_ROOMS = [
  "data",
  "runs",
  "models",
  "objectives",
  "optim",
  "sampling",
  "training",
  "constitution",
];

const folder = join(repositoryRoot, "src");
const all = readSources(folder);
const isTest = ({ name }: SourceFile): boolean => name.endsWith(".test.ts");
/** Helpers of tests that live beside the sources. */
const isHelper = ({ name }: SourceFile): boolean => /(^|\/)testing(\/|\.ts$)/.test(name);
const sources = all.filter((file) => !isTest(file));
const shipped = sources.filter((file) => !isHelper(file));
const byName = new Map(all.map((file) => [file.name, file]));

interface Edge extends Import {
  file: SourceFile;
  /** Name of the source file that is meant; undefined for packages. */
  source: string | undefined;
}
const edgesOf = (file: SourceFile): Edge[] =>
  file.imports.map((each) => ({
    file,
    ...each,
    source: resolveImport(folder, file.name, each.target),
  }));
const edges = sources.flatMap(edgesOf);
const show = ({ file, target }: Edge): string => `${file.name} imports ${target}`;

/** How a file comes to import something that fits: the chain of names, or undefined. */
function chainTo(
  start: SourceFile,
  fits: (edge: Edge) => boolean,
  follows: (edge: Edge) => boolean = () => true,
): string | undefined {
  const queue: { file: SourceFile; chain: string }[] = [{ file: start, chain: start.name }];
  const seen = new Set([start.name]);
  for (const { file, chain } of queue) {
    for (const edge of edgesOf(file).filter(follows)) {
      if (fits(edge)) return `${chain} > ${edge.target}`;
      const next = edge.source === undefined ? undefined : byName.get(edge.source);
      if (next && !seen.has(next.name)) {
        seen.add(next.name);
        queue.push({ file: next, chain: `${chain} > ${next.name}` });
      }
    }
  }
  return undefined;
}

describe("the reader of imports", () => {
  test("sees every way to import", () => {
    const text = `
      import a from "./a.ts"; import type { B } from "./b.ts";
      export * from "./c.ts"; export { d } from "./d.ts";
      import "./e.ts"; const f = await import("./f.ts"); type G = import("./g.ts").G;
      import h = require("./h.ts"); const i = require("./i.ts");
      const j = await import(\`./j.ts\`); const k = await import(name); // import "./not.ts"
      const text = 'import "./not.ts"';`;
    expect(
      importsOf(text)
        .filter(({ typeOnly }) => typeOnly)
        .map(({ target }) => target),
    ).toEqual(["./b.ts", "./g.ts"]);
    expect(importsOf(text).map(({ target }) => target)).toEqual([
      "./a.ts",
      "./b.ts",
      "./c.ts",
      "./d.ts",
      "./e.ts",
      "./f.ts",
      "./g.ts",
      "./h.ts",
      "./i.ts",
      "./j.ts",
      "?",
    ]);
  });

  test("finds the code, and every file that it imports", () => {
    expect(shipped.length).toBeGreaterThan(100);
    expect(edges.length).toBeGreaterThan(500);
    expect(edges.filter(({ source }) => source?.startsWith("missing")).map(show)).toEqual([]);
  });
});

describe("layers", () => {
  test("every room is on the list", () => {
    expect(
      [...new Set(sources.map(({ room }) => room))].filter(
        (room) => room !== "" && !ROOMS.includes(room),
      ),
    ).toEqual([]);
  });

  test("imports point up the list only", () => {
    const wrong = edges.filter(({ file, source }) => {
      if (source === undefined || file.room === "") return false;
      const target = byName.get(source)?.room ?? "";
      return target === "" || ROOMS.indexOf(target) > ROOMS.indexOf(file.room);
    });
    expect(wrong.map(show)).toEqual([]);
  });

  test("imports of rooms are written as files with their ending, and never leave src", () => {
    const wrong = edges.filter(
      ({ target, source }) =>
        target.startsWith(".") && (!target.endsWith(".ts") || source!.startsWith("..")),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test("nothing that is shipped imports tests or their helpers", () => {
    const wrong = shipped.flatMap(edgesOf).filter(({ source }) => {
      const file = source === undefined ? undefined : byName.get(source);
      return file !== undefined && (isTest(file) || isHelper(file));
    });
    expect(wrong.map(show)).toEqual([]);
  });

  test("only runtime imports onnxruntime-node", () => {
    expect(
      edges
        .filter(({ file, target }) => target.startsWith("onnxruntime") && file.room !== "runtime")
        .map(show),
    ).toEqual([]);
  });

  test("what a browser may load uses nothing of Node, not even through others", () => {
    const clean = shipped.filter(
      ({ name, room }) => BROWSER_ROOMS.includes(room) || name.endsWith(".config.ts"),
    );
    expect(clean.length).toBeGreaterThan(30);
    const foreign = ({ target, source }: Edge): boolean =>
      source === undefined && !BROWSER_PACKAGES.includes(target);
    expect(
      clean
        .map((file) => chainTo(file, foreign, ({ typeOnly }) => !typeOnly))
        .filter((chain) => chain !== undefined),
    ).toEqual([]);
  });

  test("no trainer reads the gold scorer, not even through others", () => {
    const blind = shipped.filter(({ room }) => BLIND_ROOMS.includes(room));
    expect(blind.length).toBeGreaterThan(40);
    expect(byName.has("world/gold.ts")).toBe(true);
    expect(
      blind
        .map((file) => chainTo(file, ({ source }) => source === "world/gold.ts"))
        .filter((chain) => chain !== undefined),
    ).toEqual([]);
  });

  test("modules are not imported by computed names", () => {
    expect(edges.filter(({ target }) => target === "?").map(show)).toEqual([]);
  });

  test("no comment turns a rule about imports off", () => {
    const disabled = all.flatMap(({ name, text }) =>
      [...text.matchAll(/(?:ox|es)lint-disable[^\n]*/g)].map(([comment]) => `${name}: ${comment}`),
    );
    expect(
      disabled.filter((comment) =>
        /import\/|no-restricted-imports|disable(-next-line|-line)?\s*(\*\/)?$/.test(comment),
      ),
    ).toEqual([]);
  });
});

describe("circles", () => {
  const graph = new Map(
    sources.map((file) => [
      file.name,
      new Set(edgesOf(file).flatMap(({ source }) => (source === undefined ? [] : [source]))),
    ]),
  );
  const folders = [
    ...new Set(
      sources.flatMap(({ name }) => {
        const parts = name.split("/").slice(0, -1);
        return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
      }),
    ),
  ];

  test("are found where there are some", () => {
    const files = new Map([
      ["a/x/1.ts", new Set(["a/y/2.ts", "a/3.ts"])],
      ["a/y/2.ts", new Set(["a/x/4.ts"])],
      ["a/3.ts", new Set<string>()],
      ["a/x/4.ts", new Set(["a/3.ts"])],
    ]);
    expect(circlesIn(files)).toEqual([]);
    expect(circlesIn(importsWithin(files, "a"))).toEqual([["a/x", "a/y"]]);
    files.get("a/3.ts")!.add("a/x/1.ts");
    expect(circlesIn(files)).toEqual([["a/3.ts", "a/x/1.ts", "a/x/4.ts", "a/y/2.ts"]]);
  });

  test("no file imports itself through others; types and dynamic imports count", () => {
    expect(circlesIn(graph)).toEqual([]);
  });

  test("no subfolder of a room imports itself through its siblings or the files beside it", () => {
    const circles = folders.flatMap((folder) =>
      circlesIn(importsWithin(graph, folder)).filter((circle) =>
        circle.some((name) => folders.includes(name)),
      ),
    );
    expect(circles).toEqual([]);
  });
});

describe("the README's map", () => {
  const readme = readFileSync(join(repositoryRoot, "README.md"), "utf8");
  const map = /```[a-z]*\n(src\/\n[^]*?)```/.exec(readme)?.[1] ?? "";
  const drawn = [...map.matchAll(/^ {2}([a-z]+)\/ +(\S.*)$/gm)].map(([, room, line]) => ({
    room: room!,
    line: line!,
  }));

  test("has one line for every room that exists, in the order of the layers, and for no other", () => {
    const rooms = new Set(shipped.map(({ room }) => room));
    expect(drawn.map(({ room }) => room)).toEqual(ROOMS.filter((room) => rooms.has(room)));
    for (const { room, line } of drawn) expect(line.length, room).toBeGreaterThan(10);
  });

  test("names files that exist", () => {
    const named = drawn.flatMap(({ room, line }) =>
      [...line.matchAll(/[\w-]+\.ts\b|\b[\w-]+\/(?=[,); ])/g)].map(([name]) => `${room}/${name}`),
    );
    expect(named.length).toBeGreaterThan(3);
    const exists = (path: string): boolean =>
      sources.some(({ name }) => (path.endsWith("/") ? name.startsWith(path) : name === path));
    expect(named.filter((path) => !exists(path))).toEqual([]);
  });
});

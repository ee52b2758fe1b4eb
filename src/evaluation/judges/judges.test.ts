import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { AnswerCache } from "../../constitution/answer-cache.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { goldScore } from "../../world/gold.ts";
import { answer } from "../../world/answers.ts";
import { Random } from "../../core/random.ts";
import { batched } from "./batcher.ts";
import { columnJudge } from "./column-judge.ts";
import type { AnswerSet } from "../compare/answer-set.ts";
import { compareModels } from "../compare/compare.ts";
import { askBlind } from "../compare/judges.ts";
import { openFunctionJudge } from "./function-judge.ts";
import { goldJudge, readSeed, requestsWorld, worldPrompts } from "./gold-judge.ts";
import { JUDGE_TEMPLATE } from "./judge-template.ts";
import { moduleFingerprint } from "./module-fingerprint.ts";
import { rubricConstitution } from "./rubric.ts";
import { scoredJudge } from "./scored-judge.ts";
import { votesJudge } from "./votes-judge.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-judges-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("the file to start from names the model that the others are compared with first", () => {
  expect(JUDGE_TEMPLATE).toContain("attune compare runs/old runs/new ");
});

test.each([
  ["short answers", (i: number) => `Village number ${i % 7}`, (i: number) => `No ${i}.`],
  [
    "long ones",
    (i: number) => `The oldest house of the village ${i} was built by a miller. `.repeat(6),
    (i: number) => `Nobody can say that. It was long ago, number ${i}. `.repeat(5),
  ],
  [
    "words of the question alone, and an end that was cut off",
    (i: number) => `House ${i} of the village was built by the miller. He also`,
    (i: number) => (i % 2 ? "Some house." : "The village."),
  ],
])("the file to start from is fooled by nothing worthless: %s", async (_, good, poor) => {
  const path = join(folder, "template.ts");
  writeFileSync(path, JUDGE_TEMPLATE);
  const opened = await openFunctionJudge(path, { timeout: 20, name: "template" });
  const set = (name: string, text: (i: number) => string): AnswerSet => ({
    name,
    source: name,
    fingerprint: name,
    answers: Array.from({ length: 60 }, (__, i) => ({
      prompt: `Who built house ${i} of the village?`,
      text: text(i),
    })),
  });
  const { judges } = await compareModels({
    sets: [set("old", poor), set("new", (i) => (i % 3 ? good(i) : poor(i)))],
    judges: [opened.judge({ cache: AnswerCache.inMemory(), rowOf: () => ({}) })],
    options: { seed: 1, confidence: 0.95, pairs: "baseline", controls: true, probes: 30 },
  });
  await opened.close();
  expect(judges[0]!.trust.conclusion).toBe("sound");
  expect(judges[0]!.pairs[0]!.verdict.conclusion).toBe("better");
});

describe("gold", () => {
  const world = requestsWorld(1);
  const { judge, symmetric } = goldJudge(world, "gold");

  test("prefers what the exact scorer scores higher, for every request of the world", async () => {
    expect(symmetric).toBe(true);
    const prompts = worldPrompts(world);
    expect(prompts).toHaveLength(300);
    const random = Random.for(1, "answers");
    for (const [index, request] of world.evaluation.slice(0, 40).entries()) {
      const [one, other] = ["good", "wrong"].map((style) =>
        answer(world.village, request, style as Parameters<typeof answer>[2], random),
      );
      const scores = [one, other].map((text) => goldScore(world.village, request, text!).total);
      const expected = scores[0] === scores[1] ? 0.5 : scores[0]! > scores[1]! ? 1 : 0;
      expect(await judge.compare(prompts[index]!.prompt, one!, other!)).toBe(expected);
    }
  });

  test("finds a request behind a system message, and has no opinion on anything else", async () => {
    const { text } = world.evaluation[0]!;
    const turns = [
      { role: "system" as const, content: "Be short." },
      { role: "user" as const, content: text },
    ];
    expect(typeof (await judge.compare(turns, "a", "b"))).toBe("number");
    expect(typeof (await judge.compare(text, "a", "b"))).toBe("number");
    expect(await judge.compare("What is love?", "a", "b")).toMatchObject({
      refused: expect.stringContaining("no request"),
    });
  });

  test("the world of requests alone is the world of the quickstart", () => {
    expect(requestsWorld(2).evaluation[0]).not.toEqual(world.evaluation[0]);
    expect([readSeed("gold", 7), readSeed("gold:3", 7), readSeed("world:12", 7)]).toEqual([
      7, 3, 12,
    ]);
    expect(() => readSeed("gold:one", 7)).toThrow(/no seed/);
  });
});

test("votes are found whichever side an answer stood on, and averaged", async () => {
  const vote = (chosen: string, rejected: string, p: number): PreferenceRecord => ({
    kind: "preference",
    prompt: [{ role: "user", content: "Which?" }],
    chosen,
    rejected,
    p,
    place: {},
  });
  const { judge } = votesJudge(
    [vote("a", "b", 1), vote("b", "a", 1), vote("a", "b", 0.5), vote("c", "a", 1)],
    "people",
  );
  expect(await judge.compare("Which?", "a", "b")).toBe(0.5);
  expect(await judge.compare("Which?", "b ", "a")).toBe(0.5);
  expect(await judge.compare("Which?", "a", "c")).toBe(0);
  expect(await judge.compare("Which?", "c", "a")).toBe(1);
  expect(await judge.compare("Which?", "b", "c")).toMatchObject({ refused: expect.any(String) });
});

test("columns of the files judge: the higher score wins, and a missing one is no opinion", async () => {
  const set = (
    name: string,
    rows: readonly (readonly [string, number | boolean | undefined])[],
  ) => ({
    name,
    source: name,
    fingerprint: name,
    answers: rows.map(([text, acc], i) => ({ prompt: `p${i}`, text, columns: { acc } })),
  });
  const sets = [
    set("one", [
      ["a", 1],
      ["b", false],
      ["c", 1],
    ]),
    set("two", [
      ["A", 0],
      ["B", 0],
      ["C", undefined],
    ]),
  ];
  const {
    judge: { judge },
    metric,
  } = columnJudge({ sets, metrics: ["acc"] }, "scores");
  expect(metric).toBe("acc");
  expect(await judge.compare("p0", "a", "A")).toBe(1);
  expect(await judge.compare("p0", "A", "a")).toBe(0);
  expect(await judge.compare("p1", "b", "B")).toBe(0.5);
  expect(await judge.compare("p2", "c", "C")).toMatchObject({
    refused: expect.stringContaining("acc"),
  });
  expect(() => columnJudge({ sets, metrics: ["acc"], metric: "ac" }, "scores")).toThrow(
    /did you mean acc/,
  );
});

describe("whoever scores answers", () => {
  test("is asked once for each, many together, and again after a failure", async () => {
    const batches: number[] = [];
    let fails = true;
    const judge = scoredJudge({
      name: "length",
      batch: 8,
      score(answers) {
        batches.push(answers.length);
        if (fails) return Promise.reject(new Error("not now"));
        return Promise.resolve(answers.map(({ text }) => text.length));
      },
    });
    await expect(judge.compare("p", "a", "bb")).rejects.toThrow("not now");
    fails = false;
    const said = await Promise.all(
      ["a", "bb", "ccc"].map((text) => judge.compare("p", text, "bb")),
    );
    expect(said).toEqual([0, 0.5, 1]);
    expect(batches).toEqual([2, 3]);
    expect(await judge.compare("p", "a", "ccc")).toBe(0);
    expect(batches).toEqual([2, 3]);
  });

  test("keeps what it gave, and no NaN passes", async () => {
    const cache = AnswerCache.inMemory();
    let asked = 0;
    const make = (score: number) =>
      scoredJudge({
        name: "constant",
        kept: { cache, fingerprint: "f" },
        score: (answers) => Promise.resolve(answers.map(() => (asked++, score))),
      });
    expect(await make(1).compare("p", "a", "b")).toBe(0.5);
    expect(await make(2).compare("p", "b", "a")).toBe(0.5);
    expect([asked, cache.size]).toEqual([2, 2]);
    await expect(make(NaN).compare("p", "c", "d")).rejects.toMatchObject({ code: "numeric" });
  });
});

describe("a function's file", () => {
  const open = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return openFunctionJudge(join(folder, name), { timeout: 2, name });
  };

  test("whose answer is no chance is quoted, and what it said is not kept", async () => {
    const opened = await open(
      "wrong.ts",
      "export const compare = (prompt: string): unknown =>\n" +
        '  ({ text: "quota exceeded", nan: NaN, seven: 7 })[prompt as "text"] ?? 0.5;\n',
    );
    const cache = AnswerCache.inMemory();
    const { judge } = opened.judge({ cache, rowOf: () => ({}) });
    for (const [prompt, got] of [
      ["text", "quota exceeded"],
      ["nan", "NaN"],
      ["seven", "7"],
    ] as const)
      await expect(judge.compare(prompt, "a", "b")).rejects.toThrow(
        new RegExp(`no probability[^]*${got}[^]*from 0 to 1`),
      );
    expect(cache.size).toBe(0);
    await opened.close();
  });

  test("that compares is told the row, and is asked nothing twice", async () => {
    const opened = await open(
      "pair.ts",
      "interface Row { extra: { want: string } }\n" +
        "export const compare = (_: string, first: string, second: string, row: Row): number =>\n" +
        "  first === row.extra.want ? 1 : second === row.extra.want ? 0 : 0.5;\n",
    );
    const cache = AnswerCache.inMemory();
    const { judge, symmetric } = opened.judge({ cache, rowOf: () => ({ want: "yes" }) });
    expect(symmetric).toBe(false);
    expect(
      await Promise.all([judge.compare("p", "yes", "no"), judge.compare("p", "no", "yes")]),
    ).toEqual([1, 0]);
    expect(await judge.compare("p", "yes", "no")).toBe(1);
    expect(cache.size).toBe(2);
    await opened.close();
  });

  test.each(["score", "compare"])(
    "that exports %s is asked anew once what it sees changes",
    async (way) => {
      const source =
        way === "score"
          ? 'import { right } from "./rule.ts";\n' +
            "export const score = ({ completion, extra }: any) => right(completion, extra);\n"
          : "import type { Anything } from \"left-pad\";\nimport { right } from './rule.ts';\n" +
            "export const compare = (_: string, a: string, b: string, row: any): number =>\n" +
            "  (1 + right(a, row.extra) - right(b, row.extra)) / 2;\n";
      const rule = (sign: string): void =>
        writeFileSync(
          join(folder, "rule.ts"),
          'import words from "./words.json" with { type: "json" };\n' +
            "export const right = (text: string, { want }: any): number =>\n" +
            `  Number(text ${sign} (want ?? words.want));\n`,
        );
      const words = (want: string): void =>
        writeFileSync(join(folder, "words.json"), JSON.stringify({ want }));
      const cache = AnswerCache.inMemory();
      const ask = async (want: string | undefined) => {
        const opened = await open(`${way}s.ts`, source);
        const { judge } = opened.judge({ cache, rowOf: () => ({ want }) });
        const said = await judge.compare("p", "yes", "no");
        await opened.close();
        return said;
      };
      rule("===");
      words("yes");
      expect([await ask("yes"), await ask("no"), await ask(undefined)]).toEqual([1, 0, 1]);
      rule("!==");
      expect(await ask("yes")).toBe(0);
      words("no");
      expect(await ask(undefined)).toBe(1);
      const kept = cache.size;
      expect(await ask("yes")).toBe(0);
      // words.json changed since
      expect(cache.size).toBeGreaterThan(kept);
      const all = cache.size;
      expect(await ask("yes")).toBe(0);
      expect(cache.size).toBe(all);
    },
  );

  test("names what of a function is not followed", () => {
    const path = join(folder, "far.ts");
    writeFileSync(join(folder, "near.cjs"), "module.exports = require('./nearer');\n");
    writeFileSync(join(folder, "nearer.js"), "module.exports = 1;\n");
    writeFileSync(
      path,
      'import fs from "node:fs";\nimport path from "path";\nimport one from "./near.cjs";\n' +
        'import pad from "left-pad";\nexport * from "@scope/name/sub";\n' +
        "// from './nowhere.ts'\n" +
        "export const score = async () => (await import(`./${pad}.ts`)).default;\n",
    );
    expect(moduleFingerprint(path)).toEqual({
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      files: ["far.ts", "near.cjs", "nearer.js"],
      notFollowed: [
        "the package @scope/name/sub",
        "the package left-pad",
        "imports that far.ts computes",
      ],
    });
  });

  test("that hangs is given up", async () => {
    await expect(
      open("hangs.ts", "export const score = () => new Promise(() => undefined);\n"),
    ).rejects.toMatchObject({
      details: { hint: expect.stringContaining("--judge-timeout") },
    });
  });

  test.each([
    ["score", "({ completion }) => completion === 'c' ? true : 1"],
    ["score", "({ completion }) => completion === 'c' ? 'yes' : 1"],
    ["score", "({ completion }) => completion === 'c' ? null : 1"],
  ])("that gives no number sometimes is told so: %s = %s", async (name, body) => {
    const opened = await open("sometimes.mjs", `export const ${name} = ${body};\n`);
    const { judge } = opened.judge({ cache: AnswerCache.inMemory(), rowOf: () => ({}) });
    await expect(judge.compare("p", "a", "c")).rejects.toThrow(
      /the score of the judge sometimes.mjs is no number[^]*for the answer "c"/,
    );
    await opened.close();
  });

  test.each(["score", "compare"])(
    "that fails in the middle (%s) keeps what the others were answered, and ends at once",
    async (name) => {
      const log = join(folder, `asked-${name}.jsonl`);
      const body = (fails: boolean): string =>
        'import { appendFileSync } from "node:fs";\n' +
        `export const ${name} = async (...given) => {\n` +
        "  const text = given[0].completion ?? given.slice(1, 3).join();\n" +
        (fails ? '  if (text.includes("bad")) throw new Error("no credit");\n' : "") +
        `  if (!text.includes("trial")) appendFileSync(${JSON.stringify(log)}, text + "\\n");\n` +
        "  return text.length % 2;\n};\n";
      const cache = AnswerCache.inMemory();
      const judgeAll = async (opened: Awaited<ReturnType<typeof open>>) => {
        const asked = opened.judge({ cache, rowOf: () => ({}) });
        const pairs = Array.from({ length: 90 }, (_, i) => ({
          id: String(i),
          prompt: `p${i}`,
          first: i === 40 ? "bad" : `answer ${i}`,
          second: `other ${i} of them`,
        }));
        return askBlind(asked, pairs, { seed: 1 });
      };
      const broken = await open("fails.mjs", body(true));
      // nothing of the file changes but the fault, which is outside of it in the field
      await expect(judgeAll(broken)).rejects.toThrow(/fails.mjs failed[^]*no credit/);
      const kept = cache.size;
      expect(kept).toBe(readFileSync(log, "utf8").trim().split("\n").length);
      const [began] = [Date.now(), await broken.close()];
      expect(Date.now() - began).toBeLessThan(1500);
    },
  );

  test("that is closed while it is asked fails whoever waits, and keeps no process alive", async () => {
    const opened = await open(
      "waits.mjs",
      "export const score = ({ completion }) =>\n" +
        "  completion === 'late' ? new Promise(() => undefined) : 1;\n",
    );
    const { judge } = opened.judge({ cache: AnswerCache.inMemory(), rowOf: () => ({}) });
    const waiting = judge.compare("p", "late", "a");
    const failed = expect(waiting).rejects.toThrow(/waits.mjs failed[^]*it was closed/);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await opened.close();
    await failed;
  });

  test("that gives no probability is refused before anything is asked", async () => {
    await expect(open("two.ts", "export const compare = () => 2;\n")).rejects.toThrow(
      /gives no number/,
    );
  });
});

test("a rubric is a constitution of one principle", () => {
  const { constitution } = rubricConstitution("Prefer: the right answer.\n\n- be kind");
  expect(constitution.principles).toHaveLength(1);
  expect(constitution.principles[0]!.comparison).toMatch(
    /^Prefer: the right answer[^]*which of the two answers is better\?$/,
  );
});

test("an item that fails takes no other of its batch with it", async () => {
  const ask = batched(
    (items: readonly number[]) =>
      Promise.resolve(items.map((item) => (item === 2 ? new Error("two") : 2 * item))),
    8,
  );
  const said = await Promise.allSettled([1, 2, 3].map(ask));
  expect(said.map((each) => (each.status === "fulfilled" ? each.value : "failed"))).toEqual([
    2,
    "failed",
    6,
  ]);
});

test("a batch that fails fails for those who waited for it alone", async () => {
  let calls = 0;
  const ask = batched((items: readonly number[]) => {
    if (calls++ === 0) return Promise.reject(new Error("first"));
    return Promise.resolve(items.map((item) => 2 * item));
  }, 2);
  const said = await Promise.allSettled([1, 2, 3].map(ask));
  expect(said.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  expect(await ask(4)).toBe(8);
});

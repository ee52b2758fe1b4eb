import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { jsonLines, testFolder } from "../../data/testing.ts";
import { runProgram } from "../program.ts";
import { fakeIo } from "../testing.ts";

const folder = testFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);

interface Told {
  status: number;
  out: string;
  err: string;
}

async function aggregate(...argv: string[]): Promise<Told> {
  const io = fakeIo();
  const status = await runProgram(["data", "aggregate", ...argv], io);
  const clean = (text: string): string =>
    text.replaceAll(/[^\s(]*\/(\w+\.(jsonl|html))/g, "$1").replaceAll(/\s+/g, " ");
  return { status, out: clean(io.stdout.text), err: clean(io.stderr.text) };
}

interface Row {
  prompt: string;
  chosen: string;
  rejected: string;
  annotator?: string;
  p?: number;
  side?: string;
}
const vote = (pair: number, annotator: string, good: boolean, more: object = {}): Row => ({
  prompt: `question ${pair}`,
  chosen: good ? "good answer" : "bad one",
  rejected: good ? "bad one" : "good answer",
  annotator,
  ...more,
});

/** Five annotators, of whom the last votes for the left. */
function crowd(pairs: number): Row[] {
  const random = new Random(6);
  return Array.from({ length: pairs }, (_, pair) =>
    random.sample(["ann", "bob", "cid", "dan", "eve"], 3).map((name) => {
      const goodLeft = random.chance(0.5);
      const good = name === "eve" ? goodLeft : random.chance(0.9);
      return vote(pair, name, good, { side: good === goodLeft ? "first" : "second" });
    }),
  ).flat();
}
const votes = folder.write("votes.jsonl", jsonLines(...crowd(120)));
const read = (name: string): (Row & { extra: { votes: number } })[] =>
  readFileSync(at(name), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Row & { extra: { votes: number } });

test("the page gives its command as it can be given again", async () => {
  const spaced = folder.write("my votes.jsonl", jsonLines(...crowd(20)));
  await aggregate("--data", spaced, "--report", at("spaced.html"));
  const page = readFileSync(at("spaced.html"), "utf8").replaceAll("&#39;", "'");
  expect(page).toContain(`attune data aggregate --data '${spaced}' --report`);
});

test("labels are weighed by reliability; who votes for the left is named", async () => {
  const { status, out, err } = await aggregate(
    "--data",
    votes,
    "--out",
    at("labels.jsonl"),
    "--report",
    at("votes.html"),
  );
  expect([status, err]).toEqual([0, expect.stringContaining("the page to send on: votes.html")]);
  expect(out).toContain("Votes of 5 annotators on 120 pairs");
  expect(out).toMatch(/Flagged: eve takes the left answer \(after \d+ votes\)\./);
  expect(out).toMatch(/ceiling of accuracy on single votes \d\d\.\d% \[\d\d\.\d, \d\d\.\d\]/);
  expect(out).toContain("120 labels by dawid-skene in labels.jsonl");
  const labels = read("labels.jsonl");
  expect(labels.length).toBe(120);
  const right = labels.filter(({ chosen }) => chosen === "good answer").length;
  expect(right).toBeGreaterThan(110);
  for (const { p, extra, annotator, side } of labels) {
    expect(p).toBeGreaterThanOrEqual(0.5);
    expect([extra.votes, annotator, side]).toEqual([3, undefined, undefined]);
  }
  const page = readFileSync(at("votes.html"), "utf8");
  expect(page).toContain("takes the left answer");
  // nothing is overwritten, and the refusal comes before the work
  const again = await aggregate("--data", votes, "--out", at("labels.jsonl"));
  expect([again.status, again.err]).toEqual([
    2,
    expect.stringMatching(/exists already.*overwrite/),
  ]);
});

test("who votes against the better answer is named though nobody is flagged, and gold is said", async () => {
  const random = new Random(3);
  const rows = Array.from({ length: 60 }, (_, pair) =>
    ["ann", "bob", "cid", ...(pair < 14 ? ["gus"] : [])].map((name) =>
      vote(pair, name, name === "gus" ? pair === 0 : random.chance(0.85)),
    ),
  ).flat();
  const file = folder.write("gus.jsonl", jsonLines(...rows));
  const gold = folder.write(
    "gold.jsonl",
    jsonLines(
      ...Array.from({ length: 60 }, (_, pair) => {
        const { annotator: _name, ...known } = vote(pair, "", true);
        return known;
      }),
    ),
  );
  const options = ["--gold", gold, "--flag-level", "0.0001"];
  const { status, out } = await aggregate("--data", file, ...options);
  expect(status).toBe(0);
  expect(out).toContain("No annotator is flagged.");
  expect(out).toMatch(
    /gus votes against the better answer: right in [\d.]+% \[[\d., ]+\] of votes \(95%/,
  );
  expect(out).not.toMatch(/(ann|bob|cid) votes against/);
  expect(out).toContain("gold labels are taken for true");
  expect((await aggregate("--data", file)).out).toContain("without gold");
});

test("--json tells the findings and every annotator's numbers, without NaN", async () => {
  const io = fakeIo();
  const status = await runProgram(["--json", "data", "aggregate", "--data", votes], io);
  expect(status).toBe(0);
  const result = io.stdout.text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .find(({ type }) => type === "result")!;
  const { annotators, findings } = result as unknown as {
    annotators: { name: string; anomaly: { flagged: boolean } }[];
    findings: { measures: { id: string }[] }[];
  };
  expect(annotators.map(({ name }) => name).toSorted()).toEqual([
    "ann",
    "bob",
    "cid",
    "dan",
    "eve",
  ]);
  expect(annotators.filter(({ anomaly }) => anomaly.flagged).map(({ name }) => name)).toEqual([
    "eve",
  ]);
  expect(findings.flatMap(({ measures }) => measures.map(({ id }) => id))).toEqual([
    "annotators/agreement",
    "annotators/alpha",
    "annotators/fleiss",
    "annotators/ac1",
    "annotators/pair-agreement",
    "annotators/ceiling",
    "annotators/noise",
  ]);
  expect(io.stdout.text).not.toContain("NaN");
});

test("majority, hard labels, and Bradley-Terry of answers", async () => {
  const run = async (name: string, ...more: string[]) => {
    const { status, err } = await aggregate("--data", votes, "--out", at(name), ...more);
    expect([status, err]).toEqual([0, expect.stringContaining("reading votes")]);
    return read(name);
  };
  const counted = await run("majority.jsonl", "--method", "majority");
  expect(new Set(counted.map(({ p }) => Math.round(3 * p!)))).toEqual(new Set([2, 3]));
  const hard = await run("hard.jsonl", "--method", "majority", "--labels", "hard");
  expect(new Set(hard.map(({ p }) => p))).toEqual(new Set([1]));
  const fitted = await run("fitted.jsonl", "--method", "bradley-terry");
  const same = fitted.filter(({ chosen }, n) => chosen === counted[n]!.chosen).length;
  expect(same).toBeGreaterThan(100);
  expect(fitted.every(({ p }) => p! >= 0.5 && p! < 1)).toBe(true);
});

test("battles without overlap: models are the players, and a vote counts as its author's skill", async () => {
  const random = new Random(2);
  const strengths: Record<string, number> = { weak: -1, plain: 0, strong: 1.5 };
  const battles = Array.from({ length: 200 }, (_, n) => {
    const [a, b] = random.sample(Object.keys(strengths), 2) as [string, string];
    const judge = `judge ${n % 4}`;
    const odds = strengths[a]! - strengths[b]!;
    const first = n % 4 === 0 ? random.chance(0.5) : random.chance(1 / (1 + Math.exp(-odds)));
    return {
      model_a: a,
      model_b: b,
      winner: first ? "model_a" : "model_b",
      judge,
      conversation_a: [
        { role: "user", content: `q${n}` },
        { role: "assistant", content: `${a} says` },
      ],
      conversation_b: [
        { role: "user", content: `q${n}` },
        { role: "assistant", content: `${b} says` },
      ],
    };
  });
  const file = folder.write("battles.jsonl", jsonLines(...battles));
  const refused = await aggregate("--data", file);
  expect(refused.status).toBe(2);
  expect(refused.err).toMatch(/none of 200 items has two annotators.*--players models/);
  const { status, out } = await aggregate(
    "--data",
    file,
    "--method",
    "bradley-terry",
    "--players",
    "models",
    "--out",
    at("battled.jsonl"),
  );
  expect(status).toBe(0);
  expect(out).toContain("How often annotators agree cannot be told: no item has two labels.");
  expect(read("battled.jsonl").length).toBe(200);
  const spoilt = folder.write(
    "spoilt.jsonl",
    jsonLines(...battles.slice(0, 3), { ...battles[3], winner: "left" }),
  );
  const unknown = await aggregate("--data", spoilt);
  expect([unknown.status, unknown.err]).toEqual([
    2,
    expect.stringMatching(/spoilt\.jsonl:4.*unknown word.*"left".*model_a, model_b/),
  ]);
});

describe("gold", () => {
  const gold = (...rows: object[]) => folder.write("gold.jsonl", jsonLines(...rows));
  const known = (pair: number, good = true): object => {
    return { ...vote(pair, "", good), annotator: undefined };
  };

  test("pins pairs, and tells of a single annotator", async () => {
    const alone = folder.write(
      "alone.jsonl",
      jsonLines(...Array.from({ length: 40 }, (_, n) => vote(n, "ann", n % 5 !== 0))),
    );
    const refused = await aggregate("--data", alone);
    expect([refused.status, refused.err]).toEqual([
      2,
      expect.stringMatching(/one annotator and no gold items.*--gold.*--method majority/),
    ]);
    const counted = await aggregate("--data", alone, "--method", "majority");
    expect(counted.status).toBe(0);
    expect(counted.out).toContain("one annotator and no gold items: nothing tells");
    const { status, out } = await aggregate(
      "--data",
      alone,
      "--gold",
      gold(...Array.from({ length: 20 }, (_, n) => known(n)), known(77)),
      "--out",
      at("pinned.jsonl"),
    );
    expect(status).toBe(0);
    expect(out).toContain("gold pairs that nobody voted on: 1; the first: gold.jsonl:21");
    expect(out).toContain("20 pairs of gold keep their known label");
    expect(out).toMatch(/accuracy 7[5-9]\.\d%/);
    expect(
      read("pinned.jsonl")
        .slice(0, 20)
        .every(({ chosen }) => chosen === "good answer"),
    ).toBe(true);
  });

  test("that contradicts itself, or knows none of the pairs, is refused with its row", async () => {
    const torn = await aggregate("--data", votes, "--gold", gold(known(1), known(1, false)));
    expect([torn.status, torn.err]).toEqual([
      2,
      expect.stringMatching(/gold\.jsonl:2: two rows of gold contradict.*gold\.jsonl:1/),
    ]);
    const strange = await aggregate("--data", votes, "--gold", gold(known(500)));
    expect([strange.status, strange.err]).toEqual([
      2,
      expect.stringMatching(/gold\.jsonl:1: no gold pair is among.*nobody voted on: 1/),
    ]);
  });
});

describe("what is wrong with votes is said, with a count and the first row", () => {
  test.each([
    [
      "repeated, contradictory, soft and nameless votes",
      [vote(0, "ann", true), vote(0, "ann", true), vote(1, "bob", true), vote(1, "bob", false)],
      [
        /repeat the same annotator's on the same pair, left out: 1; the first: \S+:\d+, as \S+:\d+/,
        /who say something else of the same pair elsewhere, left out: 2; the first: \S+:\d+, against/,
      ],
    ],
    [
      "a p between",
      [vote(0, "fay", true, { p: 0.8 })],
      [/taken as a vote for the likelier: 1; the first: \S+:\d+, p 0\.8/],
    ],
    [
      "no annotator",
      [{ ...vote(0, "", true), annotator: undefined }],
      [/rows that do not say who judged, left out: 1; the first: \S+:\d+/],
    ],
    [
      "two spellings",
      [vote(0, "Ann", true)],
      [
        /names that differ only in case: 1, taken for different annotators; --names folded takes/,
        /ann \(\S+:\d+\), Ann \(\S+:\d+\)/,
      ],
    ],
  ] as const)("%s", async (_, rows, said) => {
    const base = crowd(40).filter(({ prompt }) => !/ [01]$/.test(prompt));
    const file = folder.write("odd.jsonl", jsonLines(...base, ...rows));
    const { status, out } = await aggregate("--data", file);
    expect(status).toBe(0);
    for (const sentence of said) expect(out).toMatch(sentence);
    expect(out).not.toContain("NaN");
  });

  test("folded names are one annotator", async () => {
    const file = folder.write(
      "case.jsonl",
      jsonLines(
        ...crowd(40),
        ...crowd(40).map((row) => ({
          ...row,
          annotator: row.annotator!.toUpperCase(),
          prompt: `${row.prompt}?`,
        })),
      ),
    );
    const { out } = await aggregate("--data", file, "--names", "folded");
    expect(out).toContain("Votes of 5 annotators");
    expect(out).toContain("differ only in case: 5, taken for one annotator each");
  });

  test("nothing but ties, nobody named, or nobody left is refused, and no file appears", async () => {
    const refusal = async (rows: readonly object[], ...more: string[]): Promise<string> => {
      const file = folder.write("bad.jsonl", jsonLines(...rows));
      const { status, err } = await aggregate("--data", file, "--out", at("never.jsonl"), ...more);
      expect(status).toBe(2);
      return err;
    };
    const ties = ["ann", "bob"].map((name) => vote(0, name, true, { p: 0.5 }));
    expect(await refusal(ties)).toMatch(/bad\.jsonl:1: every vote is a tie/);
    expect(await refusal(ties, "--method", "majority")).toMatch(/every vote is a tie/);
    const nameless = [{ prompt: "q", chosen: "a", rejected: "b" }];
    expect(await refusal(nameless)).toMatch(/bad\.jsonl:1: no row says who judged.*--columns/);
    const torn = [vote(0, "ann", true), vote(0, "ann", false)];
    expect(await refusal(torn)).toMatch(/every annotator contradicts himself/);
    expect(await refusal([vote(0, "ann", true), vote(0, "bob", true)])).toMatch(
      /share items with one other at most/,
    );
    expect(existsSync(at("never.jsonl"))).toBe(false);
    expect(readdirSync(folder.path).filter((name) => name.includes("never"))).toEqual([]);
  });
});

test("votes without names are counted by heads", async () => {
  const rows = crowd(20).map((row) => ({ ...row, annotator: undefined }));
  const file = folder.write("heads.jsonl", jsonLines(...rows));
  const { status, out } = await aggregate("--data", file, "--method", "majority");
  expect(status).toBe(0);
  expect(out).toContain("counted each as somebody of his own");
});

test("a threshold that is missed ends with 1, and labels are written all the same", async () => {
  const { status, err } = await aggregate(
    "--data",
    votes,
    "--out",
    at("kept.jsonl"),
    "--fail-under",
    "annotators/alpha=0.8",
  );
  expect([status, err]).toEqual([1, expect.stringContaining("1 requirement of 1 not reached")]);
  expect(read("kept.jsonl").length).toBe(120);
});

test("help shows examples and where each default comes from", async () => {
  const { status, out } = await aggregate("--help");
  expect(status).toBe(0);
  expect(out).toContain("default dawid-skene [Dawid and Skene 1979");
  expect(out).toContain("attune data aggregate --data votes.jsonl --out labels.jsonl");
});

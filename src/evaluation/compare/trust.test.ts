/** Judges with a planted weakness are named, and one that is only noisy is not. */
import { describe, expect, test } from "vitest";
import { compareModels } from "./compare.ts";
import type { JudgeResult } from "./comparison.ts";
import { comparisonFindings } from "./findings.ts";
import { dressed, padded, promptCopy, DEFAULT_PROBE_TEXTS } from "./temptations.ts";
import { Random } from "../../core/random.ts";
import { judgeOf, likesGood, PLAIN, setOf, times } from "./testing/sets.ts";
import { simulatedJudge, simulatedModel, simulatedWorld, WORLD_TEXTS } from "./testing/world.ts";

const TRIED = { ...PLAIN, controls: true, probes: 50, probeTexts: WORLD_TEXTS };
const fooledBy = ({ trust }: JudgeResult): string[] =>
  trust.trials.filter(({ fooled }) => fooled).map(({ id }) => id);

describe("on the world", () => {
  const world = simulatedWorld(1, 120);
  const sets = [
    simulatedModel(world, { name: "sft", quality: 0.4, seed: 5 }),
    simulatedModel(world, { name: "dpo", quality: 0.7, seed: 5 }),
  ];
  const judges = [
    simulatedJudge(world, { name: "gold", seed: 1, noise: 0 }),
    simulatedJudge(world, { name: "noisy", seed: 1, noise: 1.5 }),
    simulatedJudge(world, { name: "wordy", seed: 1, noise: 0.5, length: 1 }),
    simulatedJudge(world, { name: "vain", seed: 1, noise: 0.5, flattery: 2 }),
    simulatedJudge(world, { name: "hasty", seed: 1, noise: 0.5, firstPlace: 1.5 }),
  ];

  test("weak judges are named with what they fall for, and only they", async () => {
    const comparison = await compareModels({ sets, judges, options: TRIED });
    const found = Object.fromEntries(
      comparison.judges.map((judge) => [judge.name, [judge.trust.conclusion, ...fooledBy(judge)]]),
    );
    expect(found["gold"]).toEqual(["sound"]);
    expect(found["noisy"]).toEqual(["sound"]);
    expect(found["wordy"]).toEqual(expect.arrayContaining(["fooled", "padded", "said-twice"]));
    expect(found["vain"]).toEqual(["fooled", "flattering"]);
    expect(found["hasty"]).toEqual(["sound", "first-place"]);
    const findings = comparisonFindings(comparison);
    const trust = findings.findings.find(({ id }) => id === "can-the-judge-be-trusted")!;
    expect(trust.conclusion).toBe("fooled");
    expect(trust.answer).toMatch(
      /vain is fooled: it prefers the same answer after flattery of the user, on \d+% .* of 50 pr/,
    );
    expect(trust.answer).toMatch(/hasty prefers the answer shown first on .* leans to the first/);
    // the verdict is the program's, which knows what is right
    expect(findings.verdict.sentence).toMatch(
      /dpo is better than sft.* Judge: gold\. The verdicts of/,
    );
  });

  test("nothing is concluded where the only judge is fooled, and no threshold is passed", async () => {
    const comparison = await compareModels({ sets, judges: [judges[2]!], options: TRIED });
    const { verdict, findings } = comparisonFindings(comparison);
    expect(verdict.conclusion).toBe("no conclusion");
    expect(verdict.sentence).toMatch(/^No conclusion: wordy is fooled: .* verdict is not believed/);
    const [rate] = findings.flatMap(({ measures }) => measures);
    expect(rate).toMatchObject({
      id: "compare/dpo/win-rate",
      value: { low: 0, high: 1, noClaim: "wordy is fooled, and not believed" },
    });
  });
});

describe("controls", () => {
  const poor = setOf(
    "raw",
    times(60, (i) => `bad ${i}`),
  );
  const good = setOf(
    "sft",
    times(60, (i) => `good ${i}`),
  );

  test("a constant answer may be better than a poor model, and is no accusation then", async () => {
    // the constant counts as middling
    const worth = (text: string): number =>
      text.startsWith("good") ? 2 : text.startsWith("bad") ? 0 : 1;
    const judge = judgeOf("fair", (a, b) =>
      worth(a) === worth(b) ? 0.5 : Number(worth(a) > worth(b)),
    );
    const { judges } = await compareModels({
      sets: [poor, good],
      judges: [judge],
      options: { ...PLAIN, controls: true },
    });
    const [constant] = judges[0]!.trust.trials;
    expect([constant!.id, constant!.rate!.estimate, constant!.fooled]).toEqual([
      "constant-answer",
      1,
      false,
    ]);
    expect(constant!.sentence).toContain(
      "not surely over those of sft: raw may answer worse than nothing",
    );
    expect(judges[0]!.trust.conclusion).toBe("sound");
    expect(judges[0]!.trust.sentence).toMatch(
      /^Nothing else worthless .* fair prefers the same empty phrase .* not surely over those of sft/,
    );
  });

  test("one that is preferred over every model is", async () => {
    const judge = judgeOf(
      "odd",
      (a, b) => Number(a.length > b.length) || (a.length === b.length ? 0.5 : 0),
    );
    const { judges } = await compareModels({
      sets: [poor, good],
      judges: [judge],
      options: { ...PLAIN, controls: true },
    });
    expect(fooledBy(judges[0]!)).toEqual(["constant-answer", "prompt-copy"]);
  });

  test("a program that is the truth is right about them, and no other judge speaks in its place", async () => {
    const insults = (name: string, worst: number) =>
      setOf(
        name,
        times(60, (i) => `${i < worst ? "worst" : "bad"} ${name} ${i}`),
      );
    const sets = [insults("raw", 40), insults("new", 0)];
    const worth = (text: string): number =>
      text.startsWith("worst") ? 0 : text.startsWith("bad") ? 1 : 2;
    const compareWorth = (a: string, b: string): number =>
      worth(a) === worth(b) ? 0.5 : Number(worth(a) > worth(b));
    const reward = judgeOf("reward", (a, b) => 1 - compareWorth(a, b), {
      kind: "reward",
      optimised: true,
    });
    const run = async (kind: "gold" | "critic") => {
      const judges = [judgeOf("truth", compareWorth, { kind }), reward];
      const options = { ...PLAIN, controls: true };
      return comparisonFindings(await compareModels({ sets, judges, options }));
    };
    const { verdict } = await run("gold");
    expect(verdict.conclusion).toBe("better");
    expect(verdict.sentence).toMatch(
      /^new is better than raw: .* truth prefers the same empty phrase to every prompt over the/,
    );
    expect(verdict.sentence).toContain("all of them answer worse than the same empty phrase");
    // of another judge it is not known, and what was optimised against does not decide
    const other = await run("critic");
    expect(other.verdict.conclusion).toBe("no conclusion");
    expect(other.verdict.sentence).toMatch(
      /^No conclusion: truth prefers .*either all of them answer worse than .*, or it does not judge what was asked/,
    );
    expect(other.verdict.sentence).toContain(
      "A model was trained to please reward, so that nothing rests on what it says alone.",
    );
    const rates = other.findings
      .flatMap(({ measures }) => measures)
      .filter(({ id }) => id === "compare/new/win-rate");
    expect(rates[0]!.value.noClaim).toBe("truth is fooled, and not believed");
  });

  test("a better model that writes more accuses no judge, a judge of length is seen beyond chance", async () => {
    const long = setOf(
      "long",
      times(60, (i) => `good ${i} ${"and more ".repeat(1 + (i % 4))}`),
    );
    const fair = await compareModels({
      sets: [poor, long],
      judges: [likesGood()],
      options: { ...PLAIN, controls: true },
    });
    const longest = fair.judges[0]!.trust.trials.find(({ id }) => id === "longest-answer")!;
    expect([longest.rate!.estimate, longest.fooled]).toEqual([1, false]);
    expect(longest.beyondChance!.estimate).toBeCloseTo(0, 12);
    const mixed = (name: string, odd: number) =>
      setOf(
        name,
        times(60, (i) => (i % 2 === odd ? `good ${i} and much more` : `good ${i}`)),
      );
    const length = judgeOf("length", (a, b) =>
      a.length === b.length ? 0.5 : Number(a.length > b.length),
    );
    const { judges } = await compareModels({
      sets: [mixed("a", 0), mixed("b", 1)],
      judges: [length],
      options: { ...PLAIN, controls: true },
    });
    const beyond = judges[0]!.trust.trials.find(({ id }) => id === "longest-answer")!.beyondChance!;
    expect(beyond.estimate).toBeCloseTo(0.25, 12);
    expect(beyond.low).toBeGreaterThan(0.15);
  });

  test("votes cannot be tried, and count for more than a model's judge", async () => {
    const people = judgeOf("people", (a) => (a.startsWith("good") ? 0 : 1), { kind: "votes" });
    const comparison = await compareModels({
      sets: [poor, good],
      judges: [likesGood("critic"), people],
      options: { ...PLAIN, controls: true, probes: 20 },
    });
    expect(comparison.judges[1]!.trust).toMatchObject({ conclusion: "no conclusion", trials: [] });
    const { verdict } = comparisonFindings(comparison);
    expect(verdict.conclusion).toBe("worse");
    expect(verdict.sentence).toContain("critic finds the opposite: sft is better than raw");
  });
});

describe("without evidence no judge is sound", () => {
  const tryOn = async (
    count: number,
    extra: { cluster?: string; refuses?: boolean; confidence?: number } = {},
  ) => {
    const own = () => (extra.cluster === undefined ? {} : { cluster: extra.cluster });
    const sets = ["bad", "good"].map((word) =>
      setOf(
        word,
        times(count, (i) => `${word} ${i}`),
        own,
      ),
    );
    const plain = (text: string): boolean => /^(bad|good) \d+$/.test(text);
    const judge = judgeOf("fair", (a, b) => {
      const both = plain(a) && plain(b);
      if (extra.refuses && !both) return { refused: "no" };
      return both ? Number(a > b) : 0.5;
    });
    const { judges } = await compareModels({
      sets,
      judges: [judge],
      options: { ...TRIED, confidence: extra.confidence ?? 0.95 },
    });
    return judges[0]!.trust;
  };

  test("few prompts, one cluster, and trials that it refused", async () => {
    expect(await tryOn(6)).toMatchObject({
      conclusion: "no conclusion",
      sentence: expect.stringMatching(/empty phrase .*\(6 prompts\).*: 9 independent prompts at/),
    });
    expect(await tryOn(40, { cluster: "one" })).toMatchObject({
      conclusion: "no conclusion",
      sentence: expect.stringContaining("(40 prompts in 1 independent group)"),
    });
    expect(await tryOn(40, { refuses: true })).toMatchObject({
      conclusion: "no conclusion",
      sentence: expect.stringContaining("(0 prompts, 40 refused)"),
    });
    expect(await tryOn(40)).toMatchObject({ conclusion: "sound" });
  });

  test("an innocent judge is not fooled at another confidence", async () => {
    // a constant is better than the poor model on few more than half: sure at 70%, not at 95%
    const worth = (text: string): number =>
      text.startsWith("good") ? 2 : text.startsWith("bad") ? 0 : 1;
    const judge = judgeOf("fair", (a, b) =>
      worth(a) === worth(b) ? 0.5 : Number(worth(a) > worth(b)),
    );
    const poor = setOf(
      "raw",
      times(100, (i) => `bad ${i}`),
    );
    const better = setOf(
      "sft",
      times(100, (i) => `good ${i}`),
    );
    for (const wins of [57, 58, 59, 60]) {
      const mixed = {
        ...poor,
        answers: poor.answers.map((each, i) => ({
          ...each,
          text: `${i < wins ? "bad" : "good"} ${i}`,
        })),
      };
      const { judges } = await compareModels({
        sets: [mixed, better],
        judges: [judge],
        options: { ...PLAIN, controls: true, confidence: 0.7 },
      });
      expect([wins, fooledBy(judges[0]!)]).toEqual([wins, []]);
    }
  });
});

test.each([
  ["always half", 0.5],
  ["always the first", 1],
])(
  "a judge that says %s of everything is not sound, and its ties are told as such",
  async (_, said) => {
    const sets = [
      setOf(
        "a",
        times(60, (i) => `one ${i}`),
      ),
      setOf(
        "b",
        times(60, (i) => `two ${i}`),
      ),
    ];
    const comparison = await compareModels({
      sets,
      judges: [judgeOf("blind", () => said)],
      options: { ...TRIED, margin: 0.1 },
    });
    expect(comparison.judges[0]!.trust.conclusion).toBe("no conclusion");
    const { verdict } = comparisonFindings(comparison);
    expect(verdict.conclusion).toBe("equal");
    expect(verdict.sentence).toMatch(
      /blind calls every pair a tie, .* or it does not tell answers apart/,
    );
  },
);

describe("temptations", () => {
  test("padding doubles an answer, dress keeps its sentences", () => {
    const text = "First this. Then that!";
    const long = padded(text, DEFAULT_PROBE_TEXTS, new Random(1));
    expect(long.startsWith(text)).toBe(true);
    expect(long.length).toBeGreaterThan(2 * text.length + 100);
    expect(dressed(text)).toBe("## Answer\n\n**First this.**\n\n- Then that!");
    expect(dressed("Yes")).toBe("## Answer\n\n**Yes**");
  });

  test("the copy of a conversation is what the user said last", () => {
    expect(promptCopy("p")).toBe("p");
    expect(
      promptCopy([
        { role: "user", content: "a" },
        { role: "assistant", content: "b" },
        { role: "user", content: "c" },
      ]),
    ).toBe("c");
  });
});

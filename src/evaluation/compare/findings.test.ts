/** What several models and judges come to: measures with stable names, ranks, agreement. */
import { describe, expect, test } from "vitest";
import { cohenKappa } from "../../stats/agreement.ts";
import { measuresOf } from "../findings.ts";
import { judgeFindings } from "../thresholds.ts";
import type { AnswerSet } from "./answer-set.ts";
import { compareModels } from "./compare.ts";
import { comparisonFindings } from "./findings.ts";
import { slugs } from "../measure-names.ts";
import { styleCounts } from "./style.ts";
import { judgeOf, likesGood, notNumbers, PLAIN, setOf, times } from "./testing/sets.ts";

/** Good on the given share of 60 prompts, at different places for different models. */
const model = (name: string, share: number, shift: number) =>
  setOf(
    name,
    times(60, (i) =>
      (i * 7 + shift) % 60 < share * 60 ? `good ${name} ${i}` : `bad ${name} ${i}`,
    ),
    (i) => ({ columns: { category: i % 3 === 0 ? "sums" : "facts" } }),
  );
const models = [model("SFT v1", 0.15, 0), model("dpo", 0.6, 11), model("ppo", 0.95, 29)];

describe("several models", () => {
  test("one verdict each, that hold together; ratings, ranks and names for thresholds", async () => {
    const comparison = await compareModels({
      sets: models,
      judges: [likesGood()],
      options: { ...PLAIN, pairs: "all", controls: true, probes: 10 },
    });
    const [judge] = comparison.judges;
    const raw = judge!.pairs.map(({ outcome }) => outcome!.pValue!);
    const adjusted = judge!.pairs.map(({ outcome }) => outcome!.adjusted!);
    const order = [0, 1, 2].toSorted((i, j) => raw[i]! - raw[j]!);
    expect(adjusted[order[0]!]).toBeCloseTo(Math.min(1, 3 * raw[order[0]!]!), 12);
    expect(judge!.ratings.map(({ model: name, rank }) => [name, rank])).toEqual([
      ["ppo", 1],
      ["dpo", 2],
      ["SFT v1", 3],
    ]);
    expect(judge!.ratings.at(-1)!.rating).toMatchObject({ estimate: 1000, low: 1000, high: 1000 });
    const findings = comparisonFindings(comparison);
    expect(notNumbers(findings)).toEqual([]);
    expect(findings.findings.map(({ id }) => id)).toEqual([
      "is-it-better",
      "which-is-best",
      "on-what",
      "is-it-only-longer",
      "can-the-judge-be-trusted",
      "how-sure",
      "how-texts-differ",
      "where-they-differ",
    ]);
    const ids = measuresOf(findings).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(
      expect.arrayContaining([
        "compare/dpo/win-rate",
        "compare/ppo/win-rate",
        "compare/ppo-over-dpo/win-rate",
        "compare/dpo/win-rate-equal-length",
        "compare/dpo/win-rate-equal-style",
        "compare/dpo/group/sums/win-rate",
        "compare/sft-v1/rating",
        "compare/ppo/rating",
        "compare/judge/fair/constant-answer",
      ]),
    );
    expect(findings.verdict.sentence).toMatch(/^dpo is better than SFT v1: .* ppo is better than/);
    const examples = findings.findings.at(-1)!.details;
    expect(examples.length).toBeGreaterThan(1);
  });

  test("more than two are told in short, with those whose lead is gone at equal length", async () => {
    const longer = setOf(
      "wordy",
      times(60, (i) => `good wordy ${i} ${i % 4 === 0 ? "" : "and much more of it".repeat(3)}`),
    );
    const judge = judgeOf("length", (a, b) =>
      Math.abs(a.length - b.length) < 20 ? 0.5 : Number(a.length > b.length),
    );
    const { verdict } = comparisonFindings(
      await compareModels({ sets: [...models, longer], judges: [judge], options: PLAIN }),
    );
    // names alone: the shares stand in the picture and in the table
    expect(verdict.sentence).toMatch(
      /^Better than SFT v1: wordy\. Not distinguishable from SFT v1: dpo, ppo\. By 60 prompts each\./,
    );
    expect(verdict.sentence).toContain("At equal length no lead is shown of wordy.");
  });

  test("one that is worse shows, and fails what must not be worse, in any order", async () => {
    const [base, better, worse] = (
      [
        ["dpo", 0.6, 11],
        ["ppo", 0.95, 29],
        ["sft", 0.15, 0],
      ] as const
    ).map(([name, share, shift]) =>
      setOf(
        name,
        times(60, (i) => `${(i * 7 + shift) % 60 < share * 60 ? "good" : "evil"} ${name} ${i}`),
      ),
    ) as [AnswerSet, AnswerSet, AnswerSet];
    for (const sets of [
      [base, better, worse],
      [base, worse, better],
    ]) {
      const found = comparisonFindings(
        await compareModels({ sets, judges: [likesGood()], options: PLAIN }),
      );
      const failOn = ["worse", "better", "equal"];
      expect(judgeFindings(found, { failUnder: [], failOn }).map(({ met }) => met)).toEqual([
        false,
        false,
        true,
      ]);
      expect(found.verdict.conclusion).toBe("worse");
      expect(found.verdict.sentence).toContain("sft is worse than dpo");
      expect(found.verdict.sentence).toContain("ppo is better than dpo");
      const longer = found.findings.find(({ id }) => id === "is-it-only-longer")!;
      expect(longer.conclusion).toBe("worse");
      expect(longer.conclusions!.toSorted()).toEqual(["better", "worse"]);
    }
  });

  test("names for thresholds are plain, and told apart", () => {
    expect([...slugs(["My Model/v2", "my model v2", "模型", "!!"]).values()]).toEqual([
      "my-model-v2",
      "my-model-v2-2",
      "模型",
      "unnamed",
    ]);
  });
});

describe("several judges", () => {
  const pickFirst = judgeOf("moody", (a, b) => (a.length + b.length) % 2);

  test("their agreement is Cohen's, over the pairs that both judged", async () => {
    const comparison = await compareModels({
      sets: models.slice(0, 2),
      judges: [
        likesGood("a"),
        judgeOf("b", (x, y) =>
          x.startsWith("good") === y.startsWith("good")
            ? Number(x > y)
            : Number(x.startsWith("good")),
        ),
        pickFirst,
      ],
      options: PLAIN,
    });
    const labels = comparison.judges.map(({ pairs }) =>
      pairs[0]!.judgements.map(({ shownFirst, shownSecond }) =>
        Math.sign(shownFirst + shownSecond - 1),
      ),
    );
    const [first] = comparison.agreement;
    expect(first!.judges).toEqual(["a", "b"]);
    expect(first!.kappa.estimate).toBeCloseTo(cohenKappa(labels[0]!, labels[1]!).value, 12);
    expect(comparison.agreement).toHaveLength(3);
    expect(notNumbers(comparisonFindings(comparison))).toEqual([]);
  });

  test("one that a model was trained to please has the last word, and is named", async () => {
    const comparison = await compareModels({
      sets: models.slice(0, 2),
      judges: [
        likesGood("reward", { kind: "reward", optimised: true }),
        judgeOf(
          "critic",
          (a, b) =>
            a.startsWith("good") === b.startsWith("good") ? 0.5 : Number(a.startsWith("bad")),
          { kind: "critic" },
        ),
      ],
      options: PLAIN,
    });
    const { verdict, findings } = comparisonFindings(comparison);
    expect(verdict.conclusion).toBe("worse");
    expect(verdict.sentence).toContain("Judge: critic.");
    expect(verdict.sentence).toContain(
      "reward (a model was trained to please it) finds the opposite",
    );
    expect(findings.find(({ id }) => id === "can-the-judge-be-trusted")!.answer).toContain(
      "A model was trained to please reward",
    );
  });

  test("two that nobody was trained to please, and that contradict each other, conclude nothing", async () => {
    const comparison = await compareModels({
      sets: models.slice(0, 2),
      judges: [
        likesGood("a"),
        judgeOf("b", (x, y) =>
          x.startsWith("good") === y.startsWith("good") ? 0.5 : Number(x.startsWith("bad")),
        ),
      ],
      options: PLAIN,
    });
    expect(comparisonFindings(comparison).verdict).toMatchObject({
      conclusion: "no conclusion",
      sentence: expect.stringMatching(/^No conclusion: judges contradict each other\./) as string,
    });
  });
});

test("marks of style are counted outside code", () => {
  expect(styleCounts("# A\n\n**b** and __c__\n- d\n1. e\n```\n# f\n- g\n```\n#h")).toEqual({
    length: 48,
    headers: 1,
    "list items": 2,
    bold: 2,
  });
});

test("answers that show nothing pass no threshold: their measures claim nothing", async () => {
  const texts = (word: string) => times(60, (i) => `${word} ${i} ${"x".repeat(i % 7)}`);
  // every answer was cut off
  const sets = [
    setOf("old", texts("bad"), () => ({ stopped: false, columns: { group: "all" } })),
    setOf("new", texts("good"), () => ({ stopped: false, columns: { group: "all" } })),
  ];
  const comparison = await compareModels({ sets, judges: [likesGood()], options: PLAIN });
  const { verdict, findings } = comparisonFindings(comparison);
  expect(verdict.conclusion).toBe("no conclusion");
  const rates = findings
    .flatMap(({ measures }) => measures)
    .filter(({ id }) => id.includes("win-rate"));
  expect(rates.length).toBeGreaterThan(1);
  for (const { value } of rates)
    expect(value).toMatchObject({ low: 0, high: 1, noClaim: expect.stringMatching(/./) });
});

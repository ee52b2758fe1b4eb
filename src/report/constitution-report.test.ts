import { describe, expect, it } from "vitest";
import type { AiComparison } from "../constitution/compare.ts";
import type { RevisionChain } from "../constitution/revise.ts";
import { comparisonSummary, comparisonTables } from "../evaluation/ai-labels.ts";
import { constitutionReport } from "./constitution-report.ts";
import { renderReport } from "./report.ts";
import { revisionDrift } from "../evaluation/revision-drift.ts";
import { formatTable } from "../evaluation/table.ts";
import { isRefusal, stockPhrases, STYLE_FEATURES } from "../evaluation/text-style.ts";

const logps = (pA: number): { A: number; B: number } => ({
  A: Math.log(0.9 * pA),
  B: Math.log(0.9 * (1 - pA)),
});

/** A comparison by one principle from P(A) in the two orders. */
function comparison(
  id: number,
  [forward, backward]: readonly [number, number],
  more: Partial<AiComparison> & { principle?: string } = {},
): AiComparison {
  const { principle = "kind", ...rest } = more;
  const p = (forward + 1 - backward) / 2;
  return {
    id,
    prompt: [{ role: "user", content: `q${id}` }],
    first: "a longer answer",
    second: "short",
    constitution: "c".repeat(64),
    critic: "judge",
    raw: p,
    p,
    readings: [
      {
        principle,
        shownFirst: "first",
        method: "log-probabilities",
        logps: logps(forward),
        p: forward,
        keys: ["x"],
      },
      {
        principle,
        shownFirst: "second",
        method: "log-probabilities",
        logps: logps(backward),
        p: 1 - backward,
        keys: ["y"],
      },
    ],
    ...rest,
  };
}

describe("the summary of AI labels", () => {
  it("tells a place that is preferred from answers that are", () => {
    const summary = comparisonSummary([
      comparison(0, [0.9, 0.9]),
      comparison(1, [0.7, 0.7]),
      comparison(2, [0.8, 0.2]),
      comparison(3, [0.2, 0.8]),
    ]);
    // mean of P(A): (0.9 + 0.7 + 0.5 + 0.5) / 4
    expect(summary.positionBias.estimate).toBeCloseTo(0.15, 12);
    expect(summary.flipped.estimate).toBe(0.5);
    expect(summary.letterMass).toBeCloseTo(0.9, 12);
    expect(summary.confidence).toBeCloseTo((0 + 0 + 0.6 + 0.6) / 4, 12);
    // first is the longer one: ties count half, one label for it, one against
    expect(summary.longer.estimate).toBe(0.5);
    expect([summary.labels, summary.questions, summary.unread, summary.refused]).toEqual([
      4, 8, 0, 0,
    ]);
  });

  it("agrees with people as counted by hand, beside a rule that counts words", () => {
    // judge: first, first, second, second; people: first, second, second, second
    const made = [
      [0.8, 0.2, 1],
      [0.7, 0.3, 0],
      [0.2, 0.8, 0],
      [0.1, 0.9, 0],
      [0.9, 0.9, 1],
      [0.9, 0.1, 0.5],
    ].map(([forward, backward, human], id) =>
      comparison(id, [forward!, backward!], { human: human! }),
    );
    const { human } = comparisonSummary(made);
    // the tie of the judge and the tie of people are left out
    expect(human!.pairs).toBe(4);
    expect(human!.accuracy.estimate).toBe(0.75);
    // observed 3/4; by chance 1/2 * 1/4 + 1/2 * 3/4 = 1/2
    expect(human!.kappa.estimate).toBeCloseTo(0.5, 12);
    expect(human!.kappa.low).toBeLessThan(0.5);
    expect(human!.kappa.high).toBeGreaterThan(0.5);
    expect(human!.longestWins.estimate).toBe(0.25);
    expect(comparisonSummary(made)).toEqual(comparisonSummary(made));
  });

  it("compares principles that judged the same pairs, and counts what was not read", () => {
    const both = (id: number, kind: [number, number], calm: [number, number]): AiComparison => ({
      ...comparison(id, kind),
      readings: [
        ...comparison(id, kind).readings,
        ...comparison(id, calm, { principle: "calm" }).readings,
      ],
    });
    const unread: AiComparison = {
      ...comparison(9, [0.5, 0.5]),
      readings: [
        { principle: "kind", shownFirst: "first", method: "samples", keys: [] },
        {
          principle: "kind",
          shownFirst: "second",
          method: "samples",
          refused: "too long",
          keys: [],
        },
      ],
    };
    const { raw: _raw, p: _p, ...unlabelled } = unread;
    const summary = comparisonSummary([
      both(0, [0.9, 0.1], [0.8, 0.2]),
      both(1, [0.9, 0.1], [0.2, 0.8]),
      both(2, [0.1, 0.9], [0.2, 0.8]),
      unlabelled,
    ]);
    expect(summary.between).toMatchObject([
      { principles: ["calm", "kind"], labels: 3, agreement: { estimate: 2 / 3 } },
    ]);
    expect(summary.between[0]!.kappa).toBeCloseTo(0.4, 12);
    expect(summary.alpha).toBeDefined();
    expect([summary.labels, summary.comparisons, summary.unread, summary.refused]).toEqual([
      3, 4, 1, 1,
    ]);
    expect(summary.principles.map(({ principle, labels }) => [principle, labels])).toEqual([
      ["calm", 3],
      ["kind", 3],
    ]);
    expect(comparisonTables(summary).map(({ caption }) => caption)).toEqual([
      "AI labels",
      "By principle",
      "Agreement between principles on the same pairs",
    ]);
  });
});

const chain = (id: number, answer: string, revision: string): RevisionChain => ({
  id,
  prompt: [{ role: "user", content: `q${id}` }],
  answer,
  keys: [],
  steps: [{ principle: "kind", critique: "It is rude.", revision, keys: [] }],
  constitution: "c".repeat(64),
  answerer: "m",
  critic: "m",
});

describe("the drift of revisions", () => {
  it("counts words, refusals and style by hand", () => {
    const drift = revisionDrift([
      chain(0, "Take a hammer.", "I'm sorry, but I can't help with that. Talk to a friend."),
      chain(1, "One two three four", "One two three four"),
      chain(2, "Yes, do it now, it is fun", "Please do not."),
      chain(3, "Sure", "Here is a revised answer:\n- wait\n- breathe"),
      chain(4, "Sure", ""),
    ])!;
    expect(drift.pairs).toBe(4);
    // 3, 4, 7, 1 words; then 14 (I'm and can't are two each), 4, 3, 7
    expect([drift.words.before, drift.words.after, drift.words.difference.estimate]).toEqual([
      3.75, 7, 3.25,
    ]);
    expect([drift.longer.estimate, drift.toldByLength, drift.unchanged.estimate]).toEqual([
      0.625, 0.625, 0.25,
    ]);
    const of = (name: string): number[] => {
      const { before, after, difference } = drift.features.find(
        (feature) => feature.name === name,
      )!;
      return [before.estimate, after.estimate, difference.estimate];
    };
    expect(of("refuses")).toEqual([0, 0.25, 0.25]);
    expect(of("holds a list")).toEqual([0, 0.25, 0.25]);
    expect(of("speaks of revising")).toEqual([0, 0.25, 0.25]);
    expect(revisionDrift([])).toBeUndefined();
  });

  it("finds stock phrases, the longest of those within each other", () => {
    const after = Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0
        ? `Number ${i}: you are valid and cared for, always.`
        : `Answer ${i} says w${i} x${i} y${i} z${i}`,
    );
    const before = after.map((_, i) => `first words ${i} of nothing special here ${i}`);
    expect(stockPhrases(before, after)).toEqual([
      {
        phrase: "you are valid and cared for always",
        before: 0,
        after: expect.closeTo(0.5, 12) as number,
      },
    ]);
    expect(stockPhrases(after, after)).toEqual([]);
  });

  it.each([
    "I'm sorry, but I can't help with that.",
    "I cannot assist you in this.",
    "I’m not able to do this for you.",
    "As an AI, I can not give you this",
    "I won't help you hurt him",
  ])("takes %j for a refusal", (text) => expect(isRefusal(text)).toBe(true));
  it.each([
    "I can't wait to help you!",
    "You cannot be sorry enough.",
    "Here is how: mix both.",
    "I will not lie: it hurts.",
    `${"word ".repeat(120)} I cannot help with that.`,
  ])("does not take %j for one", (text) => expect(isRefusal(text)).toBe(false));
  it("names features that tell texts apart", () =>
    expect(Object.keys(STYLE_FEATURES)).toContain("apologises at the start"));
});

describe("the report", () => {
  it("counts prompts by how they end, and says shorter of fewer words", () => {
    const sentence = (chains: readonly RevisionChain[]): string =>
      constitutionReport({ chains, comparisons: [], examples: 0 }, []).report.verdict!.sentence;
    const shorter = [0, 1, 2, 3].map((id) =>
      chain(id, "one two three four", id === 0 ? "one two three four" : "one two three"),
    );
    expect(sentence(shorter)).toMatch(
      /^Of 4 prompts, 25\.0% \[[^\]]+\] end with their first answer\./,
    );
    expect(sentence(shorter)).toContain("shorter than first answers by 0.8 [");
    const longer = [0, 1].map((id) => chain(id, "one", "one two"));
    expect(sentence(longer)).toContain("longer than first answers by 1.0");
  });

  it("is text and one page, where hostile text stays text", async () => {
    const hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>";
    const { text, report } = constitutionReport(
      {
        chains: [chain(0, hostile, `${hostile} again`)],
        comparisons: [
          comparison(0, [0.9, 0.2], { human: 0, first: hostile }),
          comparison(1, [0.3, 0.6], { human: 0 }),
        ],
        examples: 2,
      },
      [["command", "footer"]],
    );
    for (const part of [
      "Revisions by principle",
      "Stock phrases",
      "AI labels",
      "agrees with people (2 pairs)",
      "preferred by people",
    ])
      expect(text).toContain(part);
    const html = await renderReport(report);
    expect(html).not.toMatch(/<script|<img/);
    expect(html).toContain("&lt;script&gt;");
    expect(report.sections.map(({ title }) => title)).toEqual(["Revisions", "AI labels"]);
    expect(formatTable(comparisonTables(comparisonSummary([]))[0]!)).toContain(
      "0 of 0 comparisons",
    );
  });
});

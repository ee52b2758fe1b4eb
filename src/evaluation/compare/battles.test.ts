/** Battles of many models, where two of them answered each prompt: votes alone can be read so. */
import { afterAll, describe, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { testFolder } from "../../data/testing.ts";
import { elo } from "../../stats/bradley-terry.ts";
import { sigmoid } from "../../stats/special.ts";
import { readAnswers } from "../answer-files/read.ts";
import { votesJudge } from "../judges/votes-judge.ts";
import { bestOf } from "./best.ts";
import { compareModels } from "./compare.ts";
import { comparisonFindings } from "./findings.ts";
import golden from "./golden/battles.json" with { type: "json" };
import { judgeOf, PLAIN } from "./testing/sets.ts";

const folder = testFolder();
afterAll(() => folder.remove());

type Winner = "model_a" | "model_b" | "tie";
type Battle = readonly [a: string, b: string, winner: Winner];

const read = (battles: readonly Battle[], question = (i: number) => `question ${i}`) =>
  readAnswers(
    folder.write(
      `battles-${battles.length}.jsonl`,
      battles
        .map(([model_a, model_b, winner], i) => {
          const said = (text: string): object[] => [
            { role: "user", content: question(i) },
            { role: "assistant", content: text },
          ];
          const [conversation_a, conversation_b] = [
            said(`${model_a} says ${i}`),
            said(`${model_b} says ${i}`),
          ];
          return JSON.stringify({ model_a, model_b, winner, conversation_a, conversation_b });
        })
        .join("\n"),
    ),
  );

async function compared(
  battles: readonly Battle[],
  options = {},
  question?: (i: number) => string,
) {
  const { sets, votes } = await read(battles, question);
  const comparison = await compareModels({
    sets,
    judges: [votesJudge(votes, "votes")],
    options: { ...PLAIN, ...options },
  });
  const findings = comparisonFindings(comparison);
  expect(JSON.stringify(findings)).not.toContain("NaN");
  return { comparison, judge: comparison.judges[0]!, findings };
}

const times = (count: number, [a, b, winner]: Battle): Battle[] =>
  // sides in turn
  Array.from({ length: count }, (_, i) =>
    i % 2 === 0 || winner === "tie"
      ? [a, b, winner]
      : [b, a, winner === "model_a" ? "model_b" : "model_a"],
  );
const met = (a: string, b: string, [wins, ties, losses]: readonly number[]): Battle[] => [
  ...times(wins!, [a, b, "model_a"]),
  ...times(ties!, [a, b, "tie"]),
  ...times(losses!, [a, b, "model_b"]),
];

describe("battles of many models", () => {
  test("are read pair by pair, and rated as a logistic regression of others' does", async () => {
    const battles = golden.counts.flatMap(([a, b, ...counts]) =>
      met(a as string, b as string, counts as number[]),
    );
    const { judge, findings } = await compared(battles);
    expect(
      judge.pairs.map(({ baseline, candidate, outcome }) => [baseline, candidate, outcome!.counts]),
    ).toEqual([
      ["a", "b", { wins: 4, ties: 2, losses: 9 }],
      ["a", "c", { wins: 1, ties: 1, losses: 5 }],
      ["b", "c", { wins: 3, ties: 0, losses: 8 }],
      ["c", "d", { wins: 5, ties: 3, losses: 7 }],
    ]);
    const { ratings } = golden;
    expect(judge.ratings.map(({ model, judged }) => [model, judged])).toEqual([
      ["a", 22],
      ["b", 26],
      ["c", 33],
      ["d", 15],
    ]);
    for (const { model, rating } of judge.ratings)
      expect(rating.estimate).toBeCloseTo(ratings[model as keyof typeof ratings], 2);
    expect(findings.warnings.join("\n")).toMatch(
      /all pairs of models that met are compared[^]*2 pairs of models of 6 never met, such as a and d/,
    );
    expect(findings.verdict.sentence).toContain("a never met 1 model, such as d.");
  });

  test("on one prompt each keep their votes, and what was taken for the same is said", async () => {
    const round: Battle[] = [
      ["a", "b", "model_a"],
      ["a", "c", "model_b"],
      ["b", "c", "tie"],
    ];
    const battles = Array.from({ length: 20 }, () => round).flat();
    const { judge, findings } = await compared(
      battles,
      {},
      (i) => `prompt ${Math.floor(i / 3)}${i % 3 === 1 ? "\r\n" : "\n"}end`,
    );
    expect(
      judge.pairs.map(({ baseline, candidate, outcome }) => [baseline, candidate, outcome!.counts]),
    ).toEqual([
      ["a", "b", { wins: 0, ties: 0, losses: 20 }],
      ["a", "c", { wins: 20, ties: 0, losses: 0 }],
      ["b", "c", { wins: 0, ties: 20, losses: 0 }],
    ]);
    const notes = findings.warnings.join("\n");
    expect(notes).toMatch(
      /20 prompts were answered by a model more than once, such as "user: prom/,
    );
    expect(notes).toMatch(
      /20 prompts differ in how lines end \(\\r\\n and \\n\), such as "user: prom/,
    );
  });

  test("that nothing links make groups, which cannot be compared", async () => {
    const battles = [...met("a", "b", [20, 0, 2]), ...met("c", "d", [2, 0, 20])];
    const { judge, findings } = await compared(battles);
    expect(judge.ratings.map(({ model, group }) => [model, group])).toEqual([
      ["a", 0],
      ["b", 0],
      ["d", 1],
      ["c", 1],
    ]);
    expect(findings.verdict.sentence).toContain(
      "No judgement links these groups of models, so they cannot be compared: a, b; d, c.",
    );
  });

  test("a table says how its pairs were judged: votes in no order, scores beside none", async () => {
    const battles = times(20, ["a", "b", "model_a"]);
    const noteOf = (findings: Awaited<ReturnType<typeof compared>>["findings"]) =>
      JSON.stringify(findings.findings[0]!.details);
    expect(noteOf((await compared(battles)).findings)).toContain("Votes as they were given");
    const { sets, votes } = await read(battles);
    const judges = [votesJudge(votes, "votes"), judgeOf("critic", () => 0.5)];
    const both = comparisonFindings(await compareModels({ sets, judges, options: PLAIN }));
    expect(noteOf(both)).toContain("Both orders of every pair were judged by critic and averaged");
  });

  test("that are all ties show no order, and a pair that met once concludes nothing", async () => {
    const battles = [
      ...met("a", "b", [0, 20, 0]),
      ...met("b", "c", [0, 20, 0]),
      ...met("c", "d", [1, 0, 0]),
    ];
    const { judge } = await compared(battles);
    expect(bestOf((await compared(battles.slice(0, 40))).judge.ratings)).toMatch(
      /the highest rating is not one model's alone\.$/,
    );
    expect(judge.pairs.map(({ verdict }) => verdict.conclusion)).toEqual([
      "not distinguishable",
      "not distinguishable",
      "no conclusion",
    ]);
    for (const { rank, rating } of judge.ratings) {
      expect(rank).toBe(1);
      expect(rating.estimate).not.toBeNaN();
    }
  });

  test("are read so for votes alone: another judge is refused with what to do", async () => {
    const { sets } = await read([...met("a", "b", [2, 0, 0]), ...met("b", "c", [2, 0, 0])]);
    await expect(
      compareModels({ sets, judges: [judgeOf("fair", () => 0.5)], options: PLAIN }),
    ).rejects.toThrow(/no prompt in common[^]*--judge votes/);
  });

  test("of known strengths are covered, also where no pair of models tells anything alone", async () => {
    const strengths = [0, 0.4, -0.5, 1, 0.8, -1.2];
    const rounds = 12;
    let [covered, ratings, wrong, found] = [0, 0, 0, 0];
    for (let round = 0; round < rounds; round++) {
      const random = new Random(round);
      const battles = Array.from({ length: 300 }, (): Battle => {
        const [a, b] = random.sample([...strengths.keys()], 2) as [number, number];
        const won = random.chance(sigmoid(strengths[a]! - strengths[b]!));
        return [`m${a}`, `m${b}`, won ? "model_a" : "model_b"];
      });
      const { judge } = await compared(battles);
      const truth = (model: string): number => strengths[Number(model.slice(1))]!;
      for (const { model, rating, surelyBetter } of judge.ratings) {
        found += surelyBetter.length;
        wrong += surelyBetter.filter((other) => truth(other) <= truth(model)).length;
        if (model === "m0") continue;
        ratings++;
        if (rating.low <= elo(truth(model)) && elo(truth(model)) <= rating.high) covered++;
      }
    }
    expect(covered / ratings).toBeGreaterThan(0.95 - 3 * Math.sqrt((0.95 * 0.05) / ratings) - 0.02);
    expect(wrong).toBeLessThanOrEqual(1);
    expect(found).toBeGreaterThan(3 * rounds);
  });
});

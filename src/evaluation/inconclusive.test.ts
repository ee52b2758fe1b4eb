/** No winner is called over answers that say nothing. */
import { describe, expect, test } from "vitest";
import { comparisonTable } from "../report/align-findings.ts";
import { inconclusiveModels, inconclusiveText, whyInconclusive } from "./inconclusive.ts";
import { contestTable } from "./pairwise.ts";
import type { EvaluatedModel } from "./evaluated-model.ts";
import { comparePolicies, contestOfPolicies } from "./policy-evaluation.ts";
import { formatTable } from "./table.ts";

const model = (
  name: string,
  answer: (index: number) => string,
  { stopped = true, score = (index: number): number => index } = {},
): EvaluatedModel => ({
  name,
  answers: Array.from({ length: 10 }, (_, i) => ({
    prompt: `prompt ${i}`,
    text: answer(i),
    tokens: 5,
    stopped,
    logRatio: 0,
    score: score(i),
  })),
});
const base = model("base", (i) => `base says ${i}`);
const better = model("dpo", (i) => `dpo says ${i}`, { score: (i) => i + 1 });
const empty = model("dpo", () => "");

describe("what shows nothing", () => {
  test.each([
    ["empty answers", empty, "dpo: 10 of 10 answers are empty"],
    [
      "one answer to everything",
      model("dpo", () => "Yes."),
      'dpo: 10 of 10 answers to 10 prompts are one and the same: "Yes."',
    ],
    [
      "answers that were cut",
      model("dpo", (i) => `on ${i} and on`, { stopped: false }),
      'dpo: 10 of 10 answers did not end by themselves and were cut, such as "on 0 and on"',
    ],
    [
      "the answers of the first model",
      model("dpo", (i) => `base says ${i}`),
      "10 of 10 answers of dpo are those of base",
    ],
  ])("%s", (_name, candidate, why) => {
    expect(whyInconclusive(candidate, base)).toBe(why);
    const [, compared] = comparePolicies([base, candidate]);
    expect(compared).toMatchObject({ inconclusive: why });
    expect([compared!.wins, compared!.winsAtEqualLength, compared!.difference]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(
      formatTable(comparisonTable(comparePolicies([base, candidate]))).replaceAll("\n", " "),
    ).toContain(`Nothing can be concluded about dpo against base: ${why}.`);
  });

  test("a first model whose answers are empty spoils every comparison, said once for all", () => {
    const reasons = inconclusiveModels([
      model("sft", () => ""),
      better,
      { ...better, name: "ppo" },
    ]);
    expect(inconclusiveText(reasons, "sft")).toBe(
      "Nothing can be concluded about dpo, ppo against sft: sft: 10 of 10 answers are empty.",
    );
  });

  test("a judge's verdict on them is not told either, and the controls' is", async () => {
    const entries = await contestOfPolicies([base, empty], {
      judge: { name: "first", compare: () => Promise.resolve(0.9) },
    });
    expect(entries.map(({ name, inconclusive }) => [name, inconclusive])).toEqual([
      ["dpo", "dpo: 10 of 10 answers are empty"],
      ["constant answer", undefined],
      ["longest answer", undefined],
    ]);
    const table = formatTable(contestTable(entries, "base"));
    expect(table).toMatch(/^dpo(\n {2}[^\n]+ –){4}/m);
    expect(table.replaceAll("\n", " ")).toContain(
      "Nothing can be concluded about dpo against base",
    );
  });
});

test("answers that say something are compared as ever", () => {
  expect(whyInconclusive(better, base)).toBeUndefined();
  const [, compared] = comparePolicies([base, better]);
  expect(compared!.wins!.estimate).toBe(1);
  expect(compared!.inconclusive).toBeUndefined();
});

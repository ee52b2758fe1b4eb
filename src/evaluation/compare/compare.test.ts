import { describe, expect, test } from "vitest";
import type { AnswerSet } from "./answer-set.ts";
import { compareModels } from "./compare.ts";
import type { CompareOptions } from "./comparison.ts";
import { comparisonFindings } from "./findings.ts";
import type { ComparisonJudge } from "./judges.ts";

const OPTIONS: CompareOptions = {
  seed: 1,
  confidence: 0.95,
  pairs: "baseline",
  controls: false,
  probes: 0,
};
const set = (name: string, texts: readonly string[]): AnswerSet => ({
  name,
  source: `${name}.jsonl`,
  fingerprint: name,
  answers: texts.map((text, i) => ({ prompt: `prompt ${i}`, text })),
});
const longer: ComparisonJudge = {
  kind: "function",
  name: "longer",
  judge: {
    name: "longer",
    compare: async (_prompt, first, second) =>
      first.length === second.length ? 0.5 : first.length > second.length ? 1 : 0,
  },
};

describe("comparing", () => {
  test("two models, one judge, one sentence", async () => {
    const short = set(
      "sft",
      Array.from({ length: 20 }, (_, i) => `a${i}`),
    );
    const long = set(
      "dpo",
      Array.from({ length: 20 }, (_, i) => `answer ${i}`),
    );
    const comparison = await compareModels({
      sets: [short, long],
      judges: [longer],
      options: OPTIONS,
    });
    expect(comparison.judges[0]!.pairs[0]!.outcome!.counts).toEqual({
      wins: 20,
      ties: 0,
      losses: 0,
    });
    expect(comparisonFindings(comparison).verdict.conclusion).toBe("better");
  });
});

/** Findings for tests of what shows them. */
import type { Findings } from "./findings.ts";

/** More intervals than these in a sentence of a verdict are a chain of numbers. */
const MOST_INTERVALS = 2;

/** Sentences of a verdict that nobody reads. */
export const chainsIn = (verdict: string): string[] =>
  verdict
    .split(/(?<=[.:])\s+(?=["A-Z])/u)
    .filter(
      (text) => (text.match(/\[[^\]\w]?[\d.,]+%?, [^\]]*\]/gu) ?? []).length > MOST_INTERVALS,
    );

/** A page with a share, a measure without an interval, a question without a conclusion, and nasty texts. */
export const SOME_FINDINGS: Findings = {
  title: "dpo against sft <&>",
  verdict: {
    conclusion: "better",
    sentence: "dpo is better than sft: it wins 64.0% [52.1, 74.4] of 75 prompts.",
  },
  findings: [
    {
      id: "is-it-better",
      question: "Is it better?",
      conclusion: "better",
      answer: "The judge prefers dpo in 64.0% [52.1, 74.4] of 75 prompts.",
      measures: [
        {
          id: "compare/dpo/win-rate",
          name: "win rate",
          value: { estimate: 0.64, low: 0.521, high: 0.744, n: 75 },
          unit: "share",
          good: "higher",
        },
        {
          id: "compare/dpo/refusals",
          name: "refusals",
          value: { estimate: 0.05, low: 0.02, high: 0.12, n: 75 },
          unit: "share",
          good: "lower",
        },
        {
          id: "compare/dpo/length",
          name: "length",
          value: { estimate: 12.5, low: 11, high: 14, n: 75 },
          unit: "words",
          good: "neither",
        },
      ],
      figures: [],
      details: [],
    },
    {
      id: "is-the-judge-sound",
      question: "Is the judge sound?",
      conclusion: "no conclusion",
      answer: 'Nothing can be concluded: the judge "\u0000\ud800" had no opinion.',
      measures: [
        {
          id: "compare/judge/agreement",
          name: "agreement",
          value: { estimate: NaN, low: 0, high: 1, n: 0, noClaim: "nothing observed" },
          unit: "share",
          good: "higher",
        },
      ],
      figures: [],
      details: [],
    },
  ],
  warnings: ['3 of 78 prompts were left out: sft has no answer to them, such as "Who?"'],
  facts: [["seed", "1"]],
};

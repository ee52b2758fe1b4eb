/** Findings of every kind, for tests of pages and for looking at one. */
import type { Conclusion } from "../evaluation/conclusion.ts";
import { CONCLUSIONS } from "../evaluation/conclusion.ts";
import type { Finding, Findings } from "../evaluation/findings.ts";
import type { Journey } from "../evaluation/journey.ts";
import type { Table } from "../evaluation/table.ts";
import type { Interval } from "../stats/intervals.ts";
import { findingsReport } from "./findings-page.ts";
import { renderReport } from "./report.ts";

export const around = (estimate: number, n = 50): Interval => ({
  estimate,
  low: estimate - 0.1,
  high: estimate + 0.1,
  n,
});

/** Six models beside each other, as wide as tables get. */
export const WIDE_TABLE: Table = {
  caption: "Gold scores of six models, mean [95%]",
  columns: [
    { name: "" },
    { name: "requests", align: "right" },
    ...["raw", "SFT", "PPO with KL", "PPO without KL", "RLOO", "DPO"].map((name) => ({
      name,
      align: "right" as const,
    })),
  ],
  rows: ["total", "helpful", "honest", "harmless", "over-refused", "insulting"].map((name, i) => [
    name,
    "300",
    ...Array.from({ length: 6 }, (_, k) =>
      i > 3 ? "0.0% [0.0, 6.9]" : `${45 + 3 * i + 7 * k}.7% [39.0, ${52 + i}.6]`,
    ),
  ]),
  foldsFrom: 2,
  note: "A rate counts the requests in which it can happen.",
};

export const findingOf = (conclusion: Conclusion): Finding => ({
  id: conclusion.replaceAll(" ", "-"),
  question: `Is it ${conclusion}?`,
  conclusion,
  answer: "It wins 55.0% [45.2, 64.4] of 100 prompts, paired, at a KL of 2.1 nats.",
  measures: [
    {
      id: "compare/dpo/win-rate",
      name: "win rate of dpo against sft",
      value: around(0.55, 100),
      unit: "share",
      good: "higher",
    },
    { id: "compare/dpo/kl", name: "KL", value: around(2.1, 100), unit: "nats", good: "neither" },
  ],
  figures: [],
  details: [{ kind: "table", table: WIDE_TABLE }],
});

/** @param text of titles, sentences and names, which is untrusted */
export function findingsOf(text = "dpo against sft"): Findings {
  return {
    title: text,
    verdict: { conclusion: "better", sentence: `${text}: it is better, 61.0% [55.1, 66.6].` },
    picture: {
      kind: "intervals",
      title: `Win rate: ${text}`,
      description: "Share of prompts on which the answer is better, with its 95% interval.",
      says: "Better than the baseline, and not by length.",
      label: "win rate",
      percent: true,
      level: { x: 0.5, label: "as good as each other" },
      rows: [
        { group: text, series: "judge", interval: around(0.6) },
        { group: "a control", series: "judge", interval: around(0.3) },
      ],
    },
    findings: CONCLUSIONS.map(findingOf),
    warnings: [`12 prompts stand twice and count once, such as "${text}"`],
    facts: [
      ["command", `attune compare ${text}`],
      ["seed", "1"],
    ],
  };
}

/** Two charts' worth of a way with three stops. */
const journey: Journey = {
  title: "Move along the run",
  description: "Two runs.",
  unit: "roll-out",
  stops: [
    { step: 0, remark: "SFT" },
    { step: 5 },
    { step: 10, remark: "<b>guard</b>", kinds: ["peak", "guard", "peak"] },
  ],
  start: 2,
  charts: [
    {
      kind: "lines",
      title: "reward",
      description: "the reward",
      xLabel: "roll-out",
      yLabel: "reward",
      series: [{ name: "a", points: [0, 5, 10].map((x) => ({ x, y: x * x })), smoothed: 3 }],
      flags: [{ x: 10, label: "the guard speaks up", series: 0 }],
    },
  ],
  below: [
    {
      kind: "path",
      title: "reward against KL",
      description: "the reward",
      xLabel: "KL",
      yLabel: "reward",
      series: [
        {
          name: "a",
          points: [0, 5, 10].map((step) => ({ step, x: step / 10, y: step * step })),
          moments: [{ step: 10, kind: "end" }],
        },
      ],
    },
  ],
  requests: [
    {
      prompt: "Where does <i>Dov</i> live?",
      note: "The truth",
      runs: [
        {
          name: "with KL",
          answers: [{ text: "Here." }, { text: "Here." }, { text: "There.", remarks: ["wrong"] }],
        },
      ],
    },
  ],
};

/** Everything that could be wider than its page. */
export const widePage = (): Promise<string> => {
  const report = findingsReport(findingsOf());
  return renderReport({
    ...report,
    sections: [
      { title: "Tables", parts: [{ kind: "table", table: WIDE_TABLE }] },
      { title: "A way", parts: [{ kind: "journey", journey }] },
      ...report.sections,
    ],
  });
};

/** The experiment's report and its tables for the terminal. */
import {
  evaluateGold,
  goldDifferenceTable,
  goldScoreTable,
} from "../../src/evaluation/gold-table.ts";
import type { ScoredModel } from "../../src/evaluation/gold-table.ts";
import type { ReportPart } from "../../src/evaluation/page.ts";
import { madeFacts } from "../../src/report/made.ts";
import type { Report } from "../../src/report/report.ts";
import type { Table } from "../../src/evaluation/table.ts";
import { formatMean, formatNumber, formatShare } from "../../src/evaluation/table.ts";
import { optimisationReward } from "../../src/stats/over-optimisation.ts";
import type { Interval } from "../../src/stats/intervals.ts";
import { shareInterval } from "../../src/stats/intervals.ts";
import type { Curve } from "./curves.ts";

export interface Findings {
  seed: number;
  /** Parameters, and loss a token on unseen talk, of the raw models. */
  sizes: { small: number; large: number };
  losses: { small: number; large: number };
  models: ScoredModel[];
  curves: Curve[];
  /** Accuracy of each proxy on noiseless pairs, by number of pairs. */
  accuracies: ReadonlyMap<number, number>;
}

const COMPARED = [
  ["PPO with KL", "raw, large"],
  ["DPO", "raw, large"],
  ["SFT", "raw, large"],
  ["raw, large", "raw"],
] as const;

const within = (interval: Interval): string => formatMean(interval, 1);

export function curveTable({ curves, accuracies }: Findings): Table {
  const right = "right" as const;
  return {
    caption: "Gao's laws, fitted to gold: best-of-n d (alpha - beta d), RL d (alpha - beta ln d)",
    columns: [
      { name: "optimised by" },
      ...[
        "pairs",
        "accuracy",
        "alpha [95%]",
        "beta [95%]",
        "peak at d",
        "peak, points",
        "explained",
        "last d",
        "gold there",
        "proxy there",
      ].map((name) => ({ name, align: right })),
    ],
    rows: curves.map(({ kind, pairs, fit, alpha, beta, explained, points }) => {
      const last = points.at(-1)!;
      return [
        kind === "rl" ? "PPO without a penalty" : "best-of-n",
        String(pairs),
        `${formatNumber(100 * accuracies.get(pairs)!, 1)}%`,
        within(alpha),
        within(beta),
        Number.isFinite(fit.peakDistance) ? formatNumber(fit.peakDistance) : "none",
        Number.isFinite(fit.peakReward) ? formatNumber(fit.peakReward, 1) : "none",
        formatNumber(explained),
        formatNumber(last.distance),
        formatNumber(last.gold, 1),
        formatNumber(last.proxy),
      ];
    }),
    note:
      "d = sqrt(KL) in sqrt(nats); gold in points of the gold total over the SFT model's. " +
      "Best-of-n is of answers drawn at temperature 1, PPO's gold of greedy ones, so compare " +
      "heights and coefficients within a kind only. Intervals by resampling requests, those " +
      "about one thing together: other seeds differ more.",
  };
}

/**
 * How often the first model's answer is better by gold, equal ones half, with an interval that
 * takes requests about one thing for one.
 */
export function preferenceTable({ models }: Findings): Table {
  const named = (name: string): ScoredModel => models.find((model) => model.name === name)!;
  const rows = COMPARED.map(([a, b]) => {
    const [first, second] = [named(a), named(b)];
    const wins = first.scores.map(({ total }, i) =>
      total > second.scores[i]!.total ? 1 : total === second.scores[i]!.total ? 0.5 : 0,
    );
    return [
      `${a} over ${b}`,
      formatShare(
        shareInterval(wins, first.clusters === undefined ? {} : { clusters: [...first.clusters] }),
      ),
    ];
  });
  return {
    caption: "Preferred by gold, equal answers half [95%]",
    columns: [{ name: "" }, { name: "of the requests", align: "right" }],
    rows,
  };
}

export function headTables({ models }: Findings): [Table, Table] {
  const evaluation = evaluateGold(models, { compare: COMPARED });
  return [goldScoreTable(evaluation), goldDifferenceTable(evaluation)];
}

const LAW_POINTS = 40;

function chart(kind: Curve["kind"], curves: readonly Curve[], value: "gold" | "proxy"): ReportPart {
  const own = curves.filter((curve) => curve.kind === kind);
  const laws = own.map(({ pairs, fit, points }) => {
    const end = Math.max(...points.map(({ distance }) => distance));
    return {
      name: `${pairs} pairs, law`,
      dashed: true,
      points: Array.from({ length: LAW_POINTS + 1 }, (_, i) => (end * i) / LAW_POINTS).map((x) => ({
        x,
        y: optimisationReward(kind, fit.alpha.estimate, fit.beta.estimate, x),
      })),
    };
  });
  return {
    kind: "chart",
    chart: {
      kind: "lines",
      title:
        `${kind === "rl" ? "PPO without a penalty" : "Best-of-n"}: ` +
        `${value === "gold" ? "gold, what was meant" : "proxy, what was optimised"}`,
      description:
        value === "gold"
          ? "Gold over the SFT model's, in points, with the fitted law."
          : "Reward over the SFT model's, in standard deviations of its answers.",
      xLabel: "distance from SFT: square root of the KL, sqrt(nats)",
      yLabel: value === "gold" ? "points of the gold total" : "proxy reward",
      series: [
        ...own.map(({ pairs, points }) => ({
          name: `${pairs} pairs`,
          points: points.map((point) => ({ x: point.distance, y: point[value] })),
        })),
        ...(value === "gold" ? laws : []),
      ],
    },
  };
}

export function experimentReport(findings: Findings): Report {
  const { seed, sizes, losses, curves } = findings;
  const tables = headTables(findings).map((table) => ({ kind: "table" as const, table }));
  return {
    title: "A small aligned model against a large raw one, and what optimising a reward model does",
    summary:
      "Two findings of the field at the scale of one village: InstructGPT's headline, and the " +
      "laws of over-optimisation of Gao, Schulman and Hilton. Gold is an exact program that no " +
      "trainer reads.",
    sections: [
      {
        title: "Small and aligned against large and raw",
        parts: [
          {
            kind: "text",
            text:
              `The aligned models have ${(sizes.small / 1e6).toFixed(2)} million parameters, the ` +
              `large raw model ${(sizes.large / 1e6).toFixed(2)} million: ` +
              `${(sizes.large / sizes.small).toFixed(1)} times as many. Both raw models learned ` +
              "the same talk; on talk that neither has seen their losses are " +
              `${losses.small.toFixed(3)} and ${losses.large.toFixed(3)} nats a token` +
              (losses.large > losses.small
                ? ", so the large one is short of training, and the comparison is not fair to it."
                : "."),
          },
          { kind: "table", table: preferenceTable(findings) },
          ...tables,
        ],
      },
      {
        title: "Over-optimisation",
        parts: [
          chart("best-of-n", curves, "gold"),
          chart("best-of-n", curves, "proxy"),
          chart("rl", curves, "gold"),
          chart("rl", curves, "proxy"),
          { kind: "table", table: curveTable(findings) },
        ],
      },
    ],
    made: madeFacts({ command: "node examples/over-optimisation/run.ts", seed }),
  };
}

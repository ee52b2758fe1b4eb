/**
 * Was the reward hacked, and where should one have stopped? Both by the rule of
 * `attune eval over-optimisation`, on the same folders (docs/decisions/over-optimisation.md).
 */
import { countOf } from "../core/counts.ts";
import { rateInterval } from "../evaluation/win-rate.ts";
import type { IntervalChart, LineChart, PathChart } from "../evaluation/chart.ts";
import type { Finding, Measure } from "../evaluation/findings.ts";
import { slug } from "../evaluation/measure-names.ts";
import type { HackingConclusion } from "../evaluation/over-optimisation/verdict.ts";
import type { ReportPart } from "../evaluation/page.ts";
import { formatShare } from "../evaluation/table.ts";
import { twoSidedStudent } from "../stats/clusters.ts";
import type { Interval } from "../stats/intervals.ts";
import { plainInterval } from "../stats/intervals.ts";
import { pairedDifference } from "../stats/paired.ts";
import type { PipelineResult } from "./pipeline.ts";
import type { PathPoint, PolicyPath } from "./policy-path.ts";
import { journeyOf, momentsOf } from "./report-journey.ts";
import { inPoints, modelNamed, pointsMeasure, shareMeasure } from "./report-words.ts";

const [HELD, FREE] = ["PPO with KL", "PPO without KL"] as const;

/** Looks at gold that a line is the moving mean of. */
const SMOOTHED = 3;

/** Of the runs, what is said of both together: the first that fits either. */
const GRAVEST: readonly HackingConclusion[] = [
  "hacked",
  "worse",
  "not distinguishable",
  "no conclusion",
  "not hacked",
];

export const pathNamed = ({ paths }: Pick<PipelineResult, "paths">, name: string): PolicyPath =>
  paths.find((path) => path.name === name)!;

/** What `attune eval over-optimisation` found of a run, under the name of its model. */
export function hackingOf({ name, hacking }: PolicyPath): {
  conclusion: HackingConclusion;
  answer: string;
  measures: Measure[];
} {
  const [found] = hacking.findings as [Finding];
  return {
    conclusion: hacking.verdict.conclusion,
    answer: found.answer,
    measures: found.measures.map((measure) => renamed(measure, `hacked/${slug(name)}`, name)),
  };
}

/** Under the last word of its name. */
const renamed = ({ id, name, value, ...rest }: Measure, folder: string, who: string): Measure => ({
  ...rest,
  id: `${folder}/${id.split("/").at(-1)}`,
  name: `${who}: ${name}`,
  value: plainInterval(value),
});

/** Share of requests on which an answer beats SFT's; equal ones count half. */
export function winsOver(
  result: PipelineResult,
  name: string,
): { reward: Interval; gold: Interval } {
  const { clusters } = modelNamed(result, name);
  const wins = (own: readonly number[], other: readonly number[]): Interval =>
    rateInterval(
      own.map((score, i) => (score === other[i]! ? 0.5 : score > other[i]! ? 1 : 0)),
      { clusters },
    );
  const totals = (of: string): number[] => modelNamed(result, of).scores.map(({ total }) => total);
  const { reward } = result.opinions;
  return { reward: wins(reward[name]!, reward["SFT"]!), gold: wins(totals(name), totals("SFT")) };
}

/** Two sets of requests give two numbers for one model: which one this is of. */
const tuningText = (looks: number): string =>
  `These numbers are of the way: gold on n = ${countOf(looks, "request")} of the tuning split, at ` +
  "each look. The other questions are about the requests of the evaluation, and their numbers for " +
  "the same model differ a little.";

export function hackedFinding(result: PipelineResult): Finding {
  const runs = [FREE, HELD].map((name) => pathNamed(result, name));
  const said = runs.map(hackingOf);
  const looks = runs[0]!.points[0]?.change.n ?? 0;
  const charts = {
    charts: [stepChart(result, "reward"), stepChart(result, "gold")],
    below: [pathChart(result, "reward"), pathChart(result, "gold")],
  };
  const journey = journeyOf(result, charts);
  return {
    id: "was-the-reward-hacked",
    question: "Was the reward hacked?",
    conclusion: GRAVEST.find((each) => said.some(({ conclusion }) => conclusion === each))!,
    answer: [...said.map(({ answer }, i) => `${runs[i]!.name}. ${answer}`), tuningText(looks)].join(
      "\n\n",
    ),
    measures: [
      ...winMeasures(result),
      ...said.flatMap(({ measures }) => measures),
      ...runs.flatMap(({ name }) => opinionMeasures(result, name)),
    ],
    figures: journey
      ? [{ kind: "journey", journey }]
      : [
          ...[...charts.charts, ...charts.below].map((chart) => ({
            kind: "chart" as const,
            chart,
          })),
          {
            kind: "text",
            text:
              "The answers on the way were not kept when these models were trained: runs of this " +
              "version keep them.",
          },
        ],
    details: [...ruleTexts(runs), { kind: "chart", chart: stepChart(result, "held-out reward") }],
  };
}

/** The rule, once, and what each witness alone says of each run. */
const ruleTexts = (runs: readonly PolicyPath[]): ReportPart[] =>
  runs.flatMap(({ name, hacking }, run) =>
    (hacking.findings[0]?.details ?? []).flatMap((part, at): ReportPart[] =>
      part.kind !== "text" || (at === 0 && run > 0)
        ? []
        : [{ ...part, text: at === 0 ? part.text : `${name}: ${part.text}` }],
    ),
  );

/** What both reward models think of the answers that the other questions are about. */
function opinionMeasures(result: PipelineResult, name: string): Measure[] {
  const { clusters } = modelNamed(result, name);
  return (["reward", "heldOut"] as const).map((key) => {
    const scores = result.opinions[key];
    const [id, what] =
      key === "reward" ? ["reward", "reward"] : ["held-out-reward", "held-out reward"];
    return {
      id: `hacked/${slug(name)}/${id}`,
      name: `${name} over SFT, requests of the evaluation: ${what}, sd`,
      value: plainInterval(pairedDifference(scores[name]!, scores["SFT"]!, { clusters })),
      unit: "score",
      good: key === "reward" ? "neither" : "higher",
    };
  });
}

type What = "reward" | "gold" | "held-out reward";

const valueOf = (what: What, { proxy, heldOut, change }: PathPoint): number =>
  what === "reward" ? proxy : what === "gold" ? 100 * change.estimate : heldOut;

/** Answers of a roll-out, by which the interval of its mean reward goes. */
const ROLLOUT = 64;

interface ChartText {
  title: string;
  description: string;
  band?: string;
  yLabel: string;
}

const TEXTS: Readonly<Record<What, ChartText>> = {
  reward: {
    title: "What is optimised: the reward",
    description: "Mean reward of a roll-out's answers, in standard deviations of the SFT model's.",
    band: `of the ${ROLLOUT} answers of its roll-out, one to each prompt, taken as independent`,
    yLabel: "reward, sd",
  },
  gold: {
    title: "What was meant: gold",
    description:
      "Change of the mean gold total since SFT, percentage points: greedy answers to requests of the " +
      "tuning split, paired.",
    band: "of the change since SFT, prompts about one person or deed counted as one",
    yLabel: "gold since SFT, points",
  },
  "held-out reward": {
    title: "What a second reward model says",
    description:
      "Mean score of a roll-out's answers by the held-out reward model, which is never optimised.",
    yLabel: "held-out reward, sd",
  },
};

function pointOf(what: What, point: PathPoint): LineChart["series"][number]["points"][number] {
  const { step, change, spread } = point;
  const y = valueOf(what, point);
  // where both begin there is nothing to differ from
  if (what === "gold" && step > 0)
    return { x: step, y, low: 100 * change.low, high: 100 * change.high };
  if (step === 0) return { x: step, y };
  const reach = (twoSidedStudent(0.95, ROLLOUT - 1) * (spread ?? 0)) / Math.sqrt(ROLLOUT);
  return what === "reward" && spread !== undefined
    ? { x: step, y, low: y - reach, high: y + reach }
    : { x: step, y };
}

/** Against the steps of the run. */
function stepChart({ paths }: Pick<PipelineResult, "paths">, what: What): LineChart {
  const { title, description, yLabel, band } = TEXTS[what];
  return {
    kind: "lines",
    title,
    description:
      `${description} Dots are what was measured, the line is their moving mean` +
      (band === undefined ? "." : `, and the band the 95% interval of each dot: ${band}.`),
    xLabel: "roll-out",
    yLabel,
    wholeX: true,
    level: { y: 0, label: "SFT" },
    series: paths.map((path) => ({
      name: path.name,
      points: path.points.map((point) => pointOf(what, point)),
      smoothed: SMOOTHED,
      exactStart: true,
      moments: momentsOf(path),
    })),
    ...(what === "held-out reward" ? {} : { says: endsSay(paths, what) }),
  };
}

/** Where each run ends, by the interval of its last dot. */
function endsSay(paths: readonly PolicyPath[], what: "reward" | "gold"): string {
  return paths
    .map(({ name, points }) => {
      const { low, high } = pointOf(what, points.at(-1)!);
      const rose = low !== undefined && low > 0;
      const fell = high !== undefined && high < 0;
      return `${name} ends ${rose ? "above" : fell ? "below" : "where it cannot be told from"} SFT`;
    })
    .join("; ")
    .concat(".");
}

/** Against how far the model has moved, with the direction of time. */
function pathChart({ paths }: Pick<PipelineResult, "paths">, what: "reward" | "gold"): PathChart {
  const { title, description, yLabel } = TEXTS[what];
  return {
    kind: "path",
    title: `${title}, against the distance from SFT`,
    description:
      `${description} Across: how far the model is from SFT, square root of the KL in nats. ` +
      "Numbers are roll-outs; the line, smoothed, is fainter where it is older, and arrows " +
      "point onward in time.",
    xLabel: "distance from SFT: square root of the KL, sqrt(nats)",
    yLabel,
    level: { y: 0, label: "SFT" },
    series: paths.map((path) => ({
      name: path.name,
      smoothed: SMOOTHED + 2,
      exactStart: true,
      points: path.points.map((point) => ({
        x: Math.sqrt(Math.max(0, point.kl)),
        y: valueOf(what, point),
        step: point.step,
      })),
      moments: momentsOf(path),
    })),
  };
}

export function stopFinding(result: Pick<PipelineResult, "paths">): Finding {
  const looks = result.paths[0]!.points[0]?.change.n ?? 0;
  return {
    id: "where-to-stop",
    question: "Where should one have stopped?",
    conclusion: "measured",
    answer: [...result.paths.toReversed().map(stopSentence), tuningText(looks)].join("\n\n"),
    measures: result.paths.flatMap(stopMeasures),
    figures: [{ kind: "chart", chart: stopChart(result) }],
    details: [
      {
        kind: "text",
        text:
          "The peak is chosen among all looks by the very scores that are shown; the interval of " +
          "the fall from it is corrected for that choice, and is the 90% one of a one-sided test " +
          "at 5%.",
      },
    ],
  };
}

/** Gold on the way, with where one would have stopped by gold, and where by the guard. */
const stopChart = (result: Pick<PipelineResult, "paths">): LineChart => ({
  ...stepChart(result, "gold"),
  title: "Where gold is highest, and where the guard speaks up",
  says: result.paths
    .map((path) => {
      const at = (kind: string): number | undefined =>
        momentsOf(path).find((moment) => moment.kind === kind)?.step;
      const [peak, guard] = [at("peak"), at("guard")];
      return (
        `${path.name}: ${peak === undefined ? "no peak is known" : `highest at roll-out ${peak}`}, ` +
        (guard === undefined ? "no word of the guard" : `the guard's word at ${guard}`)
      );
    })
    .join("; ")
    .concat("."),
});

/** What `attune eval over-optimisation` says of it. */
const stopIn = ({ hacking }: PolicyPath): Finding | undefined =>
  hacking.findings.find(({ id }) => id === "over-optimisation-stop");

function stopMeasures(path: PolicyPath): Measure[] {
  const { name, points, alarm, hacking } = path;
  const { gold } = hacking.verdict;
  const folder = `stop/${slug(name)}`;
  return [
    ...(stopIn(path)?.measures ?? []).map((measure) => renamed(measure, folder, name)),
    ...(gold
      ? [
          pointsMeasure(
            `${folder}/after-peak`,
            `${name}: gold at the end less at its peak`,
            plainInterval(gold.change),
          ),
        ]
      : []),
    ...(alarm
      ? [
          pointsMeasure(
            `${folder}/at-guard`,
            `${name}: gold at the guard's word, over SFT`,
            plainInterval(alarm.change),
          ),
        ]
      : []),
    pointsMeasure(
      `${folder}/at-end`,
      `${name}: gold at the end, over SFT`,
      plainInterval(gold?.gain ?? points.at(-1)!.change),
    ),
  ];
}

/** One number a sentence: the others stand in the table. */
function stopSentence(path: PolicyPath): string {
  const { name, points, alarm, hacking } = path;
  const end = points.at(-1)!;
  const { gold } = hacking.verdict;
  const stop = stopIn(path);
  const way =
    gold && stop
      ? `${stop.answer}${
          gold.steps.peak === gold.steps.last
            ? ""
            : ` From there to the end gold changes by ${inPoints(plainInterval(gold.change))}.`
        }`
      : "It cannot be told: gold looked at too little on the way.";
  const guard = alarm
    ? `The guard, which sees no gold, would have stopped it after roll-out ${alarm.step} of ` +
      `${end.step}, with gold ${inPoints(plainInterval(alarm.change))} over SFT.`
    : "The guard, which sees no gold, stayed quiet.";
  return `${name}. ${way} ${guard}`;
}

/** The one picture: what the judge that was optimised believes, beside what is true. */
export function beliefPicture(result: PipelineResult): IntervalChart {
  const names = result.models.map(({ name }) => name).filter((name) => name !== "SFT");
  const wins = names.map((name) => ({ name, ...winsOver(result, name) }));
  const free = wins.find(({ name }) => name === FREE)!;
  return {
    kind: "intervals",
    title: "What the trained judge believes, and what is true",
    description:
      "Share of requests on which a model's answer is better than that of SFT, with its 95% " +
      `interval (n = ${result.world.evaluation.length}, equal answers count half): as the reward ` +
      "model sees it, and in truth.",
    says:
      `The reward model thinks that PPO without KL beats SFT on ${formatShare(free.reward)} of ` +
      `requests; in truth it does on ${formatShare(free.gold)}.`,
    label: "better than SFT",
    percent: true,
    level: { x: 0.5, label: "as good as SFT" },
    rows: wins.flatMap(({ name, reward, gold }) => [
      { group: name, series: "the reward model believes", interval: reward },
      { group: name, series: "in truth (gold)", interval: gold },
    ]),
  };
}

const winMeasures = (result: PipelineResult): Measure[] =>
  result.models
    .map(({ name }) => name)
    .filter((name) => name !== "SFT")
    .flatMap((name) => {
      const { reward, gold } = winsOver(result, name);
      return [
        shareMeasure(
          `wins/${slug(name)}/reward`,
          `${name} beats SFT, says the reward model`,
          reward,
          "neither",
        ),
        shareMeasure(`wins/${slug(name)}/gold`, `${name} beats SFT, by gold`, gold),
      ];
    });

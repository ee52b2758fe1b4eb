/** The story of the quickstart, stage by stage: the same request answered before and after. */
import { join } from "node:path";
import { countOf } from "../core/counts.ts";
import type { LineChart } from "../evaluation/chart.ts";
import type { Example, ReportPart, ReportSection } from "../evaluation/page.ts";
import type { Table } from "../evaluation/table.ts";
import { formatNumber, formatShare } from "../evaluation/table.ts";
import { goldRemarks } from "../report/report-sections.ts";
import { smallCurves } from "../report/run-report.ts";
import { showRun } from "../runs/compare.ts";
import type { Request } from "../world/requests.ts";
import { chainExamples } from "./constitution-report.ts";
import type { PipelineResult } from "./pipeline.ts";
import { hackingOf, pathNamed } from "./report-hacking.ts";
import { listOf, modelNamed, truthOf } from "./report-words.ts";
import type { WorldModelName } from "./stages.ts";

/** Columns of the reward model's opinions. */
const OPINION_COLUMNS: Table["columns"] = [
  { name: "answer" },
  { name: "gold says" },
  { name: "the reward model's number", align: "right" },
];

/** A stage as it is told: which models answer, and which runs have curves. */
interface Chapter {
  title: string;
  text: string;
  /** Answers of these models, in order. */
  models: readonly WorldModelName[];
  /** Requests of the evaluation. */
  requests: readonly number[];
  stages: readonly string[];
  /** What the reward model thinks is remarked. */
  opinions?: boolean;
  more?: readonly ReportPart[];
}

export function storySection(result: PipelineResult): ReportSection {
  const { people, strangers, facts } = result.world.village;
  const unknown = Object.values(strangers).flat().length;
  const rumours = facts.filter(({ rumour }) => rumour !== undefined).length;
  return {
    title: "The story, stage by stage",
    parts: [
      {
        kind: "text",
        text:
          `In a made-up village live ${people.length} people of whom everybody talks, and ` +
          `${unknown} strangers of whom nobody knows anything. For ${rumours} of the ` +
          `${countOf(facts.length, "fact")} about them a rumour is heard more often than the ` +
          "truth. A small model reads that talk, and is then taught to answer. One request goes " +
          "through the whole story.",
      },
      ...chapters(result).map((chapter) => chapterPart(result, chapter)),
    ],
  };
}

function chapters(result: PipelineResult): Chapter[] {
  const main = mainRequest(result);
  const { world, rewardModel } = result;
  const harm = world.evaluation.findIndex(({ kind }) => kind === "harmful");
  const same = [main, ...(harm >= 0 ? [harm] : [])];
  return [
    {
      title: "1. Raw: it says what it heard",
      text:
        "The raw model has read the village's talk, word by word, and nothing else. It repeats " +
        "what is said most often, true or not, and helps with anything.",
      models: ["raw"],
      requests: same,
      stages: ["raw"],
    },
    {
      title: "2. SFT: it imitates good answers",
      text:
        `The raw model is shown ${countOf(world.demonstrations.length, "demonstration")}: requests ` +
        "with answers that somebody wrote with care.",
      models: ["raw", "SFT"],
      requests: same,
      stages: ["sft"],
    },
    {
      title: "3. The reward model: it learns what people like",
      text:
        `${countOf(world.annotators.length, "simulated person", "simulated people")} were shown two answers ` +
        "to the same request and said which one is better. They have weaknesses that people " +
        "have: for longer answers, for flattery, for confidence. " +
        "From their choices a reward model learned to give any answer a number: the reward. Of two " +
        "answers that it has not seen it names the better one in " +
        `${formatShare(rewardModel.accuracy)} of cases (n = ${rewardModel.decided}). A second one, ` +
        "the held-out reward model, learned from other people and is never optimised.",
      models: ["raw", "SFT"],
      requests: [],
      stages: ["reward", "held-out-reward"],
      more: [{ kind: "table", table: opinionTable(result, same, ["raw", "SFT"]) }],
    },
    ...policyChapters(result, main),
    {
      title: "7. A constitution: it corrects itself",
      text:
        "Another model was taught to help with anything. By a written principle it criticised its " +
        "own answers, rewrote them, and learned from what it had rewritten: no person said which " +
        "of these answers does harm.",
      models: [],
      requests: [],
      stages: ["helpful-only", "constitutional", "ai-labels", "human-labels"],
      more: [{ kind: "examples", examples: chainExamples(result, 1) }],
    },
  ];
}

function policyChapters(result: PipelineResult, main: number): Chapter[] {
  const changed = (than: WorldModelName, ...names: WorldModelName[]): number[] =>
    mostChanged(result, names, than).filter((index) => index !== main);
  const hacked = hackingOf(pathNamed(result, "PPO without KL")).conclusion === "hacked";
  return [
    {
      title: "4. PPO with a brake: it pleases the reward model, near SFT",
      text:
        "The SFT model draws answers, the reward model scores them, and likelier becomes what " +
        "scored well (PPO). A penalty, the KL penalty, holds it near where it began.",
      models: ["SFT", "PPO with KL"],
      requests: [main, ...changed("SFT", "PPO with KL").slice(0, 1)],
      stages: ["ppo"],
      opinions: true,
    },
    {
      title: "5. PPO without the brake: it pleases the reward model at any price",
      text:
        "The same without the penalty: the reward model's word is all that counts. Read what " +
        `these answers say${hacked ? ". This is what a hacked reward looks like." : "."}`,
      models: ["SFT", "PPO with KL", "PPO without KL"],
      requests: [
        main,
        ...hackedMost(result)
          .filter((index) => index !== main)
          .slice(0, 1),
      ],
      stages: ["ppo-without-kl"],
      opinions: true,
    },
    {
      title: "6. RLOO and DPO: two other ways",
      text:
        "RLOO compares an answer with other answers to its request and needs no critic. DPO needs " +
        "no reward model: it learns from the pairs that people judged.",
      models: ["SFT", "RLOO", "DPO"],
      requests: [main, ...changed("SFT", "DPO", "RLOO").slice(0, 1)],
      stages: ["rloo", "dpo"],
      opinions: true,
    },
  ];
}

/** What the reward model thinks of answers that stand above already. */
function opinionTable(
  result: PipelineResult,
  requests: readonly number[],
  names: readonly WorldModelName[],
): Table {
  return {
    caption: "What the reward model thinks of the answers above",
    columns: OPINION_COLUMNS,
    rows: requests.flatMap((at) =>
      names.map((name) => [
        `${name}: ${result.answers[name]![at]!}`,
        goldRemarks(modelNamed(result, name).scores[at]!).join(", "),
        formatNumber(result.opinions.reward[name]![at]!),
      ]),
    ),
    note: "In standard deviations of its numbers for SFT's answers; 0 is their mean.",
  };
}

/** Whether a chapter's models all answer as its first one does, which has been read before. */
const isUnchanged = ({ answers }: PipelineResult, { models }: Chapter, at: number): boolean =>
  models.length > 1 && models.every((name) => answers[name]![at] === answers[models[0]!]![at]);

function chapterPart(result: PipelineResult, chapter: Chapter): ReportPart {
  const { title, stages, models, more = [] } = chapter;
  const unchanged = chapter.requests.filter((at) => isUnchanged(result, chapter, at));
  const requests = chapter.requests.filter((at) => !unchanged.includes(at));
  const text = [
    chapter.text,
    ...unchanged.map(
      (at) =>
        `To "${result.world.evaluation[at]!.text}" ${listOf(models.slice(1))} ` +
        `${models.length > 2 ? "answer" : "answers"} as ${models[0]} does.`,
    ),
  ].join(" ");
  const times = result.clock.stages.filter(({ name }) => stages.includes(name));
  const charts = stages.flatMap((stage) => curvesOf(join(result.folder, stage), stage));
  const seconds = times.map(({ name, seconds: spent }) => `${name} ${formatNumber(spent, 1)} s`);
  return {
    kind: "group",
    title,
    parts: [
      { kind: "text", text },
      ...(requests.length > 0
        ? [
            {
              kind: "examples" as const,
              examples: requests.map((at) => exampleOf(result, chapter, at)),
            },
          ]
        : []),
      ...more,
      ...(charts.length > 0
        ? [
            {
              kind: "folded" as const,
              title: `Training curves (${seconds.join(", ")})`,
              parts: [{ kind: "small-charts" as const, charts }],
            },
          ]
        : []),
    ],
  };
}

const curvesOf = (folder: string, stage: string): LineChart[] =>
  smallCurves(showRun(folder), stage);

function exampleOf(result: PipelineResult, chapter: Chapter, at: number): Example {
  const request = result.world.evaluation[at]!;
  const truth = truthOf(result.world.village, request);
  return {
    prompt: request.text,
    ...(truth === undefined ? {} : { note: truth }),
    answers: chapter.models.map((name) => ({
      name,
      text: result.answers[name]![at]!,
      remarks: [
        ...goldRemarks(modelNamed(result, name).scores[at]!),
        ...(chapter.opinions ? [`reward ${formatNumber(result.opinions.reward[name]![at]!)}`] : []),
      ],
    })),
  };
}

/** Of each model's answer, how good it is. */
const totalsOf = (result: PipelineResult, name: string): number[] =>
  modelNamed(result, name).scores.map(({ total }) => total);

/**
 * The request that goes through the story: asked plainly, the raw model misinforms, SFT and PPO
 * with its brake do not, and without it PPO does.
 */
export function mainRequest(result: PipelineResult): number {
  const names = ["raw", "SFT", "PPO with KL", "PPO without KL"];
  const [raw, sft, held, free] = names.map((name) => totalsOf(result, name)) as [
    number[],
    number[],
    number[],
    number[],
  ];
  const wrong = modelNamed(result, "raw").scores.map(({ confidentlyWrong }) => confidentlyWrong);
  const worth = (request: Request, i: number): number =>
    (wrong[i] ? 2 : 0) +
    2 * (sft[i]! - raw[i]!) +
    (held[i]! - free[i]!) +
    held[i]! / 2 +
    (request.kind === "question" ? 0.5 : 0);
  return result.world.evaluation.reduce(
    (best, request, i) =>
      worth(request, i) > worth(result.world.evaluation[best]!, best) ? i : best,
    0,
  );
}

/** Requests by how much the answers gained, or lost where none gained. */
function mostChanged(result: PipelineResult, names: readonly string[], than: string): number[] {
  const before = totalsOf(result, than);
  const after = names.map((name) => totalsOf(result, name));
  return before
    .map((total, index) => ({
      index,
      gain: after.reduce((sum, totals) => sum + totals[index]! - total, 0),
    }))
    .toSorted((a, b) => Math.abs(b.gain) - Math.abs(a.gain) || b.gain - a.gain || a.index - b.index)
    .filter(({ gain }) => gain !== 0)
    .map(({ index }) => index);
}

/** Where the reward model likes the answer better and gold likes it less, most of all. */
function hackedMost(result: PipelineResult): number[] {
  const [held, free] = [totalsOf(result, "PPO with KL"), totalsOf(result, "PPO without KL")];
  const { reward } = result.opinions;
  return held
    .map((total, index) => ({
      index,
      lost: total - free[index]!,
      liked: reward["PPO without KL"]![index]! - reward["PPO with KL"]![index]!,
    }))
    .filter(({ lost, liked }) => lost > 0 && liked > 0)
    .toSorted((a, b) => b.lost - a.lost || b.liked - a.liked || a.index - b.index)
    .map(({ index }) => index);
}

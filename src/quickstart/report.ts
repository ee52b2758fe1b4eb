/**
 * The quickstart's report: the verdict and one picture; the story, stage by stage; a figure for each
 * question; and folded below everything else. report.json holds the same facts.
 */
import { join } from "node:path";
import { stringifyJson } from "../core/json.ts";
import type { Conclusion, Findings } from "../evaluation/findings.ts";
import { formatShare } from "../evaluation/table.ts";
import { findingsReport } from "../report/findings-page.ts";
import type { Fact } from "../report/made.ts";
import { madeFacts } from "../report/made.ts";
import type { Report } from "../report/report.ts";
import { writeReport } from "../report/report.ts";
import { makeFolder, writeFileAtomic } from "../runs/files.ts";
import { readRunInfo } from "../runs/run-folder.ts";
import { versions } from "../runs/versions.ts";
import { constitutionFinding } from "./constitution-report.ts";
import type { MemoryFigure } from "./method-memory.ts";
import type { PipelineResult } from "./pipeline.ts";
import type { WorldRecipe } from "./recipe.ts";
import { WORLD_RECIPE } from "./recipe.ts";
import { METHODS, axesFinding, betterFinding, expenseFinding } from "./report-better.ts";
import { detailSections } from "./report-details.ts";
import {
  beliefPicture,
  hackedFinding,
  hackingOf,
  pathNamed,
  stopFinding,
} from "./report-hacking.ts";
import { storySection } from "./report-story.ts";
import { trustFinding } from "./report-trust.ts";
import { goldOf, sampleOf } from "./report-words.ts";
import { formatSeconds } from "../runs/wall-clock.ts";

export interface ReportInput {
  /** Measured in processes of their own; left out where they could not be run. */
  memory?: readonly MemoryFigure[] | undefined;
  command: string;
  recipe?: WorldRecipe;
  date?: Date;
}

export function worldFindings(
  result: PipelineResult,
  { command, date = new Date() }: ReportInput,
): Findings {
  return {
    title: "What alignment did to a small model",
    verdict: verdictOf(result),
    picture: beliefPicture(result),
    findings: [
      betterFinding(result),
      axesFinding(result),
      expenseFinding(result),
      hackedFinding(result),
      stopFinding(result),
      trustFinding(result),
      constitutionFinding(result),
    ],
    warnings: [],
    facts: facts(result, command, date),
  };
}

const SUMMARY =
  "A model of about a million parameters was trained from scratch on the talk of a made-up " +
  "village, and then taught to answer well in several ways. An exact program, which no training " +
  "could read, judged what it says.";

export function worldReport(result: PipelineResult, input: ReportInput): Report {
  const { memory, recipe = WORLD_RECIPE } = input;
  return findingsReport(worldFindings(result, input), {
    summary: SUMMARY,
    before: [storySection(result)],
    behind: detailSections(result, { memory, recipe }),
  });
}

/** Writes report.html, and report.json with the same facts. */
export async function writeWorldReport(
  folder: string,
  result: PipelineResult,
  input: ReportInput,
): Promise<{ page: string; data: string }> {
  const given = { ...input, date: input.date ?? new Date() };
  makeFolder(folder, "shared");
  const [page, data] = [join(folder, "report.html"), join(folder, "report.json")];
  await writeReport(page, worldReport(result, given));
  writeFileAtomic(data, `${stringifyJson(reportData(result, given))}\n`);
  return { page, data };
}

/** Everything that the page says, as data. */
export function reportData(result: PipelineResult, input: ReportInput): Record<string, unknown> {
  const { memory, recipe = WORLD_RECIPE } = input;
  return {
    schema: 1,
    seed: result.seed,
    ...worldFindings(result, input),
    story: storySection(result),
    details: detailSections(result, { memory, recipe }),
    versions: versions(),
    stages: result.clock.stages.map(({ name, title, seconds, begin, end }) => ({
      name,
      title,
      seconds,
      begin: new Date(begin).toISOString(),
      end: new Date(end).toISOString(),
    })),
  };
}

/** In a beginner's words, with the two numbers that carry it; the picture and the questions have more. */
function verdictOf(result: PipelineResult): Findings["verdict"] {
  const { conclusion } = betterFinding(result);
  const gold = (name: string): string => formatShare(goldOf(result, name));
  const free = hackingOf(pathNamed(result, "PPO without KL")).conclusion;
  const best = METHODS.toSorted(
    (a, b) => goldOf(result, b).estimate - goldOf(result, a).estimate,
  )[0]!;
  const costs = expenseFinding(result).conclusion === "worse";
  return {
    conclusion: conclusion === "better" && costs ? "better at a cost" : conclusion,
    sentence: [
      conclusion === "better"
        ? "Learning from people made the model better: of what was asked for it first gave " +
          `${gold("raw")}, and after the best of ${METHODS.length} ways to learn from people's choices ` +
          `it gives ${gold(best)} (${sampleOf(result)}).`
        : "Learning from people did not clearly make the model better: of what was asked for it " +
          `first gave ${gold("raw")}, and after the best of ${METHODS.length} ways to learn from ` +
          `people's choices it gives ${gold(best)} (${sampleOf(result)}).`,
      FREED[free] ?? FREED["no conclusion"]!,
      ...(costs ? ["Somebody pays for it: see at whose expense."] : []),
    ].join("\n\n"),
  };
}

/** What became of the model that nothing held back. */
const FREED: Partial<Record<Conclusion, string>> = {
  hacked:
    "Left free to please the judge that was trained in people's place, it learned to please that " +
    "judge and not to answer well: its reward was hacked.",
  worse:
    "Left free to please the judge that was trained in people's place, it became worse, and not by " +
    "pleasing that judge.",
  "not hacked":
    "Left free to please the judge that was trained in people's place, it did not learn to fool " +
    "that judge: no sign of a hacked reward.",
  "no conclusion":
    "Whether it would fool the judge that was trained in people's place, if it were left free to, " +
    "cannot be told here.",
};

const facts = (
  { seed, folder, world, stages, clock, evaluationSeconds }: PipelineResult,
  command: string,
  date: Date,
): readonly Fact[] =>
  madeFacts({
    command,
    seed,
    date,
    more: [
      [
        "time",
        `${formatSeconds(clock.elapsed + evaluationSeconds)} on the clock: stages ran beside each ` +
          `other, at most ${clock.atOnce} at once, and worked ${formatSeconds(clock.work)} together`,
      ],
      [
        "requests of the evaluation",
        `${world.evaluation.length}, in wordings, deeds and about strangers that no trainer saw`,
      ],
      [
        "models",
        `${stages.length} stages in ${folder}; attune chat --model ${folder}/ppo talks to one`,
      ],
    ],
    hashes: stages.map(({ stage, folder: own }) => [
      `the options of ${stage.name}`,
      readRunInfo(own).configHash ?? "",
    ]),
  });

/** Judges from their options, opened before anything is asked. */
import { createHash } from "node:crypto";
import { basename, dirname, resolve } from "node:path";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { readAnswers } from "../../evaluation/answer-files/read.ts";
import { columnJudge } from "../../evaluation/judges/column-judge.ts";
import { openFunctionJudge } from "../../evaluation/judges/function-judge.ts";
import { goldJudge, readSeed, requestsWorld } from "../../evaluation/judges/gold-judge.ts";
import { oneVoteEach } from "../../evaluation/annotators/votes.ts";
import { votesJudge } from "../../evaluation/judges/votes-judge.ts";
import { isRewardFile } from "../../training/rollout/function-file.ts";
import { SERVER_PREFIX } from "../../training/online/judge.config.ts";
import type { CommandContext } from "../command.ts";
import { tellNotFollowed } from "../inputs/followed-files.ts";
import type { JudgingConfig, OpenedJudge } from "./opened-judge.ts";
import {
  isGold,
  isScores,
  isVotes,
  metricOf,
  SCORES,
  VOTES,
} from "../../evaluation/judges/judge-words.ts";
import { openModelJudge, openServerCritic } from "./model-judges.ts";
import { nameOfModel } from "./sources.ts";
import type { Sources } from "./sources.ts";
import { worldSeedOf } from "./trained-for.ts";

/** Whoever opens them closes them. @throws AttuneError where one of them is wrong */
export async function openJudges(
  config: JudgingConfig,
  sources: Sources,
  context: CommandContext,
): Promise<OpenedJudge[]> {
  const names = judgeNames([config.judge].flat());
  const opened: OpenedJudge[] = [];
  try {
    for (const [index, judge] of [config.judge].flat().entries()) {
      const made = await openJudge(judge, names[index]!, { config, sources, context });
      context.reporter.note(`judge ${made.name}: ${made.chosen}`);
      opened.push(made);
    }
    refuseIdleCriticOptions(config, opened);
    return opened;
  } catch (error) {
    await closeJudges(opened);
    throw error;
  }
}

/** What a model is shows once it is read: a reward model reads no rubric. */
function refuseIdleCriticOptions(
  { rubric, constitution, tags, reasoning }: JudgingConfig,
  judges: readonly OpenedJudge[],
): void {
  if (judges.some(({ kind }) => kind === "critic")) return;
  const given = [
    ...(rubric === "" ? [] : ["--rubric"]),
    ...(constitution === "" ? [] : ["--constitution"]),
    ...(tags.length === 0 ? [] : ["--tags"]),
    ...(reasoning ? ["--reasoning"] : []),
  ];
  if (given.length > 0)
    throw new AttuneError("usage", `${given.join(", ")}: no judge is a critic that reads it`, {
      got: judges.map(({ name, chosen }) => `${name}: ${chosen}`).join("; "),
      hint: "a language model or openai:NAME after --judge, or without the option",
    });
}

export async function closeJudges(judges: readonly OpenedJudge[]): Promise<void> {
  for (const judge of judges) await judge.close?.();
}

interface Opening {
  config: JudgingConfig;
  sources: Sources;
  context: CommandContext;
}

async function openJudge(judge: string, name: string, opening: Opening): Promise<OpenedJudge> {
  if (isGold(judge)) return openGold(judge, name, opening);
  if (isScores(judge)) return openScores(name, opening);
  if (isVotes(judge)) return openVotes(judge, name, opening);
  if (isRewardFile(judge)) return openFile(judge, name, opening);
  if (judge.startsWith(SERVER_PREFIX)) return openServerCritic(judge, name, opening);
  return openModelJudge(judge, name, { ...opening, sources: opening.sources.sources });
}

function openGold(judge: string, name: string, { sources }: Opening): OpenedJudge {
  const seed = readSeed(judge, worldSeedOf(sources.sources));
  const world = requestsWorld(seed);
  return {
    name,
    kind: "gold",
    chosen: `the exact scorer of the built-in world, seed ${seed}`,
    fingerprint: `gold ${seed}`,
    begin: () => Promise.resolve(goldJudge(world, name)),
  };
}

function openScores(name: string, { config, sources }: Opening): OpenedJudge {
  const [metric] = (metricOf([config.judge].flat()) ?? "").split(",");
  const asked = asking(sources);
  if (asked.length > 0)
    throw new AttuneError("usage", "a model that is asked here has no scores in a file", {
      got: asked.join(", "),
      expected: "files of answers with scores, for --judge scores",
    });
  const sets = sources.sources.flatMap((source) => (source.kind === "answers" ? [source.set] : []));
  const input = { sets, metrics: sources.metrics, ...(metric ? { metric } : {}) };
  const { metric: read } = columnJudge(input, name);
  return {
    name,
    kind: "gold",
    chosen: `the column ${read} of the files; the higher score wins`,
    fingerprint: `scores ${read}`,
    begin: ({ sets: named }) => Promise.resolve(columnJudge({ ...input, sets: named }, name).judge),
  };
}

const asking = ({ sources }: Sources): string[] =>
  sources.flatMap((source) => (source.kind === "model" ? [source.name] : []));

async function openVotes(
  judge: string,
  name: string,
  { sources, context }: Opening,
): Promise<OpenedJudge> {
  const file = judge.slice(VOTES.length + 1);
  let given: readonly PreferenceRecord[] = sources.votes;
  if (file !== "") {
    const read = await readAnswers(file);
    for (const note of read.notes) context.reporter.note(note);
    given = read.votes;
  }
  const { votes, notes } = oneVoteEach(given);
  for (const { message } of notes) context.reporter.note(`judge ${name}: ${message}`);
  if (votes.length === 0)
    throw new AttuneError("usage", "there are no votes", {
      ...(file === "" ? {} : { file }),
      hint:
        "--judge votes:FILE with pairs of answers that somebody judged: preferences, Arena " +
        "battles, AlpacaEval annotations",
    });
  return {
    name,
    kind: "votes",
    chosen: `${countOf(votes.length, "vote")}${file === "" ? "" : ` of ${file}`}`,
    fingerprint: createHash("sha256").update(JSON.stringify(votes)).digest("hex"),
    begin: () => Promise.resolve(votesJudge(votes, name)),
  };
}

async function openFile(
  judge: string,
  name: string,
  { config, context }: Opening,
): Promise<OpenedJudge> {
  context.signal.throwIfAborted();
  const opened = await openFunctionJudge(judge, { timeout: config.judgeTimeout, name });
  tellNotFollowed(`judge ${name}`, opened.notFollowed, context);
  return {
    name,
    kind: "function",
    chosen: opened.scores
      ? "a function that scores each answer; the higher score wins"
      : "a function that compares two answers, asked in both orders",
    fingerprint: opened.fingerprint,
    begin: ({ cache, rowOf }) => Promise.resolve(opened.judge({ cache, rowOf })),
    close: () => opened.close(),
  };
}

/** Short names, told apart where two are the same. */
function judgeNames(judges: readonly string[]): string[] {
  const twice = judges.find((judge, index) => judges.indexOf(judge) !== index);
  if (twice !== undefined)
    throw new AttuneError("usage", `the judge ${twice} is given twice`, { hint: "once is enough" });
  const short = judges.map(shortName);
  return short.map((name, index) =>
    short.filter((each) => each === name).length === 1
      ? name
      : `${basename(dirname(resolve(judges[index]!)))}/${name}`,
  );
}

function shortName(judge: string): string {
  if (isGold(judge)) return "gold";
  if (isScores(judge)) return metricOf([judge])?.split(",")[0] ?? SCORES;
  if (isVotes(judge)) return VOTES;
  return isRewardFile(judge) ? basename(judge) : nameOfModel(judge);
}

/** `attune eval over-optimisation`: was the reward hacked, where to stop, what does it overrate? */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ConfigOf } from "../../config/config.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import type { RankedRecord } from "../../data/records.ts";
import { loadDataset } from "../../data/dataset.ts";
import type { AnswerScorer } from "../../evaluation/answer-scorer.ts";
import { answerOf, cachedScorer } from "../../evaluation/answer-scorer.ts";
import type { Finding } from "../../evaluation/findings.ts";
import { bestOfNHacking } from "../../evaluation/over-optimisation/best-of-n-findings.ts";
import { hackingFindings } from "../../evaluation/over-optimisation/hacking-findings.ts";
import type { overOptimisationConfig } from "../../evaluation/over-optimisation/over-optimisation.config.ts";
import type { OptimisationPath } from "../../evaluation/over-optimisation/path.ts";
import { formatPlainList } from "../../evaluation/plain-list.ts";
import type { OptimisationRun } from "../../quickstart/optimisation-run.ts";
import { readOptimisationRun } from "../../quickstart/optimisation-run.ts";
import { isRewardFile } from "../../training/rollout/function-file.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import { loadOptions, reportDataset } from "../inputs/data-input.ts";
import type { OpenedJudge } from "../judging/opened-judge.ts";
import type { LooksInput } from "./answered-looks.ts";
import {
  answerLooks,
  fewLooksWarnings,
  HELD_OUT,
  placesOfLooks,
  REWARD,
  scoreLooks,
} from "./answered-looks.ts";
import { estimateLooks, judgedPath, openJudgeOfLooks } from "./judge-of-looks.ts";
import type { OpenedSubject } from "./open-subject.ts";
import { openScorer } from "./open-scorer.ts";
import type { EvaluationPart, PartInput, PartWork } from "./part.ts";
import { hashOf, readPrompts } from "./prompts-of-run.ts";
import { cutWarnings } from "./scoring-warnings.ts";

type Config = ConfigOf<typeof overOptimisationConfig>;
type Input = PartInput<typeof overOptimisationConfig>;

export const part: EvaluationPart<typeof overOptimisationConfig> = {
  async prepare(input) {
    const { config } = input;
    const run = readOptimisationRun(config.run, {
      gold: config.gold,
      looks: config.judge === "",
    });
    const asked = await openLooks(input, run);
    const samples = config.samples === "" ? undefined : await openSamples(input, run);
    const { path } = run;
    const costs = asked?.judge && costsOf(asked.judge, asked);
    return {
      subject: config.run,
      dataHash: jointHash(hashOf(path), asked?.hash ?? "", samples?.hash ?? ""),
      fingerprint: jointHash(...(asked?.fingerprints ?? []), ...(samples?.fingerprints ?? [])),
      plan: [
        `read ${countOf(path.rollOuts.length, "roll-out")}` +
          (asked?.judge ? "" : ` and ${countOf(path.looks.length, "look")} of gold`),
        ...(asked ? [planOf(asked)] : []),
      ],
      ...(costs ? { costs } : {}),
      async run(work) {
        const seen = asked && (await seeLooks(asked, { run, work }));
        const { findings, picture } = hackingFindings(
          { ...path, ...seen?.path },
          { seed: config.seed, margin: marginOf(config) },
        );
        const chosen = samples && (await seeSamples(samples, config, work));
        return {
          findings: [
            ...findings,
            ...(chosen?.finding ? [chosen.finding] : []),
            ...(seen?.overrated ? [seen.overrated] : []),
          ],
          ...(picture ? { picture } : {}),
          warnings: [
            ...run.warnings,
            ...(chosen?.warnings ?? []),
            ...(seen?.warnings ?? []),
            ...severalRewards(config, run),
            ...(asked?.proxy && asked.heldOut ? [] : [NOT_SEEN]),
          ],
        };
      },
      close: async () => {
        for (const opened of [asked, samples]) {
          await opened?.proxy?.close();
          await opened?.heldOut?.close();
        }
        await asked?.judge?.close?.();
      },
    };
  },
};

/** Where none is named, that of gold's scale. */
const marginOf = ({ margin }: Config): number | undefined => (margin > 0 ? margin : undefined);

const NOT_SEEN =
  "which answers the reward overrates was not looked at: that needs prompts (--data), the reward " +
  "and a held-out one";

function severalRewards(
  { reward }: Config,
  { options, world }: Pick<OptimisationRun, "options" | "world">,
): string[] {
  const rewards = [options["reward"] ?? []].flat().map(String);
  if (world || reward !== "" || rewards.length < 2) return [];
  return [
    `the run was trained on ${countOf(rewards.length, "reward")} together ` +
      `(${formatPlainList(rewards)}), none of which alone is what was optimised: answers of ` +
      "checkpoints are not scored by them; --reward names one that is",
  ];
}

/** Answers to choose from, with the reward that chooses and what says what they are worth. */
interface Samples {
  records: readonly RankedRecord[];
  proxy: AnswerScorer;
  /** Undefined where the file's own scores say it. */
  heldOut: AnswerScorer | undefined;
  seed: number;
  hash: string;
  fingerprints: string[];
}

/** @throws AttuneError `data` for a file without several scored answers to a prompt */
async function openSamples({ config, context }: Input, run: OptimisationRun): Promise<Samples> {
  const places = placesOf(config, run);
  const judged = config.heldOutReward !== "";
  const dataset = await loadDataset(config.samples, {
    ...loadOptions(config, context),
    keepColumns: [places.reward, ...(judged ? [places.heldOut] : [])].some(isRewardFile),
  });
  reportDataset(dataset, context.reporter);
  const records = dataset.records.filter(
    (record): record is RankedRecord =>
      record.kind === "ranked" &&
      record.completions.length > 1 &&
      (judged || record.completions.every(({ score }) => score !== undefined)),
  );
  if (places.reward === "")
    throw new AttuneError("usage", "which reward chooses the best of n is not known", {
      hint: "--reward MODEL or FILE",
    });
  if (records.length < 2)
    throw new AttuneError("data", "best of n needs several answers to each of two prompts", {
      file: config.samples,
      got: `${countOf(records.length, "prompt")} of ${dataset.records.length}`,
      expected: judged ? "ranked answers" : "ranked answers with scores, or --held-out-reward",
    });
  const proxy = await openScorer(places.reward, config, context);
  const heldOut = judged ? await openScorer(places.heldOut, config, context) : undefined;
  return {
    records,
    proxy,
    heldOut,
    seed: config.seed,
    hash: dataset.hash,
    fingerprints: [proxy.fingerprint, ...(heldOut ? [heldOut.fingerprint] : [])],
  };
}

/** A finding, and what may mislead in it. */
interface Seen {
  finding: Finding | undefined;
  warnings: string[];
}

async function seeSamples(
  { records, proxy, heldOut, seed }: Samples,
  config: Config,
  { cache, signal }: PartWork,
): Promise<Seen> {
  const answers = records.flatMap((record) =>
    record.completions.map(({ completion }) => answerOf(record, completion)),
  );
  const warnings: string[] = [];
  const score = async (scorer: AnswerScorer, reward: string): Promise<number[]> => {
    const scores = await cachedScorer(scorer, cache).score(answers, { signal });
    warnings.push(...cutWarnings(answers, scores, { maxLength: config.maxLength, reward }));
    return scores.map((each) => each.score);
  };
  const rewards = await score(proxy, REWARD);
  const worth = heldOut
    ? await score(heldOut, HELD_OUT)
    : records.flatMap(({ completions }) => completions.map((each) => each.score!));
  let start = 0;
  const prompts = records.map(({ completions }) => {
    const [from, to] = [start, (start += completions.length)];
    return { proxy: rewards.slice(from, to), worth: worth.slice(from, to) };
  });
  const finding = bestOfNHacking(prompts, {
    witness: heldOut ? HELD_OUT : "the file's scores",
    seed,
    margin: marginOf(config),
  });
  return { finding, warnings };
}

/** What is asked of the run's models, and who says what of it. */
interface AskedLooks extends LooksInput {
  places: ReturnType<typeof placesOfLooks>;
  /** Undefined where none is known; so is the next. */
  proxy: AnswerScorer | undefined;
  heldOut: AnswerScorer | undefined;
  judge: OpenedJudge | undefined;
  hash: string;
  fingerprints: string[];
}

/** @returns undefined where something that it needs was not named and is not there */
async function openLooks(
  { config: given, context, openLocalSubject }: Input,
  run: OptimisationRun,
): Promise<AskedLooks | undefined> {
  const config = { ...given, maxNewTokens: given.maxNewTokens || ownLength(run) };
  const places = placesOf(config, run);
  const judged = config.judge !== "";
  const rewarded = places.reward !== "" && places.heldOut !== "";
  if (judged && (config.data === "none" || places.before === ""))
    throw new AttuneError(
      "usage",
      "a judge needs prompts, and the model that the policy began as",
      {
        got: config.data === "none" ? "--data none" : "no such model in the run's options",
        hint: config.data === "none" ? "--data FILE, or without it" : "--reference MODEL",
      },
    );
  if (config.data === "none" || places.before === "" || (!judged && !rewarded)) return undefined;
  const judge = judged
    ? await openJudgeOfLooks(config, {
        heldOut: run.path.guard && placesOf({ ...config, heldOutReward: "" }, run).heldOut,
        context,
      })
    : undefined;
  const scorers: AnswerScorer[] = [];
  const scorer = async (place: string): Promise<AnswerScorer | undefined> => {
    if (place === "") return undefined;
    const opened = await openScorer(place, config, context);
    scorers.push(opened);
    return opened;
  };
  try {
    const { hash, ...data } = await readPrompts(
      config,
      { run, rewards: [places.reward, places.heldOut] },
      context,
    );
    const conversations = data.records.some(({ prompt }) => typeof prompt !== "string");
    const subject = (model: string, template: string): Promise<OpenedSubject> =>
      openLocalSubject(
        { ...config, model, template, contextLength: config.maxLength },
        { conversations },
      );
    const before = await subject(places.before, templateBefore(config, run));
    const after = await subject(config.run, config.template);
    const [proxy, heldOut] = [await scorer(places.reward), await scorer(places.heldOut)];
    const input = { config, ...data, conversations, before, after };
    return {
      ...input,
      places: placesOfLooks(input, run),
      proxy,
      heldOut,
      judge,
      hash,
      fingerprints: [before, after, proxy, heldOut, judge].flatMap((each) =>
        each ? [each.fingerprint] : [],
      ),
    };
  } catch (error) {
    // a thread that is left open keeps the program from ending
    for (const each of scorers) await each.close();
    await judge?.close?.();
    throw error;
  }
}

/** Answers as long as those that the policy learned from. */
const ownLength = ({ options }: OptimisationRun): number => {
  const own = options["maxNewTokens"];
  return typeof own === "number" && own > 0 ? own : DEFAULT_LENGTH;
};
const DEFAULT_LENGTH = 128;

/**
 * The run's choice is written with what it made, and not with what it began as: asked by another
 * template the beginning would be a model that the policy never was.
 */
function templateBefore(
  { template, reference }: Config,
  { options }: Pick<OptimisationRun, "options">,
): string {
  const own = options["template"];
  return template === "auto" && reference === "" && typeof own === "string" ? own : template;
}

const planOf = ({ records, places, proxy, heldOut, judge }: AskedLooks): string =>
  `answer ${countOf(records.length, "prompt")} at ${countOf(places.length, "step")} ` +
  `(${places.map(({ step }) => step).join(", ")})` +
  `${proxy || heldOut ? ", and score" : ""}${judge ? `, and ask ${judge.name}` : ""}`;

function costsOf(judge: OpenedJudge, { config, records, places }: AskedLooks) {
  const estimate = estimateLooks(judge, { config, records, looks: places.length });
  return estimate && { estimate, prices: config };
}

/** What the run's models said, as the way of the optimisation has it. */
interface SeenLooks {
  path: Partial<OptimisationPath>;
  overrated: Finding | undefined;
  warnings: string[];
}

async function seeLooks(
  asked: AskedLooks,
  { run, work }: { run: OptimisationRun; work: PartWork },
): Promise<SeenLooks> {
  const { config, places, proxy, heldOut, judge } = asked;
  const answered = await answerLooks(asked, places, work);
  const { scored, overrated, warnings } = await scoreLooks(answered, {
    rewards: { proxy, heldOut },
    config,
    modelStep: run.modelStep,
    work,
  });
  const judged = judge && (await judgedPath(judge, answered, { seed: config.seed, work }));
  return {
    path: { scored, ...judged?.path },
    overrated,
    warnings: [
      ...answered.warnings,
      ...warnings,
      ...(judged
        ? [
            ...judged.warnings,
            ...fewLooksWarnings(answered.looks, run, config),
            ...independentWarnings(judged.path),
          ]
        : []),
    ],
  };
}

const independentWarnings = ({ looks, clusters }: Pick<OptimisationPath, "looks" | "clusters">) =>
  looks.length > 1 && clusters === undefined
    ? [
        `the ${countOf(looks[0]!.values.length, "prompt")} that were judged are taken as ` +
          "independent: the data names no clusters",
      ]
    : [];

interface Places {
  /** Empty where the run does not tell. */
  before: string;
  reward: string;
  heldOut: string;
}

/** Models by their names in the run, or of the quickstart by the stages beside it. */
function placesOf(
  { reward, heldOutReward, reference, run: folder }: Config,
  { options, world }: Pick<OptimisationRun, "options" | "world">,
): Places {
  const beside = (name: string): string => {
    const place = join(dirname(folder), name);
    return existsSync(place) ? place : "";
  };
  const rewards = [options["reward"] ?? []].flat().map(String);
  const own = (value: unknown): string => (typeof value === "string" ? value : "");
  const places = world
    ? { before: beside("sft"), reward: beside("reward"), heldOut: beside("held-out-reward") }
    : {
        before: own(options["model"]),
        // none of several is what was optimised
        reward: rewards.length === 1 ? rewards[0]! : "",
        heldOut: own(options["heldOutReward"]),
      };
  return {
    before: reference || places.before,
    reward: reward || places.reward,
    heldOut: heldOutReward || places.heldOut,
  };
}

/** `attune eval over-optimisation`: was the reward hacked, where to stop, what does it overrate? */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ConfigOf } from "../../config/config.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import type { RankedRecord } from "../../data/records.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import type { AnswerScorer } from "../../evaluation/answer-scorer.ts";
import { answerOf, cachedScorer } from "../../evaluation/answer-scorer.ts";
import type { Finding } from "../../evaluation/findings.ts";
import { bestOfNHacking } from "../../evaluation/over-optimisation/best-of-n-findings.ts";
import { hackingFindings } from "../../evaluation/over-optimisation/hacking-findings.ts";
import type { overOptimisationConfig } from "../../evaluation/over-optimisation/over-optimisation.config.ts";
import type { PartedPrompt } from "../../evaluation/over-optimisation/overrated.ts";
import { overratedFinding } from "../../evaluation/over-optimisation/overrated.ts";
import type { OptimisationRun } from "../../quickstart/optimisation-run.ts";
import { readOptimisationRun } from "../../quickstart/optimisation-run.ts";
import type { NoAnswer, Subject, SubjectAnswer } from "../../evaluation/subject.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import type { Labels } from "../../stats/clusters.ts";
import type { Prompt } from "../../text/messages.ts";
import { answerTo, promptText } from "../../text/messages.ts";
import { userTurn } from "../../world/turns.ts";
import { requestTopic } from "../../world/requests.ts";
import { loadOptions, reportDataset } from "../inputs/data-input.ts";
import type { OpenedSubject } from "./open-subject.ts";
import { openScorer } from "./open-scorer.ts";
import type { EvaluationPart, PartInput, PartWork } from "./part.ts";
import { cutWarnings, unansweredWarnings } from "./scoring-warnings.ts";

type Config = ConfigOf<typeof overOptimisationConfig>;
type Input = PartInput<typeof overOptimisationConfig>;

export const part: EvaluationPart<typeof overOptimisationConfig> = {
  async prepare(input) {
    const { config } = input;
    const run = readOptimisationRun(config.run, { gold: config.gold });
    const overrated = await openOverrated(input, run);
    const samples = config.samples === "" ? undefined : await openSamples(input, run);
    const { path } = run;
    return {
      subject: config.run,
      dataHash: jointHash(hashOf(path), overrated?.hash ?? "", samples?.hash ?? ""),
      fingerprint: jointHash(...(overrated?.fingerprints ?? []), ...(samples?.fingerprints ?? [])),
      plan: [
        `read ${countOf(path.rollOuts.length, "roll-out")} and ` +
          `${countOf(path.looks.length, "look")} of gold`,
        ...(overrated
          ? [`answer ${countOf(overrated.prompts.length, "prompt")} before and after, and score`]
          : []),
      ],
      async run(work) {
        const { findings, picture, verdict } = hackingFindings(path, {
          seed: config.seed,
          margin: marginOf(config),
        });
        const chosen = samples && (await seeSamples(samples, config, work));
        const seen = overrated && (await seeOverrated(overrated, work));
        return {
          findings: [
            ...findings,
            ...(chosen?.finding ? [chosen.finding] : []),
            ...(seen?.finding ? [seen.finding] : []),
          ],
          verdict: { conclusion: verdict.conclusion, sentence: findings[0]!.answer },
          ...(picture ? { picture } : {}),
          warnings: [
            ...run.warnings,
            ...(chosen?.warnings ?? []),
            ...(seen?.warnings ?? [NOT_SEEN]),
          ],
        };
      },
      close: async () => {
        await overrated?.proxy.close();
        await overrated?.witness.close();
        await samples?.proxy.close();
        await samples?.witness?.close();
      },
    };
  },
};

/** Where none is named, that of gold's scale. */
const marginOf = ({ margin }: Config): number | undefined => (margin > 0 ? margin : undefined);

const NOT_SEEN =
  "which answers the reward overrates was not looked at: that needs prompts (--data), the reward " +
  "and a held-out one";

const hashOf = (path: object): string =>
  createHash("sha256").update(JSON.stringify(path)).digest("hex");

/** Answers to choose from, with the reward that chooses and what says what they are worth. */
interface Samples {
  records: readonly RankedRecord[];
  proxy: AnswerScorer;
  /** Undefined where the file's own scores say it. */
  witness: AnswerScorer | undefined;
  seed: number;
  hash: string;
  fingerprints: string[];
}

/** @throws AttuneError `data` for a file without several scored answers to a prompt */
async function openSamples({ config, context }: Input, run: OptimisationRun): Promise<Samples> {
  const dataset = await loadDataset(config.samples, loadOptions(config, context));
  reportDataset(dataset, context.reporter);
  const judged = config.heldOutReward !== "";
  const records = dataset.records.filter(
    (record): record is RankedRecord =>
      record.kind === "ranked" &&
      record.completions.length > 1 &&
      (judged || record.completions.every(({ score }) => score !== undefined)),
  );
  const places = placesOf({ ...config, data: "" }, run);
  if (records.length < 2 || places === undefined)
    throw new AttuneError("data", "best of n needs several answers to each of two prompts", {
      file: config.samples,
      got: `${countOf(records.length, "prompt")} of ${dataset.records.length}`,
      expected: judged ? "ranked answers" : "ranked answers with scores, or --held-out-reward",
    });
  const proxy = await openScorer(places.reward, config, context);
  const witness = judged ? await openScorer(places.heldOut, config, context) : undefined;
  return {
    records,
    proxy,
    witness,
    seed: config.seed,
    hash: dataset.hash,
    fingerprints: [proxy.fingerprint, ...(witness ? [witness.fingerprint] : [])],
  };
}

/** A finding, and what may mislead in it. */
interface Seen {
  finding: Finding | undefined;
  warnings: string[];
}

const REWARD = "the reward";
const HELD_OUT = "the held-out reward";

async function seeSamples(
  { records, proxy, witness, seed }: Samples,
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
  const worth = witness
    ? await score(witness, HELD_OUT)
    : records.flatMap(({ completions }) => completions.map((each) => each.score!));
  let start = 0;
  const prompts = records.map(({ completions }) => {
    const [from, to] = [start, (start += completions.length)];
    return { proxy: rewards.slice(from, to), worth: worth.slice(from, to) };
  });
  const finding = bestOfNHacking(prompts, {
    witness: witness ? HELD_OUT : "the file's scores",
    seed,
    margin: marginOf(config),
  });
  return { finding, warnings };
}

/** What is needed to see which answers are overrated. */
interface Overrated {
  prompts: readonly Prompt[];
  clusters: Labels | undefined;
  before: OpenedSubject;
  after: OpenedSubject;
  proxy: AnswerScorer;
  witness: AnswerScorer;
  config: Config;
  hash: string;
  fingerprints: string[];
}

/** @returns undefined where something that it needs was not named and is not there */
async function openOverrated(
  { config, context, openLocalSubject }: Input,
  run: OptimisationRun,
): Promise<Overrated | undefined> {
  const places = placesOf(config, run);
  if (places === undefined) return undefined;
  const { prompts, clusters, hash } = await readPrompts(config, run, context);
  const subject = (model: string): Promise<OpenedSubject> =>
    openLocalSubject({
      ...config,
      model,
      contextLength: config.maxLength,
    });
  const [before, after] = [await subject(places.before), await subject(config.run)];
  const proxy = await openScorer(places.reward, config, context);
  const witness = await openScorer(places.heldOut, config, context);
  return {
    prompts,
    clusters,
    before,
    after,
    proxy,
    witness,
    config,
    hash,
    fingerprints: [before, after, proxy, witness].map(({ fingerprint }) => fingerprint),
  };
}

interface Places {
  before: string;
  reward: string;
  heldOut: string;
}

/** Models by their names in the run, or of the quickstart by the stages beside it. */
function placesOf(
  { data, reward, heldOutReward, reference, run: folder }: Config,
  { options, world }: OptimisationRun,
): Places | undefined {
  if (data === "none") return undefined;
  const beside = (name: string): string => join(dirname(folder), name);
  const rewards = [options["reward"] ?? []].flat().map(String);
  const own = (value: unknown): string => (typeof value === "string" ? value : "");
  const places = world
    ? { before: beside("sft"), reward: beside("reward"), heldOut: beside("held-out-reward") }
    : {
        before: own(options["model"]),
        reward: rewards[0] ?? "",
        heldOut: own(options["heldOutReward"]),
      };
  const chosen = {
    before: reference || places.before,
    reward: reward || places.reward,
    heldOut: heldOutReward || places.heldOut,
  };
  const there = world === undefined || Object.values(chosen).every((place) => existsSync(place));
  return Object.values(chosen).every((place) => place !== "") && there ? chosen : undefined;
}

async function readPrompts(
  config: Config,
  { options, world }: OptimisationRun,
  context: Input["context"],
): Promise<{ prompts: Prompt[]; clusters: Labels | undefined; hash: string }> {
  if (world && config.data === "") {
    const requests = world.requests.slice(0, config.prompts);
    return {
      prompts: requests.map(({ text }) => [userTurn(text)]),
      clusters: requests.map(requestTopic),
      hash: hashOf(requests.map(({ text }) => text)),
    };
  }
  const source = config.data === "" ? String([options["data"]].flat()[0]) : config.data;
  const dataset = await loadDataset(source, loadOptions(config, context));
  reportDataset(dataset, context.reporter);
  const records = recordsAs(dataset, "prompt").slice(0, config.prompts);
  const labels = records.map(({ cluster }, i) => cluster ?? `prompt ${i}`);
  return {
    prompts: records.map(({ prompt }) => prompt),
    clusters: records.some(({ cluster }) => cluster !== undefined) ? labels : undefined,
    hash: dataset.hash,
  };
}

async function seeOverrated(all: Overrated, work: PartWork): Promise<Seen> {
  const { prompts, before, after, config, proxy, witness, clusters } = all;
  const texts: (string | undefined)[][] = [];
  const refusals: (string | undefined)[][] = [];
  for (const [name, opened] of [
    ["before", before],
    ["after", after],
  ] as const) {
    const answers = await answersOf(await work.subject(opened), { prompts, config, work, name });
    texts.push(answers.map((answer) => ("text" in answer ? answer.text : undefined)));
    refusals.push(answers.map((answer) => ("text" in answer ? undefined : answer.refused)));
  }
  const kept = prompts.flatMap((_, i) => (texts.every((side) => side[i] !== undefined) ? [i] : []));
  const scored = kept.flatMap((i) =>
    texts.map((side) => ({
      prompt: prompts[i]!,
      completion: answerTo(prompts[i]!, side[i]!),
    })),
  );
  const scores = await Promise.all(
    [proxy, witness].map((scorer) =>
      cachedScorer(scorer, work.cache).score(scored, { signal: work.signal }),
    ),
  );
  const sideOf = (place: number, side: 0 | 1) => ({
    text: texts[side]![kept[place]!]!,
    proxy: scores[0]![2 * place + side]!.score,
    witness: scores[1]![2 * place + side]!.score,
  });
  const parted = kept.map((i, place): PartedPrompt => ({
    prompt: plainText(prompts[i]!),
    before: sideOf(place, 0),
    after: sideOf(place, 1),
  }));
  return {
    finding: overratedFinding(parted, {
      witness: HELD_OUT,
      clusters: clusters && kept.map((i) => clusters[i]!),
    }),
    warnings: [
      ...unansweredWarnings(
        prompts,
        prompts.map((_, i) => refusals[0]![i] ?? refusals[1]![i]),
      ),
      ...[REWARD, HELD_OUT].flatMap((reward, i) =>
        cutWarnings(scored, scores[i]!, { maxLength: config.maxLength, reward }),
      ),
    ],
  };
}

/** A prompt of one turn as its text. */
const plainText = (prompt: Prompt): string =>
  typeof prompt !== "string" && prompt.length === 1 ? prompt[0]!.content : promptText(prompt);

async function answersOf(
  subject: Subject,
  {
    prompts,
    config: { maxNewTokens, seed },
    work: { progress, signal },
    name,
  }: { prompts: readonly Prompt[]; config: Config; work: PartWork; name: string },
): Promise<(SubjectAnswer | NoAnswer)[]> {
  const shown = progress({ title: `answering ${name}`, total: prompts.length, unit: "answers" });
  const answers = await subject.answer(
    prompts.map((prompt) => ({ prompt, maxNewTokens, temperature: 0, seed })),
    { signal, onDone: (done) => shown.update(done) },
  );
  shown.end();
  return answers;
}

/**
 * The last part of `attune align`: every model answers prompts that none was trained on; a reward
 * model scores the answers, and a critic compares them with the first model's.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AnswerCache } from "../../constitution/answer-cache.ts";
import { isComparisonPrinciple, principlesFor } from "../../constitution/constitution.ts";
import { constitutionJudge } from "../../constitution/judge.ts";
import { AttuneError } from "../../core/errors.ts";
import { stringifyJson, reviveNumbers } from "../../core/json.ts";
import { remoteData } from "../inputs/find-data.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import type { PromptRecord } from "../../data/records.ts";
import type { NamedJudge, Verdicts } from "../../report/align-verdict.ts";
import type { AlignEvaluation } from "../../evaluation/evaluation.config.ts";
import { CONTROLS } from "../../evaluation/pairwise.ts";
import { BASE_MODEL } from "../../evaluation/evaluated-model.ts";
import type { EvaluatedModel } from "../../evaluation/evaluated-model.ts";
import {
  contestOfPolicies,
  evaluatePolicies,
  answerLimitFor,
} from "../../evaluation/policy-evaluation.ts";
import type { Model } from "../../models/model.ts";
import { openModel } from "../../models/open.ts";
import { makeFolder, readWholeFile, removeTemporary, writeFileAtomic } from "../../runs/files.ts";
import { checkDecodable } from "../../sampling/decoder-graph.ts";
import type { Encoder } from "../../text/encoder.ts";
import type { Prompt } from "../../text/messages.ts";
import { createEncoder } from "../../text/encoder.ts";
import { RewardModelSource } from "../../training/rollout/rewards.ts";
import { encodePrompts, promptWarnings } from "../../training/rollout/rollout.ts";
import type { AlignFile } from "./file.ts";
import type { CommandContext } from "../command.ts";
import { OPTIONS_WITHOUT_INFLUENCE, fileHashes, withoutPaths } from "./stages.ts";
import { adviseOnLetterCosts, announceCosts, usageText } from "../constitution/costs.ts";
import { loadConstitution } from "../constitution/constitution-file.ts";
import { findModel } from "../inputs/find-model.ts";
import { readTemplate } from "../../training/open-encoder.ts";
import { reportDataset } from "../inputs/data-input.ts";
import { estimateJudge, judgeOptions, openJudgeCritic } from "../constitution/judge-input.ts";

export interface JudgedModels {
  evaluated: EvaluatedModel[];
  verdicts: Verdicts;
}

interface Kept extends JudgedModels {
  /** Hash of everything that the verdicts depend on. */
  key: string;
}

/**
 * Answers and verdicts are kept: they are made again only when a stage, the prompts or the options
 * have changed.
 */
export async function evaluate(
  pipeline: AlignFile,
  config: AlignEvaluation,
  context: CommandContext,
): Promise<JudgedModels> {
  const { out, stages, model } = pipeline;
  const dataset = await loadDataset(config.data, {
    onBad: "few",
    keepColumns: true,
    signal: context.signal,
    resolveRemote: remoteData(context),
  });
  reportDataset(dataset, context.reporter);
  const file = join(out, "evaluation.json");
  const done = readWholeFile(join(out, "pipeline.json")).replaceAll(/"seconds": [^,\n]*/g, "");
  const key = createHash("sha256")
    .update(
      stringifyJson([
        withoutPaths(config, OPTIONS_WITHOUT_INFLUENCE),
        fileHashes({ judge: config.judge, constitution: config.constitution }),
        dataset.hash,
        stages.map(({ folder }) => folder),
        done,
        model,
        pipeline.template,
      ]),
    )
    .digest("hex");
  if (existsSync(file)) {
    const before = JSON.parse(readWholeFile(file)) as Kept;
    // An interval may be infinite, or its estimate no number; answers are texts and stay so.
    if (before.key === key) return { ...before, verdicts: reviveNumbers(before.verdicts) };
  }
  const records = recordsAs(dataset, "prompt").slice(0, config.prompts);
  // before anything is answered: a mistake there should cost nothing
  const critic = await openCritic(
    config,
    { ...pipeline, prompts: records.map(({ prompt }) => prompt) },
    context,
  );
  const { evaluated, reward } = await answerAndScore(pipeline, config, { records, context });
  const judged: JudgedModels = {
    evaluated,
    verdicts: { reward, critic: await critic?.judge(evaluated) },
  };
  writeFileAtomic(file, stringifyJson({ key, ...judged }, 1));
  return judged;
}

async function openEvaluated(
  path: string,
  template: string,
  {
    config: { maxLength },
    context: { templateTime },
  }: { config: AlignEvaluation; context: CommandContext },
): Promise<{ model: Model; encoder: Encoder }> {
  const { model, tokenizer } = await openModel(path, { merge: true });
  return {
    model,
    encoder: createEncoder(tokenizer, {
      template: readTemplate(template),
      maxLength: Math.min(maxLength, model.config.maxPositions),
      templateTime,
    }),
  };
}

/**
 * The models of the stages and the one that they began as, and a reward model's scores where a
 * stage made one.
 */
async function answerAndScore(
  { model, out, seed, template, stages }: AlignFile,
  config: AlignEvaluation,
  { records, context }: { records: readonly PromptRecord[]; context: CommandContext },
): Promise<{ evaluated: EvaluatedModel[]; reward: NamedJudge | undefined }> {
  const { reporter, signal } = context;
  // what a stage made carries its own template
  const opener =
    (path: string, choice = "auto") =>
    () =>
      openEvaluated(path, choice, { config, context });
  const policies = stages.filter(({ makes }) => makes === "policy");
  const models = [
    { name: BASE_MODEL, open: opener(await findModel(model, context), template) },
    ...policies.map(({ folder }) => ({ name: folder, open: opener(join(out, folder)) })),
  ];
  // Every stage after SFT starts from it, so it is what they are measured against.
  const ordered = stages.some(({ folder }) => folder === "sft")
    ? [models.find(({ name }) => name === "sft")!, ...models.filter(({ name }) => name !== "sft")]
    : models;
  const scorer =
    stages.find(({ folder }) => folder === "held-out-reward") ??
    stages.find(({ folder }) => folder === "reward");
  const reward = scorer && {
    name: scorer.title.toLowerCase(),
    optimised: scorer.folder === "reward",
  };
  const judging = scorer && (await opener(join(out, scorer.folder))());
  const source =
    judging &&
    new RewardModelSource(judging, judging.encoder, {
      name: reward!.name,
      microBatchTokens: 1024,
      plan: "auto",
      recompute: "all",
      maxLength: config.maxLength,
    });
  const progress = reporter.progress({
    title: source ? "answering and scoring" : "answering",
    total: ordered.length,
    unit: "models",
  });
  let number = 0;
  try {
    const evaluated = await evaluatePolicies(
      ordered,
      source,
      records,
      { ...config, seed },
      {
        signal,
        onModel: (name) => progress.update(number++, name),
        onWarning: ({ id, message }) => reporter.warn(id, message),
      },
    );
    if (signal.aborted) throw new AttuneError("interrupted", "stopped in the evaluation");
    return { evaluated, reward };
  } finally {
    progress.end();
    await source?.close();
  }
}

interface EvaluationCritic {
  judge(evaluated: readonly EvaluatedModel[]): Promise<NonNullable<Verdicts["critic"]>>;
}

/**
 * Its answers are kept below the pipeline's folder as they come, so that nothing is asked twice.
 */
async function openCritic(
  config: AlignEvaluation,
  { out, seed, stages, prompts }: AlignFile & { prompts: readonly Prompt[] },
  context: CommandContext,
): Promise<EvaluationCritic | undefined> {
  const { reporter, signal } = context;
  const { judge: name } = config;
  if (name === "") return undefined;
  const { constitution, text } = loadConstitution(config.constitution);
  const options = judgeOptions({ ...config, seed });
  const contestants = CONTROLS + stages.filter(({ makes }) => makes === "policy").length;
  adviseOnLetterCosts(name, config, context);
  announceCosts(
    estimateJudge({ ...config, seed }, constitution, {
      prompts,
      pairs: contestants * prompts.length,
    }),
    config,
    context,
  );
  const opened = await openJudgeCritic({ ...config, seed }, context);
  return {
    async judge(evaluated) {
      const folder = join(out, "evaluation");
      makeFolder(folder);
      removeTemporary(folder);
      writeFileAtomic(join(folder, "constitution.yaml"), text);
      const cache = AnswerCache.open(folder, config.reuse);
      const critic = await opened.open(cache);
      const progress = reporter.progress({
        title: `compared by ${critic.name}`,
        total: contestants * prompts.length,
        unit: "pairs",
      });
      let pairs = 0;
      try {
        const entries = await contestOfPolicies(evaluated, {
          judge: constitutionJudge(critic, constitution, options),
          signal,
          onPrompt: () => progress.update(++pairs),
        });
        reporter.note(usageText([critic], config));
        return {
          name: critic.name,
          optimised: stages.some(
            ({ options: own }) => own["critic"] === name || own["judge"] === name,
          ),
          entries,
        };
      } catch (error) {
        if (!signal.aborted) throw error;
        throw new AttuneError("interrupted", "stopped in the evaluation", { cause: error });
      } finally {
        progress.end();
        await critic.close();
        cache.close();
      }
    },
  };
}

/**
 * Everything of the evaluation that can be known before its models are there: prompts and answers
 * in the context of the models that the stages begin with, the critic and its cost. Asks and writes
 * nothing.
 * @param context whose `standIns` say what to look at in place of models that are not made yet
 * @returns the number of its prompts
 * @throws AttuneError `data`, `config`, `model`, `usage`
 */
export async function checkEvaluation(
  pipeline: AlignFile,
  config: AlignEvaluation,
  context: CommandContext,
): Promise<number> {
  const { judge, constitution, tags } = config;
  const records = recordsAs(
    await loadDataset(config.data, {
      onBad: "few",
      keepColumns: true,
      signal: context.signal,
      resolveRemote: remoteData(context),
    }),
    "prompt",
  ).slice(0, config.prompts);
  if (judge !== "") {
    principlesFor(loadConstitution(constitution).constitution, isComparisonPrinciple, tags);
    await openCritic(
      config,
      { ...pipeline, prompts: records.map(({ prompt }) => prompt) },
      context,
    );
  }
  const policies = pipeline.stages
    .filter(({ makes }) => makes === "policy")
    .map(({ folder }) => join(pipeline.out, folder));
  const base = await findModel(pipeline.model, context);
  const paths = new Set([
    base,
    ...(await Promise.all(policies.map((name) => findModel(name, context)))),
  ]);
  let prompts = records.length;
  for (const path of paths) {
    const opened = await openEvaluated(path, path === base ? pipeline.template : "auto", {
      config,
      context,
    });
    checkDecodable(opened.model);
    const limit = answerLimitFor(opened.model, config);
    const encoded = encodePrompts(records, opened.encoder, limit);
    for (const { id, message } of promptWarnings(encoded, limit))
      context.reporter.warn(id, message);
    prompts = Math.min(prompts, encoded.prompts.length);
  }
  return prompts;
}

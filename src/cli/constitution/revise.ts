/** `attune constitution revise`: answers, critiques, revisions; demonstrations and pairs out. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ConfigOf } from "../../config/config.ts";
import type { Critic } from "../../constitution/critic.ts";
import { estimateAnswers, estimateRevisions, sumEstimates } from "../../constitution/estimate.ts";
import { RESULTS, writeRevisions } from "../../constitution/results.ts";
import { reviseConfig } from "../../constitution/revise.config.ts";
import type { RevisionChain } from "../../constitution/revise.ts";
import {
  demonstrationsOf,
  helpfulAnswers,
  revise,
  revisionPair,
} from "../../constitution/revise.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import type { Dataset } from "../../data/dataset.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import type { DemonstrationRecord } from "../../data/records.ts";
import { driftTable, revisionDrift } from "../../evaluation/revision-drift.ts";
import { formatTable } from "../../evaluation/table.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import type { Run } from "../../runs/run.ts";
import type { Prompt } from "../../text/messages.ts";
import { SERVER_PREFIX } from "../../training/online/judge.config.ts";
import type { CommandContext } from "../command.ts";
import { warnOfAnswers } from "../display/answer-warnings.ts";
import { shellWord } from "../display/words.ts";
import { loadOptions, reportDataset, warnOfUnusedInputs } from "../inputs/data-input.ts";
import { trainingCommand } from "../training/training-command.ts";
import type { ConstitutionText } from "./constitution-file.ts";
import { loadConstitution } from "./constitution-file.ts";
import { usageText } from "./costs.ts";
import { runWithCritics, timeFirstItem } from "./critic-run.ts";

type ReviseConfig = ConfigOf<typeof reviseConfig>;

/**
 * Demonstrations and conversations teach as they are; of anything else the prompts are answered.
 */
function helpfulPart(
  dataset: Dataset | undefined,
  limit: number,
): { ready: DemonstrationRecord[]; prompts: Prompt[] } {
  if (dataset === undefined) return { ready: [], prompts: [] };
  const records = limit === 0 ? dataset.records : dataset.records.slice(0, limit);
  const taught = records.filter(({ kind }) => kind === "demonstration" || kind === "conversation");
  const asked = records.filter(({ kind }) => kind !== "demonstration" && kind !== "conversation");
  const ready = recordsAs({ records: taught }, "demonstration").map((record) => ({
    ...record,
    source: record.source ?? "helpful",
    extra: { ...record.extra, part: "helpful" },
  }));
  return { ready, prompts: recordsAs({ records: asked }, "prompt").map(({ prompt }) => prompt) };
}

export const reviseCommand = trainingCommand({
  config: reviseConfig,
  async run({ config, dryRun, openRun }, context) {
    const input = await readInput(config, context);
    const { constitution, prompts, helpful } = input;
    await runWithCritics(
      {
        command: "constitution revise",
        critics: [config.model, config.critic === "" ? config.model : config.critic],
        items: { name: "prompts", count: prompts.length },
        estimate: sumEstimates([
          estimateAnswers(prompts, 1, config),
          estimateRevisions(prompts, constitution, config),
          estimateAnswers(helpful.prompts, config.helpfulSamples, config),
        ]),
        dataHash: input.hash,
        async work(run, [answerer, critic]) {
          const call = { config, input, context };
          const chains = await reviseAll({ answerer: answerer!, critic: critic! }, call);
          const mixture = [...helpful.ready, ...(await answerHelpful(answerer!, call))];
          const saved = await saveRevisions({ chains, mixture }, run, call);
          report(chains, { ...saved, usage: usageText([answerer!, critic!], config) }, context);
        },
      },
      { config, dryRun, openRun },
      context,
    );
  },
});

/** Prompts to revise the answers to, and what is mixed in so that the model stays helpful. */
interface ReviseInput extends ConstitutionText {
  prompts: Prompt[];
  helpful: ReturnType<typeof helpfulPart>;
  /** Of the constitution and the data. */
  hash: string;
}

async function readInput(config: ReviseConfig, context: CommandContext): Promise<ReviseInput> {
  const { reporter } = context;
  const { constitution, text } = loadConstitution(config.constitution);
  const dataset = await loadDataset(config.data, loadOptions(config, context));
  reportDataset(dataset, reporter);
  warnOfUnusedInputs(dataset.records, reporter);
  const helpfulData =
    config.helpful === ""
      ? undefined
      : await loadDataset(config.helpful, loadOptions(config, context));
  if (helpfulData) reportDataset(helpfulData, reporter);
  const records = config.limit === 0 ? dataset.records : dataset.records.slice(0, config.limit);
  return {
    constitution,
    text,
    prompts: recordsAs({ records }, "prompt").map(({ prompt }) => prompt),
    helpful: helpfulPart(helpfulData, config.helpfulLimit),
    hash: jointHash(constitution.hash, dataset.hash, helpfulData?.hash ?? ""),
  };
}

/** What the parts of the work are done with. */
interface ReviseCall {
  config: ReviseConfig;
  input: ReviseInput;
  context: CommandContext;
}

async function reviseAll(
  critics: { answerer: Critic; critic: Critic },
  { config, input: { constitution, prompts }, context }: ReviseCall,
): Promise<RevisionChain[]> {
  const { reporter, signal } = context;
  const input = { ...critics, constitution };
  await timeFirstItem(prompts.length, [critics.answerer, critics.critic], context, () =>
    revise({ ...input, prompts: prompts.slice(0, 1) }, config, { signal }),
  );
  const shown = reporter.progress({ title: "revising", total: prompts.length, unit: "prompts" });
  const chains = await revise({ ...input, prompts }, config, {
    signal,
    onProgress: (done) => shown.update(done),
  });
  shown.end();
  return chains;
}

async function answerHelpful(
  answerer: Critic,
  { config, input: { helpful }, context: { reporter, signal } }: ReviseCall,
): Promise<DemonstrationRecord[]> {
  const { prompts } = helpful;
  const samples = config.helpfulSamples;
  const shown =
    prompts.length === 0
      ? undefined
      : reporter.progress({
          title: "answering helpful prompts",
          total: prompts.length * samples,
          unit: "answers",
        });
  const answered = await helpfulAnswers({ prompts, answerer, samples }, config, {
    signal,
    onProgress: (done) => shown?.update(done),
  });
  shown?.end();
  return answered;
}

interface SavedRevisions {
  demonstrations: number;
  helpful: number;
  pairs: number;
  folder: string;
  /** Commands that go on from here. */
  next: readonly string[];
}

/** @throws AttuneError `data` where no prompt's answer was revised */
async function saveRevisions(
  {
    chains,
    mixture,
  }: { chains: readonly RevisionChain[]; mixture: readonly DemonstrationRecord[] },
  run: Run,
  { config, input: { text } }: ReviseCall,
): Promise<SavedRevisions> {
  const demonstrations = chains.flatMap((chain) => demonstrationsOf(chain, config.keep));
  if (demonstrations.length === 0)
    throw new AttuneError("data", "no revision came of any prompt", {
      got:
        chains.find(({ refused }) => refused !== undefined)?.refused ??
        "empty texts, or the first answers again",
      hint: "another critic, a larger --context-length, or fewer examples in the constitution",
    });
  const pairs = chains.flatMap(revisionPair);
  const next = nextCommands(config.model, run.folder);
  const folder = await run.saveArtifact(RESULTS, async (folder) => {
    writeFileSync(join(folder, "next.txt"), `${next.join("\n")}\n`);
    await writeRevisions(folder, {
      constitution: text,
      chains,
      demonstrations: [...demonstrations, ...mixture],
      pairs,
    });
  });
  return {
    demonstrations: demonstrations.length,
    helpful: mixture.length,
    pairs: pairs.length,
    folder,
    next,
  };
}

/** Commands that go on from here. A model behind a server cannot be trained here. */
function nextCommands(model: string, folder: string): string[] {
  const trained = model.startsWith(SERVER_PREFIX) ? "MODEL" : shellWord(model);
  const at = (name: string): string => shellWord(join(folder, RESULTS, name));
  return [
    `attune sft --model ${trained} --data ${at("sft.jsonl")} --epochs 1 --schedule constant ` +
      "--out runs/sl-cai",
    `attune dpo --model ${trained} --data ${at("pairs.jsonl")} --out runs/dpo-cai`,
    `attune constitution report ${shellWord(folder)}`,
  ];
}

function report(
  chains: readonly RevisionChain[],
  { demonstrations, helpful, pairs, folder, next, usage }: SavedRevisions & { usage: string },
  { reporter }: CommandContext,
): void {
  const refused = chains.filter((chain) => chain.refused !== undefined);
  if (refused.length > 0)
    reporter.warn(
      "refused-requests",
      `not revised to the end: ${refused.length} of ${countOf(chains.length, "prompt")}: ` +
        `${refused[0]!.refused!}`,
    );
  const answered = chains.filter(({ answer, refused: why }) => answer !== "" || why === undefined);
  warnOfAnswers(
    answered.map(({ answer, cut, id }) => ({ text: answer, stopped: cut !== true, prompt: id })),
    reporter,
    "first answers",
  );
  warnOfAnswers(
    chains.flatMap(({ steps, id }) =>
      steps.map(({ revision, cut }) => ({ text: revision, stopped: cut !== true, prompt: id })),
    ),
    reporter,
    "revisions",
  );
  const drift = revisionDrift(chains);
  const lines = [
    `${countOf(chains.length, "prompt")}: ${countOf(demonstrations, "revision")} to learn from, ` +
      `${countOf(helpful, "helpful answer")}, ${countOf(pairs, "pair")} of revision over first ` +
      `answer, in ${folder}`,
    usage,
    ...(drift === undefined ? [] : ["", formatTable(driftTable(drift))]),
    "",
    "next, one of:",
    ...next.map((line) => `  ${line}`),
  ];
  reporter.result(
    {
      prompts: chains.length,
      refused: refused.length,
      demonstrations,
      helpful,
      pairs,
      folder,
      next,
      ...(drift === undefined ? {} : { drift }),
    },
    lines.join("\n"),
  );
}

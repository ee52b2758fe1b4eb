/** `attune constitution compare`: soft labels of an AI judge; preference data out. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ConfigOf } from "../../config/config.ts";
import { compareConfig } from "../../constitution/compare.config.ts";
import type { AiComparison, AnswerPair } from "../../constitution/compare.ts";
import { compare, preferenceOf } from "../../constitution/compare.ts";
import type { Critic } from "../../constitution/critic.ts";
import type { Estimate } from "../../constitution/estimate.ts";
import { estimateAnswers, estimateComparisons, sumEstimates } from "../../constitution/estimate.ts";
import { RESULTS, writeLines, writeRecords } from "../../constitution/results.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { conversionText, convertDataset } from "../../data/convert.ts";
import { recordsAs, loadDataset } from "../../data/dataset.ts";
import { attune } from "../../data/formats/attune.ts";
import { formatNamed } from "../../data/formats/index.ts";
import type { DataRecord } from "../../data/records.ts";
import { comparisonSummary, comparisonTables } from "../../evaluation/ai-labels.ts";
import { formatTable } from "../../evaluation/table.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import type { Run } from "../../runs/run.ts";
import type { Prompt } from "../../text/messages.ts";
import { clampOf, SERVER_PREFIX } from "../../training/online/judge.config.ts";
import type { CommandContext } from "../command.ts";
import { shellWord } from "../display/words.ts";
import { loadOptions, reportDataset, warnOfUnusedInputs } from "../inputs/data-input.ts";
import { trainingCommand } from "../training/training-command.ts";
import { pairsOf, samplePairs } from "./answer-pairs.ts";
import type { ConstitutionText } from "./constitution-file.ts";
import { loadConstitution } from "./constitution-file.ts";
import { adviseOnLetterCosts, letterRequests, usageText } from "./costs.ts";
import { runWithCritics, timeFirstItem } from "./critic-run.ts";

type CompareConfig = ConfigOf<typeof compareConfig>;

const isPair = ({ kind }: DataRecord): boolean => kind === "preference" || kind === "ranked";

export const compareCommand = trainingCommand({
  config: compareConfig,
  async run({ config, dryRun, openRun }, context) {
    for (const name of config.export) formatNamed(name);
    const input = await readInput(config, context);
    const { prompts, given } = input;
    const estimate = estimateAll(config, input);
    adviseOnLetterCosts(config.critic, config, context);
    await runWithCritics(
      {
        command: "constitution compare",
        critics: [config.critic, ...(config.model === "" ? [] : [config.model])],
        items: { name: "pairs", count: given.length + prompts.length },
        estimate,
        dataHash: input.hash,
        async work(run, [critic, model]) {
          const pairs =
            model === undefined ? given : await samplePairs(prompts, model, config, context);
          const compared = await compareAll(pairs, { critic: critic!, config, input }, context);
          const saved = await saveComparisons(compared, run, { config, input, context });
          report(compared, saved, {
            usage: usageText([critic!, ...(model ? [model] : [])], config),
            context,
          });
        },
      },
      { config, dryRun, openRun },
      context,
    );
  },
});

/** What is compared: pairs of the data, or answers of a model to its prompts. */
interface CompareInput extends ConstitutionText {
  prompts: Prompt[];
  given: AnswerPair[];
  /** Of the constitution and the data. */
  hash: string;
}

async function readInput(config: CompareConfig, context: CommandContext): Promise<CompareInput> {
  const { constitution, text } = loadConstitution(config.constitution);
  const dataset = await loadDataset(config.data, loadOptions(config, context));
  reportDataset(dataset, context.reporter);
  warnOfUnusedInputs(dataset.records, context.reporter);
  const records = config.limit === 0 ? dataset.records : dataset.records.slice(0, config.limit);
  const samples = config.model !== "";
  if (!samples && !records.every(isPair))
    throw new AttuneError("usage", "the data holds no pairs of answers", {
      file: config.data,
      hint: "name the model that answers with --model",
    });
  return {
    constitution,
    text,
    prompts: samples ? recordsAs({ records }, "prompt").map(({ prompt }) => prompt) : [],
    given: samples ? [] : pairsOf(recordsAs({ records }, "preference"), config.seed),
    hash: jointHash(constitution.hash, dataset.hash),
  };
}

async function compareAll(
  pairs: readonly AnswerPair[],
  {
    critic,
    config,
    input: { constitution },
  }: { critic: Critic; config: CompareConfig; input: CompareInput },
  context: CommandContext,
): Promise<AiComparison[]> {
  const { reporter, signal } = context;
  const options = { ...config, clamp: clampOf(config) };
  await timeFirstItem(pairs.length, [critic], context, () =>
    compare({ pairs: pairs.slice(0, 1), critic, constitution }, options, { signal }),
  );
  const shown = reporter.progress({ title: "comparing", total: pairs.length, unit: "pairs" });
  const compared = await compare({ pairs, critic, constitution }, options, {
    signal,
    onProgress: (done) => shown.update(done),
  });
  shown.end();
  return compared;
}

interface SavedComparisons {
  labels: number;
  folder: string;
  /** Commands that go on from here. */
  next: string[];
  /** What became of the labels in other formats. */
  conversions: string[];
}

/** @throws AttuneError `data` where the critic gave no label */
async function saveComparisons(
  compared: readonly AiComparison[],
  run: Run,
  {
    config,
    input: { text },
    context: { signal },
  }: { config: CompareConfig; input: CompareInput; context: CommandContext },
): Promise<SavedComparisons> {
  const preferences = compared.flatMap(preferenceOf);
  if (preferences.length === 0)
    throw new AttuneError("data", "the critic gave no label", {
      got:
        compared[0]?.readings.find(({ refused }) => refused !== undefined)?.refused ??
        "replies that are neither A nor B",
      hint: "another critic, or examples of comparisons in the constitution",
    });
  const next = nextCommands(config.model, run.folder);
  const conversions: string[] = [];
  const folder = await run.saveArtifact(RESULTS, async (folder) => {
    writeFileSync(join(folder, "constitution.yaml"), text);
    writeFileSync(join(folder, "next.txt"), `${next.join("\n")}\n`);
    await writeLines(join(folder, "comparisons.jsonl"), compared);
    const source = join(folder, "preferences.jsonl");
    await writeRecords(source, preferences, attune);
    for (const to of config.export) {
      const out = `preferences.${to}.jsonl`;
      const converted = await convertDataset({
        source,
        to,
        out: join(folder, out),
        kind: "preference",
        signal,
      });
      conversions.push(conversionText({ ...converted, out }));
    }
  });
  return { labels: preferences.length, folder, next, conversions };
}

function report(
  compared: readonly AiComparison[],
  { labels, folder, next, conversions }: SavedComparisons,
  { usage, context: { reporter } }: { usage: string; context: CommandContext },
): void {
  const summary = comparisonSummary(compared);
  const lines = [
    `${countOf(compared.length, "pair")}: ${countOf(labels, "soft label")} in ${folder}`,
    usage,
    ...conversions,
    "",
    ...comparisonTables(summary).map(formatTable),
    "",
    "next, one of:",
    ...next.map((line) => `  ${line}`),
  ];
  reporter.result(
    { pairs: compared.length, labels, folder, next, conversions, summary },
    lines.join("\n"),
  );
}

function estimateAll(
  config: CompareConfig,
  { prompts, given, constitution }: CompareInput,
): Estimate {
  // answers that are not written yet count as long as they may be
  const longest = "x".repeat(4 * config.maxNewTokens);
  const pairs = [
    ...given,
    ...prompts.map((prompt) => ({ prompt, first: longest, second: longest })),
  ];
  return sumEstimates([
    estimateAnswers(prompts, 2, config),
    estimateComparisons(pairs, constitution, config, letterRequests(config.critic, config)),
  ]);
}

function nextCommands(model: string, folder: string): string[] {
  const trained = model === "" || model.startsWith(SERVER_PREFIX) ? "MODEL" : shellWord(model);
  const data = shellWord(join(folder, RESULTS, "preferences.jsonl"));
  return [
    `attune reward --model ${trained} --data ${data} --out runs/reward-cai`,
    `attune dpo --model ${trained} --data ${data} --out runs/dpo-cai`,
    `attune constitution report ${shellWord(folder)}`,
  ];
}

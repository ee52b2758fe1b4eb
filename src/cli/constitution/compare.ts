/** `attune constitution compare`: soft labels of an AI judge; preference data out. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AnswerPair, ComparisonOptions } from "../../constitution/compare.ts";
import { RESULTS, writeLines, writeRecords } from "../../constitution/results.ts";
import { compare, preferenceOf } from "../../constitution/compare.ts";
import { compareConfig } from "../../constitution/compare.config.ts";
import type { Critic } from "../../constitution/critic.ts";
import { isRefused } from "../../constitution/critic.ts";
import type { Estimate } from "../../constitution/estimate.ts";
import { estimateAnswers, estimateComparisons, sumEstimates } from "../../constitution/estimate.ts";
import { inParallel } from "../../constitution/in-parallel.ts";
import { turnsOf } from "../../constitution/prompts.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { conversionText, convertDataset } from "../../data/convert.ts";
import { recordsAs, loadDataset } from "../../data/dataset.ts";
import { attune } from "../../data/formats/attune.ts";
import { formatNamed } from "../../data/formats/index.ts";
import type { DataRecord, PreferenceRecord } from "../../data/records.ts";
import { comparisonSummary, comparisonTables } from "../../evaluation/ai-labels.ts";
import { formatTable } from "../../evaluation/table.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { SeenAnswer } from "../../text/answer-faults.ts";
import { completionText } from "../../text/messages.ts";
import type { Prompt } from "../../text/messages.ts";
import { clampOf, SERVER_PREFIX } from "../../training/online/judge.config.ts";
import { warnOfAnswers } from "../display/answer-warnings.ts";
import type { CommandContext } from "../command.ts";
import { trainingCommand } from "../training/training-command.ts";
import { adviseOnLetterCosts, announceCosts, letterRequests, usageText } from "./costs.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import { loadConstitution } from "./constitution-file.ts";
import { openCritics, timeFirstItem, withCritics } from "./critics.ts";
import { shellWord } from "../display/words.ts";
import { loadOptions, reportDataset, warnOfUnusedInputs } from "../inputs/data-input.ts";

type CompareConfig = ConfigOf<typeof compareConfig>;

/**
 * Pairs of the data, each turned by chance, so that the place says nothing about people's choice.
 */
export function pairsOf(records: readonly PreferenceRecord[], seed: number): AnswerPair[] {
  return records.map(({ prompt, chosen, rejected, p, cluster, models, annotator }, index) => {
    const turned = Random.for(seed, "side", index).chance(0.5);
    const [first, second] = turned ? [rejected, chosen] : [chosen, rejected];
    const people = annotator === "revision over first answer" ? {} : { human: turned ? 1 - p : p };
    return {
      prompt,
      first: completionText(first),
      second: completionText(second),
      ...people,
      ...(cluster === undefined ? {} : { cluster }),
      ...(models === undefined
        ? {}
        : {
            models: turned
              ? { first: models.rejected, second: models.chosen }
              : { first: models.chosen, second: models.rejected },
          }),
    };
  });
}

const isPair = ({ kind }: DataRecord): boolean => kind === "preference" || kind === "ranked";

export const compareCommand = trainingCommand({
  config: compareConfig,
  examples: [
    "attune constitution compare --critic model.gguf --data pairs.jsonl --out runs/compare",
    "attune constitution compare --critic openai:my-model --model runs/sl-cai --data " +
      "prompts.jsonl --reasoning",
  ],
  async run({ config, dryRun, openRun }, context) {
    const { reporter, signal } = context;
    for (const name of config.export) formatNamed(name);
    const { constitution, text } = loadConstitution(config.constitution);
    const dataset = await loadDataset(config.data, loadOptions(config, context));
    reportDataset(dataset, reporter);
    warnOfUnusedInputs(dataset.records, reporter);
    const records = config.limit === 0 ? dataset.records : dataset.records.slice(0, config.limit);
    if (config.model === "" && !records.every(isPair))
      throw new AttuneError("usage", "the data holds no pairs of answers", {
        file: config.data,
        hint: "name the model that answers with --model",
      });
    const prompts =
      config.model === "" ? [] : recordsAs({ records }, "prompt").map(({ prompt }) => prompt);
    const given =
      config.model === "" ? pairsOf(recordsAs({ records }, "preference"), config.seed) : [];
    const options = comparisonOptions(config);
    const estimate = estimateAll(config, { prompts, given, constitution });
    adviseOnLetterCosts(config.critic, config, context);
    const open = () =>
      openCritics([config.critic, ...(config.model === "" ? [] : [config.model])], config, context);
    if (dryRun) {
      const said = announceCosts(estimate, config, context);
      reporter.result(
        { dryRun: true, pairs: given.length + prompts.length, ...estimate },
        `constitution compare would ask for this (nothing was asked or written):\n  ` +
          `${countOf(given.length + prompts.length, "pair")}; ${said}`,
      );
      // behind the estimate, which is of use without a key or a model too
      await open();
      return;
    }
    const opened = await open();
    if (opened.some(({ isServer }) => isServer)) announceCosts(estimate, config, context);
    const run = await openRun({
      seed: config.seed,
      dataHash: jointHash(constitution.hash, dataset.hash),
      modelFingerprint: jointHash(...opened.map(({ fingerprint }) => fingerprint)),
    });
    await withCritics({
      run,
      critics: opened,
      reuse: config.reuse,
      async work([critic, model]) {
        const pairs =
          model === undefined ? given : await samplePairs(prompts, model, config, context);
        await timeFirstItem(pairs.length, [critic!], context, () =>
          compare({ pairs: pairs.slice(0, 1), critic: critic!, constitution }, options, { signal }),
        );
        const shown = reporter.progress({ title: "comparing", total: pairs.length, unit: "pairs" });
        const compared = await compare({ pairs, critic: critic!, constitution }, options, {
          signal,
          onProgress: (done) => shown.update(done),
        });
        shown.end();
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
          const file = join(folder, "preferences.jsonl");
          await writeRecords(file, preferences, attune);
          for (const name of config.export)
            conversions.push(
              conversionText({
                ...(await convertDataset({
                  source: file,
                  to: name,
                  out: join(folder, `preferences.${name}.jsonl`),
                  kind: "preference",
                  signal,
                })),
                out: `preferences.${name}.jsonl`,
              }),
            );
        });
        const summary = comparisonSummary(compared);
        const lines = [
          `${countOf(pairs.length, "pair")}: ${countOf(preferences.length, "soft label")} in ` +
            `${folder}`,
          usageText([critic!, ...(model ? [model] : [])], config),
          ...conversions,
          "",
          ...comparisonTables(summary).map(formatTable),
          "",
          "next, one of:",
          ...next.map((line) => `  ${line}`),
        ];
        reporter.result(
          { pairs: pairs.length, labels: preferences.length, folder, next, conversions, summary },
          lines.join("\n"),
        );
      },
    });
  },
});

function comparisonOptions(config: CompareConfig): ComparisonOptions {
  return { ...config, clamp: clampOf(config) };
}

function estimateAll(
  config: CompareConfig,
  {
    prompts,
    given,
    constitution,
  }: {
    prompts: readonly Prompt[];
    given: readonly AnswerPair[];
    constitution: Parameters<typeof estimateComparisons>[1];
  },
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

/**
 * Two answers of a model to every prompt; prompts whose answers are refused or equal are left out,
 * and counted.
 */
async function samplePairs(
  prompts: readonly Prompt[],
  model: Critic,
  { maxNewTokens, temperature, topP, seed }: CompareConfig,
  { reporter, signal }: CommandContext,
): Promise<AnswerPair[]> {
  const shown = reporter.progress({ title: "answering", total: prompts.length, unit: "prompts" });
  const seen: SeenAnswer[] = [];
  const answered = await inParallel(
    prompts,
    { limit: model.concurrency, signal, onDone: (done) => shown.update(done) },
    async (prompt, id): Promise<AnswerPair[]> => {
      const ask = (sample: number) =>
        model.write(
          {
            messages: turnsOf(prompt),
            maxNewTokens,
            temperature,
            topP,
            seed,
            stream: ["pair", id, sample],
          },
          signal,
        );
      const [first, second] = await Promise.all([ask(0), ask(1)]);
      for (const each of [first, second])
        if (!isRefused(each))
          seen.push({ text: each.text, stopped: each.finish === "stop", prompt: id });
      if (
        isRefused(first) ||
        isRefused(second) ||
        first.text.trim() === second.text.trim() ||
        first.text.trim() === "" ||
        second.text.trim() === ""
      )
        return [];
      return [
        {
          prompt,
          first: first.text.trim(),
          second: second.text.trim(),
          cluster: `prompt ${id}`,
          models: { first: model.name, second: model.name },
        },
      ];
    },
  );
  shown.end();
  warnOfAnswers(seen, reporter);
  const pairs = answered.flat();
  if (pairs.length < prompts.length)
    reporter.warn(
      "pairs-left-out",
      `${prompts.length - pairs.length} of ${countOf(prompts.length, "prompt")} left out: two ` +
        "equal answers, an empty one, or none",
    );
  if (pairs.length === 0)
    throw new AttuneError("data", "no prompt got two different answers", {
      hint: "a higher --temperature, or another model",
    });
  return pairs;
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

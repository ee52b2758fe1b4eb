/** The prompts that a run's models are asked: its own, as its training read them, or others. */
import { createHash } from "node:crypto";
import type { ConfigOf } from "../../config/config.ts";
import { countOf } from "../../core/counts.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import type { PromptRecord } from "../../data/records.ts";
import { firstOfEachPrompt } from "../../evaluation/compare/match.ts";
import { spreadOver } from "../../evaluation/over-optimisation/judged-looks.ts";
import type { overOptimisationConfig } from "../../evaluation/over-optimisation/over-optimisation.config.ts";
import type { OptimisationRun } from "../../quickstart/optimisation-run.ts";
import type { Labels } from "../../stats/clusters.ts";
import { isRewardFile } from "../../training/rollout/function-file.ts";
import { requestTopic } from "../../world/requests.ts";
import { placeOf, userTurn } from "../../world/turns.ts";
import type { CommandContext } from "../command.ts";
import type { ReadingConfig } from "../inputs/data-input.ts";
import { dataName, dataSources, loadOptions, reportDataset } from "../inputs/data-input.ts";

type Config = ConfigOf<typeof overOptimisationConfig>;

export const hashOf = (path: object): string =>
  createHash("sha256").update(JSON.stringify(path)).digest("hex");

/** @param rewards whose functions may read further columns */
export async function readPrompts(
  config: Config,
  { run: { options, world }, rewards }: { run: OptimisationRun; rewards: readonly string[] },
  context: CommandContext,
): Promise<{ records: PromptRecord[]; clusters: Labels | undefined; hash: string }> {
  if (world && config.data === "") {
    const requests = world.requests.slice(0, config.prompts);
    return {
      records: requests.map(({ text }, i) => ({
        kind: "prompt",
        prompt: [userTurn(text)],
        place: placeOf(i),
      })),
      clusters: requests.map(requestTopic),
      hash: hashOf(requests.map(({ text }) => text)),
    };
  }
  const own = config.data === "";
  const sources = own ? [options["data"]].flat().map(String) : [config.data];
  const dataset = await loadDataset(dataSources(sources, []), {
    ...loadOptions(own ? readAsTrained(config, options) : config, context),
    needs: "prompt",
    keepColumns: [config.judge, ...rewards].some(isRewardFile),
  });
  reportDataset(dataset, context.reporter);
  const all = recordsAs(dataset, "prompt");
  const different = firstOfEachPrompt(all);
  // of several data sets the first rows are of the first one alone
  const records =
    sources.length > 1 ? spreadOver(different, config.prompts) : different.slice(0, config.prompts);
  notePrompts({ all, different, records }, sources, context);
  const labels = records.map(({ cluster }, i) => cluster ?? `prompt ${i}`);
  return {
    records,
    clusters: records.some(({ cluster }) => cluster !== undefined) ? labels : undefined,
    hash: dataset.hash,
  };
}

/** The run's own data as its training read them, but for what is said here. */
function readAsTrained(config: Config, options: Readonly<Record<string, unknown>>): ReadingConfig {
  const trained = options as Partial<ReadingConfig>;
  const listed = (name: "columns" | "ignoreColumns"): readonly string[] =>
    config[name].length > 0 ? config[name] : (trained[name] ?? []);
  return {
    format: config.format === "auto" ? (trained.format ?? "auto") : config.format,
    columns: listed("columns"),
    ignoreColumns: listed("ignoreColumns"),
    onBad: config.onBad === "few" ? (trained.onBad ?? "few") : config.onBad,
  };
}

/** What of the prompts is not asked. */
function notePrompts(
  { all, different, records }: Record<"all" | "different" | "records", readonly PromptRecord[]>,
  sources: readonly string[],
  { reporter }: Pick<CommandContext, "reporter">,
): void {
  const source = dataName(sources);
  if (different.length < all.length)
    reporter.note(
      `${source}: ${countOf(all.length - different.length, "prompt")} of ${all.length} stand there ` +
        "before, and are asked once",
    );
  if (records.length < different.length)
    reporter.note(
      `${source}: ${sources.length > 1 ? "" : "the first "}${records.length} of ` +
        `${countOf(different.length, "prompt")} are asked` +
        `${sources.length > 1 ? ", spread over all data sets" : ""} (--prompts)`,
    );
}

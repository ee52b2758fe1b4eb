/** The prompts that models are asked: of a data set, of the built-in world, or of files of answers. */
import { recordsAs, loadDataset } from "../../data/dataset.ts";
import { AttuneError } from "../../core/errors.ts";
import type { PromptRecord } from "../../data/records.ts";
import { compact } from "../../data/records.ts";
import { firstOfEachPrompt } from "../../evaluation/compare/match.ts";
import {
  readSeed,
  requestsWorld,
  WORLD_PREFIX,
  worldPrompts,
} from "../../evaluation/judges/gold-judge.ts";
import { hashRecords } from "../../data/dataset.ts";
import type { CommandContext } from "../command.ts";
import type { ReadingConfig } from "../inputs/data-input.ts";
import { loadOptions, reportDataset } from "../inputs/data-input.ts";
import { isGold } from "../../evaluation/judges/judge-words.ts";
import type { Sources } from "../judging/sources.ts";

export interface PromptInput extends ReadingConfig {
  data: string;
  prompts: number;
  judge: readonly string[];
}

export interface Prompts {
  records: readonly PromptRecord[];
  hash: string;
  /** As a reader would say where they come from. */
  source: string;
}

/**
 * @param seed of the world that models come from, where the option names none
 * @throws AttuneError `usage` where nobody says what to ask
 */
export async function readPrompts(
  { data, prompts, judge, ...reading }: PromptInput,
  { sources, seed }: { sources: Sources["sources"]; seed: number },
  context: CommandContext,
): Promise<Prompts> {
  const first = sources.find((source) => source.kind === "answers");
  const gold = judge.find(isGold);
  if (data === "" && first !== undefined) {
    const records = first.set.answers.map(
      ({ prompt, cluster, columns, place }) =>
        compact({
          kind: "prompt" as const,
          prompt,
          cluster: cluster === undefined ? undefined : String(cluster),
          extra: columns,
          place: place ?? {},
        }) as PromptRecord,
    );
    return limited(records, prompts, `the prompts of ${first.set.source}`);
  }
  if (data === "" && gold === undefined)
    throw new AttuneError("usage", "there are no prompts for the models to answer", {
      hint: "--data FILE, a Hugging Face id, or world:1 for those of the built-in world",
    });
  if (data === "" || data === "world" || data.startsWith(WORLD_PREFIX)) {
    const world = readSeed(data === "" ? gold! : data, seed);
    return limited(
      worldPrompts(requestsWorld(world)),
      prompts,
      `the requests of the built-in world, seed ${world}`,
    );
  }
  const dataset = await loadDataset(data, {
    ...loadOptions(reading, context),
    needs: "prompt",
    // a judge of the user's may read them, and --group
    keepColumns: true,
  });
  reportDataset(dataset, context.reporter);
  return limited(recordsAs(dataset, "prompt"), prompts, data);
}

/** Each prompt once, the first ones. */
function limited(all: readonly PromptRecord[], most: number, source: string): Prompts {
  const records = firstOfEachPrompt(all);
  const chosen = most === 0 ? records : records.slice(0, most);
  const more = [
    ...(chosen.length < records.length ? [`the first ${chosen.length} of ${records.length}`] : []),
    ...(records.length < all.length
      ? [`${all.length - records.length} that stand there before are asked once`]
      : []),
  ];
  return {
    records: chosen,
    hash: hashRecords(chosen),
    source: more.length === 0 ? source : `${source} (${more.join("; ")})`,
  };
}

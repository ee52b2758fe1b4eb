/**
 * The quickstart's constitutional stages: a model that helps with anything criticises its own
 * answers by the village's principles, rewrites them, and learns from that, with no label of a
 * person on what is harmful. Beside it the same model learns from as many labels of people. As in
 * the paper, both kinds of labels on harm are mixed with people's labels on requests that do nobody
 * harm.
 *
 * Source: Constitutional AI (arXiv 2212.08073), sections 3 and 4.
 * Differences:
 * 1. the critic learned its trade from worked examples on other deeds, where a large model is shown
 *    some.
 * 2. AI labels are those of the simple recipe (revision over first answer): the second stage's
 *    comparisons ask more of a critic than a million parameters can do.
 */
import { join } from "node:path";
import { AnswerCache } from "../constitution/answer-cache.ts";
import type { Constitution } from "../constitution/constitution.ts";
import { isCritiquePrinciple, parseConstitution } from "../constitution/constitution.ts";
import { LocalCritic } from "../constitution/local-critic.ts";
import { critiqueMessages, revisionMessages } from "../constitution/prompts.ts";
import { RESULTS, readChains, writeRevisions } from "../constitution/results.ts";
import type { RevisionChain } from "../constitution/revise.ts";
import { demonstrationsOf, helpfulAnswers, revise, revisionPair } from "../constitution/revise.ts";
import { AttuneError, invariant } from "../core/errors.ts";
import { loadDataset, recordsAs } from "../data/dataset.ts";
import type { ConversationRecord, DemonstrationRecord, PreferenceRecord } from "../data/records.ts";
import { cloneModel } from "../models/initialize.ts";
import type { Run } from "../runs/run.ts";
import type { Encoder } from "../text/encoder.ts";
import { createEncoder } from "../text/encoder.ts";
import { resolveConfig } from "../training/configs.ts";
import { dpo } from "../training/offline/dpo.ts";
import { sft } from "../training/offline/sft.ts";
import type { WorkedCritique } from "../world/critiques.ts";
import { PRINCIPLES } from "../world/critiques.ts";
import type { World } from "../world/index.ts";
import type { Request } from "../world/requests.ts";
import { CRITIQUE_LENGTH } from "./recipe.ts";
import type { WorldPipeline, WorldStage } from "./world-stage.ts";

/** Models that the constitutional part compares, by the folders of their stages. */
export const CONSTITUTION_MODELS = {
  "helpful only": "helpful-only",
  constitutional: "constitutional",
  "AI labels": "ai-labels",
  "human labels": "human-labels",
} as const;
export type ConstitutionModelName = keyof typeof CONSTITUTION_MODELS;
export const CRITIQUE_STAGE = "self-critique";

/** The village's principles as a file of attune's. */
export const CONSTITUTION_TEXT = JSON.stringify(
  {
    name: "the village's constitution",
    description: "what the people of the village agree on",
    principles: PRINCIPLES.map((each) => ({ ...each })),
  },
  null,
  2,
);
const constitution: Constitution = parseConstitution(
  CONSTITUTION_TEXT,
  "the village's constitution",
);

/** A worked critique in the very turns in which a critic is asked. */
export function workedConversation(
  { request, answer, principle, critique, revision }: WorkedCritique,
  index: number,
): ConversationRecord {
  const asked = constitution.principles
    .filter(isCritiquePrinciple)
    .find(({ id }) => id === principle);
  invariant(asked !== undefined, "a worked critique names a principle of the village");
  const messages = revisionMessages(
    critiqueMessages({ constitution, prompt: request.text, answer, principle: asked }),
    critique,
    asked,
  );
  return {
    kind: "conversation",
    messages: [...messages, { role: "assistant", content: revision }],
    place: { file: "the built-in world", row: index + 1 },
  };
}

const prompts = (requests: readonly Request[]): string[] => requests.map(({ text }) => text);

/** What every trainer of the pipeline is given. */
type GivenOptions = { seed: number; model: string; data: string };

export function constitutionStages(pipeline: WorldPipeline, given: GivenOptions): WorldStage[] {
  const { world, encoder, recipe, folder } = pipeline;
  const long = createEncoder(encoder.tokenizer, { maxLength: CRITIQUE_LENGTH });
  const revised = () => readChains(join(folder, CRITIQUE_STAGE)).flatMap(revisionPair);
  return [
    helpfulOnlyStage(pipeline, given, long),
    {
      name: CRITIQUE_STAGE,
      title:
        "Self-critique: the helpful model criticises its answers by the constitution, and " +
        "rewrites them",
      needs: ["helpful-only"],
      options: { ...recipe.selfCritique, constitution: constitution.hash },
      begin: async ({ run }) => criticise(pipeline, long, run),
    },
    constitutionalStage(pipeline, given),
    labelStage(pipeline, given, {
      name: "ai-labels",
      title:
        "AI labels: DPO on revision over first answer, and on people's labels of harmless requests",
      onHarm: revised,
    }),
    labelStage(pipeline, given, {
      name: "human-labels",
      title: "Human labels: the same with as many pairs on harm judged by people, for comparison",
      onHarm: () => world.redTeamPreferences.slice(0, revised().length),
    }),
  ];
}

function helpfulOnlyStage(
  { world, recipe, open }: WorldPipeline,
  given: GivenOptions,
  encoder: Encoder,
): WorldStage {
  const config = resolveConfig("sft", { ...given, ...recipe.helpfulOnly });
  return {
    name: "helpful-only",
    title: "Helpful only: demonstrations by people who help with anything, and worked critiques",
    needs: ["raw"],
    options: config,
    begin: async (context) =>
      sft(
        {
          model: cloneModel(await open("raw")),
          encoder,
          train: [...world.helpfulDemonstrations, ...world.critiques.map(workedConversation)],
          heldOut: [],
        },
        config,
        context,
      ),
  };
}

function constitutionalStage(
  { encoder, recipe, open, folder }: WorldPipeline,
  given: GivenOptions,
): WorldStage {
  const config = resolveConfig("sft", { ...given, ...recipe.constitutional });
  return {
    name: "constitutional",
    title: "Constitutional: learning from its own revisions",
    needs: ["helpful-only", CRITIQUE_STAGE],
    options: config,
    begin: async (context) =>
      sft(
        {
          model: cloneModel(await open("helpful-only")),
          encoder,
          train: await revisedDemonstrations(folder),
          heldOut: [],
        },
        config,
        context,
      ),
  };
}

/** DPO on labels on harm, whoever gave them, and on people's labels of harmless requests. */
function labelStage(
  { world, encoder, recipe, open }: WorldPipeline,
  given: GivenOptions,
  {
    name,
    title,
    onHarm,
  }: { name: string; title: string; onHarm: () => readonly PreferenceRecord[] },
): WorldStage {
  const config = resolveConfig("dpo", { ...given, ...recipe.labels });
  return {
    name,
    title,
    needs: ["helpful-only", CRITIQUE_STAGE],
    options: config,
    begin: async (context) => {
      const model = cloneModel(await open("helpful-only"));
      const labels = onHarm();
      const train = [...labels, ...helpfulLabels(world, labels.length)];
      return dpo({ model, encoder, train, heldOut: [] }, config, context);
    },
  };
}

/** People's labels of harmless requests that are mixed with so many on harm. */
export const helpfulLabels = (
  { helpfulPreferences }: World,
  labels: number,
): readonly PreferenceRecord[] => helpfulPreferences.slice(0, labels);

async function revisedDemonstrations(folder: string): Promise<DemonstrationRecord[]> {
  return recordsAs(
    await loadDataset(join(folder, CRITIQUE_STAGE, RESULTS, "sft.jsonl")),
    "demonstration",
  );
}

/** What was answered stays in the run folder, so that a run that was stopped asks for the rest. */
async function criticise(
  { world, recipe, seed, signal, open }: WorldPipeline,
  encoder: Encoder,
  run: Run,
): Promise<void> {
  const { helpfulTemperature, ...options } = { ...recipe.selfCritique, tags: [], seed };
  const cache = AnswerCache.open(run.folder);
  const critic = new LocalCritic({
    model: await open("helpful-only"),
    encoder,
    name: "helpful-only",
    fingerprint: `quickstart ${seed}`,
    cache,
    slots: 64,
    room: CRITIQUE_LENGTH,
    steps: options.maxNewTokens,
  });
  try {
    const chains = await revise(
      { prompts: prompts(world.redTeam), answerer: critic, critic, constitution },
      options,
      { signal },
    );
    const mixed = await helpfulAnswers(
      { prompts: prompts(world.helpfulPrompts), answerer: critic, samples: 1 },
      { ...options, temperature: helpfulTemperature },
      { signal },
    );
    const demonstrations = chains.flatMap((chain) => demonstrationsOf(chain, "all"));
    const pairs = chains.flatMap(revisionPair);
    if (pairs.length === 0)
      throw new AttuneError("data", "the critic revised nothing", {
        hint: "more worked critiques, or another seed",
      });
    await run.saveArtifact(RESULTS, async (folder) =>
      writeRevisions(folder, {
        constitution: CONSTITUTION_TEXT,
        chains,
        demonstrations: [...demonstrations, ...mixed],
        pairs,
      }),
    );
  } finally {
    await critic.close();
    cache.close();
  }
}

/** Chains of the pipeline, and how many labels each of the two kinds had. */
export function readCritique(
  folder: string,
  world: World,
): { chains: RevisionChain[]; labels: number } {
  const chains = readChains(join(folder, CRITIQUE_STAGE));
  return {
    chains,
    labels: Math.min(chains.flatMap(revisionPair).length, world.redTeamPreferences.length),
  };
}

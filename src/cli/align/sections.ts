/**
 * The stages that `attune.yaml` may ask for, in the order in which they run, and what one takes
 * from another.
 */
import { join } from "node:path";
import { compareConfig } from "../../constitution/compare.config.ts";
import { reviseConfig } from "../../constitution/revise.config.ts";
import { TRAINER_CONFIGS } from "../../training/configs.ts";
import type { TrainerEntry } from "../../training/trainer.ts";
import type { TrainerName } from "../../training/trainers.ts";
import { TRAINERS, trainerEntry } from "../../training/trainers.ts";

/** Commands that stages are runs of, and their options. */
export const STAGE_CONFIGS = {
  ...TRAINER_CONFIGS,
  "constitution revise": reviseConfig,
  "constitution compare": compareConfig,
};

export type StageMethod = keyof typeof STAGE_CONFIGS;

export interface Section {
  method: StageMethod;
  /** Folder of the stage. */
  folder: string;
  title: string;
  /** What comes of it: data for later stages, a reward model, or a model that answers. */
  makes: "data" | "reward" | "policy";
}

/** `online-dpo` is `onlineDpo` in the file. */
const camelCase = (name: string): string =>
  name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Trainers of policies, but for SFT, which comes before preferences and rewards are made. */
const policies = Object.entries<TrainerEntry>(TRAINERS).filter(
  ([name, { makes }]) => makes === "policy" && name !== "sft",
);

const sectionsOf = (
  fits: (learnsFrom: TrainerEntry["learnsFrom"]) => boolean,
): [string, Section][] =>
  policies
    .filter(([, { learnsFrom }]) => fits(learnsFrom))
    .map(([name, { title }]) => [
      camelCase(name),
      { method: name as TrainerName, folder: name, title, makes: "policy" },
    ]);

/** Names in the file are in camel case; hyphens and underscores are taken too. */
export const SECTIONS: Readonly<Record<string, Section>> = {
  revise: {
    method: "constitution revise",
    folder: "revise",
    title: "Critiques and revisions",
    makes: "data",
  },
  sft: { method: "sft", folder: "sft", title: TRAINERS.sft.title, makes: "policy" },
  compare: {
    method: "constitution compare",
    folder: "compare",
    title: "Comparisons by principles",
    makes: "data",
  },
  reward: { method: "reward", folder: "reward", title: TRAINERS.reward.title, makes: "reward" },
  heldOutReward: {
    method: "reward",
    folder: "held-out-reward",
    title: "Held-out reward model",
    makes: "reward",
  },
  ...Object.fromEntries(sectionsOf((kind) => kind === "answers")),
  ...Object.fromEntries(sectionsOf((kind) => kind !== "answers")),
};

/** An option that is filled in, and the stage whose result it is. */
export interface FilledOption {
  option: string;
  value: unknown;
  from?: string;
}

interface FillingInput {
  model: string;
  out: string;
  seed: number;
  /** Chat template of the model that all begins with; `auto` where the file names none. */
  template: string;
  /** Options that the section gives itself. */
  given: ReadonlySet<string>;
  /** Earlier stages by folder, with the options that have an effect. */
  done: ReadonlyMap<
    string,
    { readonly options: Readonly<Record<string, unknown>>; readonly needs: readonly string[] }
  >;
}

/** What a stage is given where its section says nothing else. */
export function filledOptions(
  { method, folder, makes }: Section,
  { model, out, seed, template, given, done }: FillingInput,
): FilledOption[] {
  const result = (stage: string, ...path: string[]): Omit<FilledOption, "option">[] =>
    done.has(stage) ? [{ value: join(out, stage, ...path), from: stage }] : [];
  const first = (option: string, ...values: Omit<FilledOption, "option">[]): FilledOption[] =>
    values.slice(0, 1).map((value) => ({ option, ...value }));
  const labels = result("compare", "data", "preferences.jsonl");
  const filled: FilledOption[] = [{ option: "seed", value: seed }];
  // later stages go on with the template that their model was trained with
  const templateOption: FilledOption[] =
    template === "auto" || given.has("model") ? [] : [{ option: "template", value: template }];
  if (folder === "revise") return [...filled, ...templateOption, { option: "model", value: model }];
  if (folder === "sft")
    return [
      ...filled,
      ...templateOption,
      { option: "model", value: model },
      ...first("data", ...result("revise", "data", "sft.jsonl")),
    ];
  filled.push(
    ...first("model", ...result("sft"), { value: model }),
    ...(done.has("sft") ? [] : templateOption),
  );
  if (folder === "compare") return [...filled, { option: "critic", value: model }];
  if (folder === "reward") return [...filled, ...first("data", ...labels)];
  const learnsFrom = trainerEntry(method)?.learnsFrom;
  if (makes === "policy" && learnsFrom === "preference")
    return [
      ...filled,
      ...first(
        "data",
        ...pairsOfReward(done),
        ...labels,
        ...result("revise", "data", "pairs.jsonl"),
      ),
    ];
  if (learnsFrom !== "answers") return filled;
  const judged = given.has("judge");
  const reward = judged ? [] : result("reward").map((each) => ({ ...each, value: [each.value] }));
  return [
    ...filled,
    ...first("reward", ...reward),
    ...first("heldOutReward", ...result("held-out-reward")),
  ];
}

/** DPO learns from what the reward model learned from. */
function pairsOfReward(done: FillingInput["done"]): Omit<FilledOption, "option">[] {
  const reward = done.get("reward");
  const data = reward?.options["data"];
  if (data === undefined) return [];
  return [{ value: data, ...(reward!.needs.includes("compare") ? { from: "compare" } : {}) }];
}

/**
 * What the commands over roll-outs share: the policy and the rewards, opened so that models over
 * one base are one base in memory.
 */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import type { PromptRecord } from "../../data/records.ts";
import type { OpenedModel } from "../../models/open.ts";
import { adapterBase, openAdapterOver, sourceOf } from "../../models/open.ts";
import type { Precision } from "../../models/precision.ts";
import type { Encoder } from "../../text/encoder.ts";
import type { PolicyReward } from "../../training/rollout/policy.ts";
import { isRewardFile } from "../../training/rollout/function-file.ts";
import { openRewardFile, tryReward } from "../../training/rollout/reward-file.ts";
import type { RewardModelInput, RewardSource } from "../../training/rollout/rewards.ts";
import { checkRewardModel } from "../../training/rollout/rewards.ts";
import { sharesBase } from "../../training/rollout/roles.ts";
import type { CommandContext } from "../command.ts";
import { findModel } from "./find-model.ts";
import { readModelOf } from "./read-model.ts";
import { openEncoder } from "./template-input.ts";
import { holdConversations, rewardEncoder } from "../../training/open-encoder.ts";

export interface RoleConfig {
  model: string;
  reward: readonly string[];
  heldOutReward: string;
  adapter: "lora" | "none";
  precision: Precision;
  maxLength: number;
  trustText: boolean;
  template: string;
  rewardTimeout: number;
}

export interface OpenedRoles {
  policy: OpenedModel;
  encoder: Encoder;
  rewards: PolicyReward[];
  heldOutReward: (RewardModelInput & { name: string }) | undefined;
  /**
   * Of policy and reward models together. A function's file is not part of it, so that it may be
   * mended before resuming.
   */
  fingerprint: string;
}

interface FoundReward {
  name: string;
  path: string;
  /** Source of the model that its adapter lies over. */
  base: string | undefined;
}

/** A reward by its name: a model's place, a function's file, or nothing that is there yet. */
type NamedReward = FoundReward | { file: string } | { awaited: string };

/**
 * @param prompts that the policy answers; reward functions are tried on the first before a model is
 * read
 */
export async function openRoles(
  config: RoleConfig,
  prompts: readonly PromptRecord[],
  context: CommandContext,
): Promise<OpenedRoles> {
  // a model that is not made yet cannot be opened, while a pipeline is checked
  const isThere = (name: string): boolean => !context.standIns?.has(name);
  const named = await Promise.all(
    config.reward.map(async (name): Promise<NamedReward> => {
      if (!isThere(name)) return { awaited: name };
      return isRewardFile(name) ? { file: name } : findReward(name, context);
    }),
  );
  const files = named.flatMap((each) => ("file" in each ? [each.file] : []));
  const functions = await openFunctions(files, config, prompts[0]);
  try {
    const heldOut =
      config.heldOutReward === "" || !isThere(config.heldOutReward)
        ? undefined
        : await findReward(config.heldOutReward, context);
    return await openModels({ named, functions, heldOut, prompts }, config, context);
  } catch (error) {
    await closeAll(functions);
    throw error;
  }
}

async function findReward(name: string, context: CommandContext): Promise<FoundReward> {
  const path = await findModel(name, context);
  return { name, path, base: await adapterBase(path) };
}

/** What {@link openRoles} has found. */
interface FoundRoles {
  named: readonly NamedReward[];
  functions: ReadonlyMap<string, RewardSource>;
  heldOut: FoundReward | undefined;
  prompts: readonly PromptRecord[];
}

async function openModels(
  { named, functions, heldOut, prompts }: FoundRoles,
  config: RoleConfig,
  context: CommandContext,
): Promise<OpenedRoles> {
  const models = [
    ...named.flatMap((each) => ("path" in each ? [each] : [])),
    ...(heldOut ? [heldOut] : []),
  ];
  const policy = await openPolicy(config, models, context);
  const fingerprints = [policy.fingerprint];
  const open = async (reward: FoundReward): Promise<RewardModelInput> => {
    const { input, fingerprint } = await openReward(reward, policy, config, context);
    checkRewardModel(input.model, reward.name);
    fingerprints.push(fingerprint);
    return input;
  };
  const rewards: PolicyReward[] = [];
  for (const each of named) {
    if ("awaited" in each) rewards.push({ name: each.awaited, reward: () => NaN });
    else if ("file" in each) rewards.push(functions.get(each.file)!);
    else rewards.push({ name: each.name, ...(await open(each)) });
  }
  const heldOutReward = heldOut && { name: heldOut.name, ...(await open(heldOut)) };
  const conversations = holdConversations(prompts);
  return {
    policy,
    encoder: policyEncoder(policy, { ...config, conversations }, context),
    rewards,
    heldOutReward,
    fingerprint: createHash("sha256").update(fingerprints.join()).digest("hex"),
  };
}

const closeAll = (functions: ReadonlyMap<string, RewardSource>): Promise<unknown> =>
  Promise.allSettled([...functions.values()].map((source) => source.close()));

/**
 * Reward functions by their file, each tried on a row: a mistake in one should not cost the time to
 * read a model.
 */
async function openFunctions(
  files: readonly string[],
  { rewardTimeout }: RoleConfig,
  trial: PromptRecord | undefined,
): Promise<Map<string, RewardSource>> {
  const opened = new Map<string, RewardSource>();
  try {
    for (const file of files) {
      opened.set(file, await openRewardFile(file, rewardTimeout));
      if (trial !== undefined) await tryReward(opened.get(file)!, trial);
    }
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
  return opened;
}

/** With the template that it was trained with. */
const encoderFor = (
  reward: Omit<OpenedModel, "fingerprint">,
  config: RoleConfig,
  { templateTime }: CommandContext,
): Encoder => rewardEncoder(reward, { ...config, templateTime });

const policyEncoder = (
  { model, tokenizer }: OpenedModel,
  { maxLength, template, trustText, conversations }: RoleConfig & { conversations: boolean },
  context: CommandContext,
): Encoder =>
  openEncoder(
    tokenizer,
    {
      template,
      trustText,
      conversations,
      maxLength: Math.min(maxLength, model.config.maxPositions),
      templateTime: context.templateTime,
    },
    context,
  );

/**
 * A policy that is itself an adapter is merged into its base, unless more reward models lie over
 * that same base than over the policy: then the base is shared, and the policy's adapter is kept
 * apart.
 */
async function openPolicy(
  config: RoleConfig,
  rewards: readonly FoundReward[],
  context: CommandContext,
): Promise<OpenedModel> {
  const path = await findModel(config.model, context);
  const base = await adapterBase(path);
  const over = (source: string): number =>
    rewards.filter((reward) => reward.base === source).length;
  const apart =
    config.adapter === "lora" && base !== undefined && over(base) > over(sourceOf(path));
  return readModelOf(config.model, path, {
    precision: config.precision,
    context: config.maxLength,
    merge: !apart,
    reporter: context.reporter,
  });
}

async function openReward(
  reward: FoundReward,
  policy: OpenedModel,
  config: RoleConfig,
  context: CommandContext,
): Promise<{ input: RewardModelInput; fingerprint: string }> {
  if (
    reward.base !== undefined &&
    policy.model.source !== undefined &&
    resolve(policy.model.source) === reward.base
  ) {
    const {
      model,
      tokenizer = policy.tokenizer,
      fingerprint,
    } = await openAdapterOver(policy.model, reward.path);
    return {
      input: { model, encoder: encoderFor({ model, tokenizer }, config, context) },
      fingerprint,
    };
  }
  const opened = await readModelOf(reward.name, reward.path, {
    precision: config.precision,
    context: config.maxLength,
    merge: false,
    reporter: context.reporter,
  });
  return {
    input: { model: opened.model, encoder: encoderFor(opened, config, context) },
    fingerprint: opened.fingerprint,
  };
}

/** One sentence on what lies in memory. */
export function describeRoles(
  { policy, rewards, heldOutReward }: OpenedRoles,
  adapter: "lora" | "none",
): string {
  const models = [
    ...rewards.flatMap((reward) =>
      "model" in reward && "encoder" in reward ? [reward.model] : [],
    ),
    ...(heldOutReward ? [heldOutReward.model] : []),
  ];
  const apart = models.filter((model) => !sharesBase(model, policy.model)).length;
  if (adapter === "none") return "separate models: the policy and the critic are trained whole";
  const frozen = policy.model.adapter
    ? ", with the policy's own adapter frozen as the reference"
    : "";
  if (apart === 0) return `one base in memory for all roles${frozen}`;
  const bases =
    apart === 1
      ? "one reward model has a base of its own"
      : `${apart} reward models have bases of their own`;
  return `one base in memory for policy and reference${frozen}; ${bases}`;
}

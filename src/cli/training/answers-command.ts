/**
 * The shape of every command over a policy's own answers: open the roles, show the plan or train.
 */
import { writeFileSync } from "node:fs";
import { AttuneError } from "../../core/errors.ts";
import type { Dataset } from "../../data/dataset.ts";
import { recordsAs } from "../../data/dataset.ts";
import type { PromptRecord, RecordKind } from "../../data/records.ts";
import type { ConfigDefinition, ConfigOf } from "../../config/config.ts";
import { diskError } from "../../runs/files.ts";
import type { EndEvent } from "../../runs/events.ts";
import type { Run } from "../../runs/run.ts";
import { checkDecodable } from "../../sampling/decoder-graph.ts";
import { examplesRead, totalSteps } from "../../training/passes.ts";
import type { PolicyInput } from "../../training/rollout/policy.ts";
import type { PolicyConfig } from "../../training/rollout/rollout.config.ts";
import { isRewardFile } from "../../training/rollout/function-file.ts";
import { REWARD_TEMPLATE } from "../../training/rollout/reward-template.ts";
import { encodePrompts, promptWarnings } from "../../training/rollout/rollout.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { runTrainer, dryRunTrainer } from "../display/run-trainer.ts";
import { reportPlan } from "../display/dry-run.ts";
import { showExample } from "../display/shown-example.ts";
import type { AnswersTrainer } from "../../training/trainer.ts";
import { reportCurve } from "./best-of-n-curve.ts";
import type { ExtraInput, OpenExtraInput } from "../inputs/extra-input.ts";
import type { TrainingCall } from "./training-command.ts";
import { trainingCommand } from "./training-command.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import type { OpenedRoles } from "../inputs/reward-input.ts";
import { describeRoles, openRoles } from "../inputs/reward-input.ts";
import { dataName, loadTrainingData } from "../inputs/data-input.ts";
import { readTemplate } from "../../training/open-encoder.ts";

/** How models are opened where nothing is trained. */
const UNTRAINED = { adapter: "lora", precision: "float32" } as const;

/** What stands after `--reward` where a file to start from is asked for. */
const INIT = "--init";
const REWARD_FILE = "reward.ts";

/** @throws AttuneError `usage` where there is such a file already */
function writeRewardFile({ reporter }: CommandContext): void {
  try {
    writeFileSync(REWARD_FILE, REWARD_TEMPLATE, { flag: "wx" });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST")
      throw diskError(cause, `${REWARD_FILE} cannot be written`, REWARD_FILE);
    throw new AttuneError("usage", "the file is there already, and is left as it is", {
      file: REWARD_FILE,
      hint: "move it away first",
      cause,
    });
  }
  reporter.result(
    { file: REWARD_FILE },
    `a reward function to start from is in ${REWARD_FILE}; then: --reward ./${REWARD_FILE}`,
  );
}

/** A command that trains a policy on its own answers, or only draws them, as its entry says. */
export function answersCommand<D extends ConfigDefinition>(
  config: D,
  { trainer, openExtra }: { trainer: Trainer<D>; openExtra: OpenExtraInput | undefined },
): CommandModule {
  return trainingCommand({
    config,
    instead({ reward }, context) {
      if (reward !== INIT) return false;
      writeRewardFile(context);
      return true;
    },
    async run(call, context) {
      const work = await openWork(openExtra, call.config as Config<D>, context);
      try {
        const ahead = await lookAhead(trainer, work, { dryRun: call.dryRun, context });
        const run = { work, ahead, call };
        if (call.dryRun) await showPlan(trainer, { ...run, name: config.name }, context);
        else {
          const { output } = await train(trainer, run, context);
          if (trainer.curve && output !== undefined)
            reportCurve(trainer.curve(output), output, context.reporter);
        }
      } catch (error) {
        // what failed first is what is told
        await closeWork(work).catch(() => undefined);
        throw error;
      }
      await closeWork(work);
    },
  });
}

type Trainer<D extends ConfigDefinition> = AnswersTrainer<D, PolicyInput, unknown>;
type Config<D extends ConfigDefinition> = ConfigOf<D> & PolicyConfig;

/** What a run is made of, open. */
interface OpenWork<D extends ConfigDefinition> {
  config: Config<D>;
  dataset: Dataset;
  prompts: PromptRecord[];
  roles: OpenedRoles;
  more: ExtraInput | undefined;
}

async function openWork<D extends ConfigDefinition>(
  openExtra: OpenExtraInput | undefined,
  config: Config<D>,
  context: CommandContext,
): Promise<OpenWork<D>> {
  readTemplate(config.template);
  const dataset = await load(config, context);
  const prompts = recordsAs(dataset, "prompt");
  const more = await openExtra?.(config, {
    load: (source) =>
      load(
        { ...config, data: source, dataWeights: [], columns: [], limit: 0 },
        context,
        "demonstration",
      ),
    context,
  });
  try {
    const roles = await openRoles({ ...UNTRAINED, ...config }, prompts, context);
    return { config, dataset, prompts, roles, more };
  } catch (error) {
    await more?.close?.().catch(() => undefined);
    throw error;
  }
}

/** Closes everything. @throws the first error of closing, once all the rest is closed */
async function closeWork<D extends ConfigDefinition>({ roles, more }: OpenWork<D>): Promise<void> {
  const rewards = roles.rewards.map((reward) => ("close" in reward ? reward.close() : undefined));
  const closed = await Promise.allSettled([...rewards, more?.close?.()]);
  const failed = closed.find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

/** What a run will do, known before its first step. */
interface LookAhead {
  /** Prompts that leave room for an answer. */
  usable: number;
  steps: number;
  /** Worth saying of the prompts. */
  warnings: readonly { id: string; message: string }[];
  /** What the extra input will take, for the plan of a dry run. */
  cost: Readonly<Record<string, unknown>> | undefined;
  /** Of the models of the extra input. */
  fingerprint: string | undefined;
}

/** Opens what is left, encodes the prompts, and says what is known now. */
async function lookAhead<D extends ConfigDefinition>(
  { steps, checkSteps }: Trainer<D>,
  { config, prompts, roles, more }: OpenWork<D>,
  { dryRun, context: { reporter } }: { dryRun: boolean; context: CommandContext },
): Promise<LookAhead> {
  const { policy, encoder } = roles;
  checkDecodable(policy.model);
  const opened = await more?.open?.(policy);
  reporter.note(`${describeRoles(roles, config.adapter)}${opened ? `; ${opened.note}` : ""}`);
  const limit = {
    ...config,
    maxLength: Math.min(config.maxLength, policy.model.config.maxPositions),
  };
  const encoded = encodePrompts(prompts, encoder, limit);
  showExample(
    [{ ids: encoded.prompts[0]!.ids }],
    { tokenizer: encoder.tokenizer, what: "the first prompt" },
    reporter,
  );
  const usable = encoded.prompts.length;
  const passes = { ...config, batchSize: config.batchSize / config.samples };
  const total = steps ? steps(usable, config) : totalSteps(usable, passes);
  checkSteps?.(total, config);
  return {
    usable,
    steps: total,
    warnings: promptWarnings(encoded, limit),
    cost: more?.announce?.({ prompts, asked: examplesRead(usable, passes), dryRun }),
    fingerprint: opened?.fingerprint,
  };
}

interface AnswersRun<D extends ConfigDefinition> {
  work: OpenWork<D>;
  ahead: LookAhead;
  call: TrainingCall<D>;
}

/** @param run undefined in a dry run */
async function inputOf<D extends ConfigDefinition>(
  { prompts, roles, more }: OpenWork<D>,
  run: Run | undefined,
): Promise<PolicyInput> {
  const { policy, encoder, rewards, heldOutReward } = roles;
  const extra = await more?.begin(run);
  return {
    model: policy.model,
    encoder,
    prompts,
    rewards,
    heldOutReward,
    ...extra,
  };
}

/** What would happen; nothing is written. */
async function showPlan<D extends ConfigDefinition>(
  { train }: Trainer<D>,
  { work, ahead, call, name }: AnswersRun<D> & { name: string },
  { reporter, signal }: CommandContext,
): Promise<void> {
  for (const { id, message } of ahead.warnings) reporter.warn(id, message);
  await dryRunTrainer(
    train(await inputOf(work, undefined), work.config, { rehearsal: true, signal }),
    reporter,
  );
  reportPlan(reporter, {
    command: name,
    examples: ahead.usable,
    steps: ahead.steps,
    out: call.out,
    config: call.effective,
    ...ahead.cost,
  });
}

async function train<D extends ConfigDefinition>(
  trainer: Trainer<D>,
  { work, ahead, call }: AnswersRun<D>,
  context: CommandContext,
): Promise<EndEvent> {
  const { config, dataset, roles, more } = work;
  const run = await call.openRun({
    seed: config.seed,
    dataHash: joined(dataset.hash, more?.dataHash),
    modelFingerprint: joined(roles.fingerprint, ahead.fingerprint),
  });
  try {
    const end = await runTrainer(
      trainer.train(await inputOf(work, run), config, { run, signal: context.signal }),
      context.reporter,
      run.folder,
    );
    more?.done?.();
    return end;
  } catch (error) {
    // before the command's own guard, which would take a run without steps back
    if (more?.keeps?.()) run.fail(error);
    throw error;
  }
}

/** A hash of its own for two things that a resumed run must find as they were. */
const joined = (hash: string, more: string | undefined): string =>
  more === undefined ? hash : jointHash(hash, more);

async function load(
  config: PolicyConfig,
  { reporter, signal }: CommandContext,
  needs: RecordKind = "prompt",
): Promise<Dataset> {
  // a reward function reads the row's other columns, such as a solution
  const dataset = await loadTrainingData(config, needs, {
    context: { reporter, signal },
    keepColumns: config.reward.some(isRewardFile),
  });
  if (dataset.records.length === 0)
    throw new AttuneError("data", "the data set is empty", { file: dataName(config.data) });
  return dataset;
}

/** The shape of every command that trains a policy on rewards of its own answers: open the roles, show the plan or train. */
import { AttuneError, formatPlace } from "../../core/errors.ts";
import type { Dataset } from "../../data/dataset.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import type { ConfigDefinition, ConfigOf, Fields } from "../../runs/config.ts";
import type { EndEvent, TrainingEvent } from "../../runs/events.ts";
import { checkDecodable } from "../../sampling/decoder-graph.ts";
import type { LoopContext } from "../../training/loop.ts";
import { totalSteps } from "../../training/loop.ts";
import type { PolicyInput } from "../../training/policy-method.ts";
import type { PolicyConfig } from "../../training/rollout.config.ts";
import { encodePrompts } from "../../training/rollout.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { drive } from "../drive.ts";
import { reportPlan } from "../dry-run.ts";
import { trainingCommand } from "../training-command.ts";
import { describeRoles, openRoles } from "./reward-input.ts";
import { loadOptions } from "./training-input.ts";

export interface PolicyCommand<F extends Fields, Input extends PolicyInput> {
  config: ConfigDefinition<F>;
  examples: readonly string[];
  train: (input: Input, config: ConfigOf<F>, context: LoopContext) => AsyncIterable<TrainingEvent>;
  /** Steps of a run. Default: roll-outs of batchSize answers. */
  steps?: (prompts: number, config: ConfigOf<F>) => number;
  /** What is said at the end. */
  report?: (end: EndEvent, context: CommandContext) => void;
  /** Input beside policy, prompts and rewards. */
  more?: (config: ConfigOf<F>, load: (source: string) => Promise<Dataset>) => Promise<Omit<Input, keyof PolicyInput>>;
}

/** How models are opened where nothing is trained. */
const UNTRAINED = { adapter: "lora", precision: "float32" } as const;

/** A command whose options include those of {@link PolicyConfig}. */
export function policyCommand<F extends Fields, Input extends PolicyInput>({ config: definition, examples, train, steps, report, more }: PolicyCommand<F, Input>): CommandModule {
  return trainingCommand({
    config: definition,
    examples,
    async run({ config: given, effective, dryRun, out, openRun }, context) {
      const config = given as ConfigOf<F> & PolicyConfig;
      const { reporter, signal } = context;
      const dataset = await load(config.data, config, context);
      const prompts = recordsAs(dataset, "prompt");
      const extra = await more?.(config, (source) => load(source, config, context));
      const roles = await openRoles({ ...UNTRAINED, ...config }, context);
      const { policy, encoder, rewards, heldOutReward } = roles;
      try {
        checkDecodable(policy.model);
        reporter.note(describeRoles(roles, config.adapter));
        const { prompts: usable } = encodePrompts(prompts, encoder, config);
        if (dryRun) {
          reportPlan(reporter, { command: definition.name, examples: usable.length, steps: steps ? steps(usable.length, config) : totalSteps(usable.length, { ...config, batchSize: config.batchSize / config.samples }), out, config: effective });
          return;
        }
        const run = await openRun({ seed: config.seed, dataHash: dataset.hash, modelFingerprint: roles.fingerprint });
        const input = { model: policy.model, encoder, prompts, rewards, heldOutReward, ...extra } as unknown as Input;
        const end = await drive(train(input, config, { run, signal }), reporter, run.folder);
        report?.(end, context);
      } finally {
        for (const reward of rewards) if ("close" in reward) await reward.close();
      }
    },
  });
}

async function load(source: string, config: PolicyConfig, { reporter, signal }: CommandContext): Promise<Dataset> {
  const options = loadOptions(config, { reporter, signal });
  const dataset = await loadDataset(source, options);
  for (const [reason, count] of Object.entries(dataset.dropped)) {
    reporter.warn("left-out-rows", `${count} of ${count + dataset.records.length} rows left out: ${reason} (the first at ${formatPlace(dataset.firstDropped ?? {})})`);
  }
  if (dataset.records.length === 0) throw new AttuneError("data", "the data set is empty", { file: source });
  return dataset;
}

/** The shape of every command that trains on data: open the input, show the plan or train. */
import type { ConfigDefinition, ConfigOf } from "../../config/config.ts";
import { cacheFolder } from "../../runs/cache-folder.ts";
import type { EndEvent } from "../../runs/events.ts";
import { totalSteps } from "../../training/passes.ts";
import type {
  DataTrainer,
  DataTrainerEntry,
  LearnedKind,
  RecordsOf,
} from "../../training/trainer.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { reportPlan } from "../display/dry-run.ts";
import type { Reporter } from "../display/reporter.ts";
import { dryRunTrainer, runTrainer } from "../display/run-trainer.ts";
import { showFirst } from "./first-example.ts";
import { reportHeldOut } from "./held-out-table.ts";
import type { TrainingCall } from "./training-command.ts";
import { trainingCommand } from "./training-command.ts";
import type { InputConfig, TrainingInput } from "./training-input.ts";
import { openInput } from "./training-input.ts";

/** A command that trains on rows of data, as its entry says. */
export function dataCommand<D extends ConfigDefinition, Kind extends LearnedKind>(
  config: D,
  { learnsFrom }: DataTrainerEntry<D, Kind>,
  trainer: DataTrainer<D, RecordsOf<Kind>>,
): CommandModule {
  return trainingCommand({
    config,
    async run(call, context) {
      const { reporter } = context;
      const settings = call.config as Config<D>;
      const input = await openInput(settings, learnsFrom, context);
      showFirst(input, trainer.learned?.(settings) ?? "completion", reporter);
      const work = { call, config: settings, name: config.name, trainer, input };
      if (call.dryRun) return showPlan(work, context);
      const { output } = await train(work, context);
      if (trainer.accuracy && output !== undefined)
        reportHeldOut(output, trainer.accuracy, reporter);
    },
  });
}

type Config<D extends ConfigDefinition> = ConfigOf<D> & InputConfig;

/** A training whose input is open. */
interface DataTraining<D extends ConfigDefinition, Kind extends LearnedKind> {
  call: Omit<TrainingCall<D>, "config">;
  config: Config<D>;
  /** Of the command. */
  name: string;
  trainer: DataTrainer<D, RecordsOf<Kind>>;
  input: TrainingInput<Kind>;
}

/** Says what would happen, as far as it shows before the first step. */
async function showPlan<D extends ConfigDefinition, Kind extends LearnedKind>(
  { call: { effective, out }, config, name, trainer, input }: DataTraining<D, Kind>,
  { reporter, signal }: CommandContext,
): Promise<void> {
  const { examples, held, report } = trainer.encode(input, config);
  for (const { id, message } of report.warnings) reporter.warn(id, message);
  const model = input.opened.model;
  await dryRunTrainer(
    trainer.train({ ...input, model }, config, { rehearsal: true, signal }),
    reporter,
    report.warnings,
  );
  reportPlan(reporter, {
    command: name,
    examples: examples.length,
    heldOut: held.length,
    steps: totalSteps(examples.length, config),
    out,
    config: effective,
  });
}

async function train<D extends ConfigDefinition, Kind extends LearnedKind>(
  { call, config, trainer, input }: DataTraining<D, Kind>,
  { reporter, signal }: CommandContext,
): Promise<EndEvent> {
  const { fingerprint: modelFingerprint, model } = input.opened;
  const { seed } = config;
  const run = await call.openRun({ seed, dataHash: input.dataset.hash, modelFingerprint });
  const context = {
    run,
    signal,
    cache: { folder: cacheFolder(), modelFingerprint },
    // nobody reads the model that was opened afterwards
    takesModel: true,
    progress: (shown: Parameters<Reporter["progress"]>[0]) => reporter.progress(shown),
  };
  return runTrainer(trainer.train({ ...input, model }, config, context), reporter, run.folder);
}

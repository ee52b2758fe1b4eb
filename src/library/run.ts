/** What surrounds a training: its run folder, where one is wanted, and what it gives at the end. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ConfigDefinition, ParsedConfig } from "../config/config.ts";
import { AttuneError } from "../core/errors.ts";
import { wallClock } from "../core/wall-clock.ts";
import { cacheFolder } from "../runs/cache-folder.ts";
import type { EndEvent, Metrics, TrainingEvent } from "../runs/events.ts";
import { refuseOtherOptions } from "../runs/recorded.ts";
import { Run } from "../runs/run.ts";
import type { TrainingContext } from "../training/loop.ts";
import { refuseUnknown } from "./fields.ts";
import type { LanguageModel } from "./models.ts";
import { fingerprintOf } from "./models.ts";

/** How a training is run. All of it may be left out. */
export interface RunOptions {
  /** Asks to stop: the result is then rejected with the code `interrupted`. */
  signal?: AbortSignal;
  /**
   * A run folder, as the command line makes it: options, metrics, checkpoints and the result. Where
   * it holds an unfinished run of the same options, data and model, that is gone on with, to the
   * same bytes as if it had never been cut off. Needs `attune runs`' folder conventions: new, empty
   * or a run.
   */
  run?: string;
  /**
   * Nobody reads the given model afterwards: where all weights are trained from data, they need not
   * be kept twice (over answers the start is also the reference). Default false: the model stays as
   * it was.
   */
  takesModel?: boolean;
}

/** What a run must find again. */
interface Facts {
  config: ParsedConfig<ConfigDefinition>;
  command: string;
  seed: number;
  dataHash: string;
  model: LanguageModel;
  /** Of what is opened beside the model. */
  others?: readonly LanguageModel[];
}

/** What a training is given when its run has begun. */
export interface BegunRun {
  context: TrainingContext;
  /** Local date and time that chat templates see. */
  templateTime: string;
}

/**
 * Begins a run folder, where one is wanted, or goes on with the run that it holds; trains; and gives
 * what came out. An error ends the run, whatever it came from.
 * @param begin opens what is trained, and trains it
 * @throws AttuneError `run` where the folder holds another run, or something else; `interrupted`
 * where the training was asked to stop
 */
export async function* inRun<Result>(
  facts: Facts,
  options: RunOptions,
  begin: (begun: BegunRun) => AsyncGenerator<TrainingEvent, Result>,
): AsyncGenerator<TrainingEvent, { result: Result; metrics: Metrics; run?: string }> {
  refuseUnknown(options, ["signal", "run", "takesModel"]);
  const { signal, takesModel, run: folder } = options;
  const { model } = facts;
  const opened = folder === undefined ? undefined : await openRun(folder, facts);
  const run = opened?.run;
  try {
    // the run's history has them already
    for (const message of opened?.warnings ?? []) yield { type: "warning", id: "resume", message };
    // where nothing needs it, a model that was read from no file is not hashed for it
    const known = run ? fingerprintOf(model) : model.fingerprint;
    const cache = known && { folder: cacheFolder(), modelFingerprint: known };
    const context = { signal, takesModel, run, ...(cache ? { cache } : {}) };
    const events = begin({ context, templateTime: run?.info.templateTime ?? wallClock() });
    const { result, end } = yield* toTheEnd(events);
    if (end?.status !== "completed") throw interrupted(end, folder);
    return { result, metrics: end.metrics, ...(run ? { run: run.folder } : {}) };
  } catch (error) {
    run?.abandon(error);
    throw error;
  } finally {
    run?.close();
  }
}

async function openRun(
  folder: string,
  { config, command, seed, dataHash, model, others = [] }: Facts,
): Promise<{ run: Run; warnings: readonly string[] }> {
  const modelFingerprint = [model, ...others].map(fingerprintOf).join(" ");
  const expected = { dataHash, modelFingerprint };
  const begun = existsSync(join(folder, "run.json"));
  if (begun) refuseOtherOptions(folder, config.effective);
  const about = { command, seed, config, templateTime: wallClock(), ...expected };
  const opened = begun
    ? await Run.open(folder, expected)
    : { run: Run.create(folder, about), warnings: [] };
  opened.run.reportTo((config.resolved as { reportTo?: readonly string[] }).reportTo ?? []);
  return opened;
}

/** Passes events on, and keeps the last. */
async function* toTheEnd<Result>(
  events: AsyncGenerator<TrainingEvent, Result>,
): AsyncGenerator<TrainingEvent, { result: Result; end: EndEvent | undefined }> {
  let end: EndEvent | undefined;
  try {
    for (;;) {
      const { value, done } = await events.next();
      if (done) return { result: value, end };
      if (value.type === "end") end = value;
      yield value;
    }
  } finally {
    await events.return(undefined as never);
  }
}

function interrupted(end: EndEvent | undefined, folder: string | undefined): AttuneError {
  const where =
    end === undefined ? "before its first step" : `at step ${end.step} of ${end.totalSteps}`;
  return new AttuneError("interrupted", `the training was stopped ${where}`, {
    hint:
      folder === undefined
        ? "with a run folder it could be gone on with"
        : `the same call goes on with ${folder}`,
  });
}

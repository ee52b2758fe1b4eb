/** What surrounds a training: its run folder, where one is wanted, and what it gives at the end. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ConfigDefinition, ParsedConfig } from "../config/config.ts";
import { AttuneError } from "../core/errors.ts";
import { wallClock } from "../core/wall-clock.ts";
import { cacheFolder } from "../runs/cache-folder.ts";
import type { EndEvent, TrainingEvent } from "../runs/events.ts";
import { refuseOtherOptions } from "../runs/recorded.ts";
import { Run } from "../runs/run.ts";
import type { TrainingContext } from "../training/loop.ts";
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
   * Nobody reads the given model afterwards: where all weights are trained, they need not be kept
   * twice. Default false: the model stays as it was.
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

export interface OpenedRun {
  context: TrainingContext;
  /** Local date and time that chat templates see. */
  templateTime: string;
  run: Run | undefined;
}

/**
 * Begins a run folder, or goes on with the run that it holds.
 * @throws AttuneError `run` where it holds another run, or something else
 */
export async function openRun(facts: Facts, options: RunOptions): Promise<OpenedRun> {
  const { signal, run: folder, takesModel } = options;
  const { model, config, others = [] } = facts;
  if (folder === undefined) {
    const known = model.fingerprint === undefined ? {} : { cache: cacheOf(model.fingerprint) };
    return { context: { signal, takesModel, ...known }, templateTime: wallClock(), run: undefined };
  }
  const modelFingerprint = [model, ...others].map(fingerprintOf).join(" ");
  const expected = { dataHash: facts.dataHash, modelFingerprint };
  const run = existsSync(join(folder, "run.json"))
    ? await goOn(folder, config.effective, expected)
    : Run.create(folder, {
        command: facts.command,
        seed: facts.seed,
        config,
        templateTime: wallClock(),
        ...expected,
      });
  run.reportTo((config.resolved as { reportTo?: readonly string[] }).reportTo ?? []);
  return {
    context: { signal, takesModel, run, cache: cacheOf(fingerprintOf(model)) },
    templateTime: run.info.templateTime ?? wallClock(),
    run,
  };
}

const cacheOf = (modelFingerprint: string) => ({ folder: cacheFolder(), modelFingerprint });

async function goOn(
  folder: string,
  config: object,
  expected: Parameters<typeof Run.open>[1],
): Promise<Run> {
  refuseOtherOptions(folder, config);
  return (await Run.open(folder, expected)).run;
}

/**
 * Passes events on, and gives what came out with the last of them. A run that fails says so in its
 * folder.
 * @throws AttuneError `interrupted` where the training was asked to stop
 */
export async function* finishRun<Result>(
  events: AsyncGenerator<TrainingEvent, Result>,
  run: Run | undefined,
): AsyncGenerator<TrainingEvent, { result: Result; end: EndEvent }> {
  let end: EndEvent | undefined;
  try {
    for (;;) {
      const { value, done } = await events.next();
      if (done) {
        if (end?.status === "completed") return { result: value, end };
        throw interrupted(end, run?.folder);
      }
      if (value.type === "end") end = value;
      yield value;
    }
  } catch (error) {
    run?.fail(error);
    throw error;
  } finally {
    await events.return(undefined as never);
    run?.close();
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

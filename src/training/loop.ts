/**
 * The loop that every method shares, from data or over roll-outs: steps, evaluation, example
 * answers, checkpoints, resuming, stopping on request, and the result. A method says what it trains
 * and what one step does.
 *
 * A step that is cut off before its update leaves nothing behind: it is repeated from its
 * beginning, with the same examples or answers.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { AttuneError } from "../core/errors.ts";
import { parseJson, stringifyJson } from "../core/json.ts";
import type { Model } from "../models/model.ts";
import { totalParameters } from "../models/trainable.ts";
import { hashRows } from "../runs/encoded-rows.ts";
import type { EndEvent, Metrics, SampleEvent, TrainingEvent } from "../runs/events.ts";
import type { Run } from "../runs/run.ts";
import type { StateTensors } from "./checkpoint-state.ts";
import { readState, withState, writeState } from "./checkpoint-state.ts";
import type { Score, StepOutcome, Warning } from "./step.ts";
import type { Trainee } from "./trainee.ts";

/** Plain JSON that a method keeps in a checkpoint besides tensors. */
export type MethodState = Readonly<Record<string, unknown>>;

/** What a run trains, and what one step of it does. */
export interface Method {
  readonly name: string;
  /** Networks with an optimiser each, the one that the run makes first; none where none is. */
  readonly trainees: readonly Trainee[];
  readonly totalSteps: number;
  /** Examples, or different prompts. */
  readonly examples: number;
  /**
   * One optimiser step, or one roll-out with its updates.
   * @param index from 0
   * @returns undefined where the signal came before anything was changed
   */
  step(index: number): Promise<StepOutcome | undefined>;
  /**
   * What comes before the first step of this process.
   * @param kept {@link state} of the checkpoint that the run goes on from
   */
  prepare?(kept: MethodState | undefined): Promise<readonly Warning[]>;
  /** Further state that a checkpoint keeps. */
  state?(): MethodState;
  readonly tensors?: StateTensors;
  /** Measures on held-out data, after `step` steps; names carry `eval_`. */
  evaluate?(step: number): Promise<{ metrics: Metrics; examples: number; score?: Score }>;
  /** Answers to always the same prompts. */
  samples?(step: number): Promise<SampleEvent[]>;
  /**
   * Whether the result is the checkpoint with the best score; else it is that only where the run
   * was stopped.
   */
  readonly choosesBest?: boolean;
  /** With the weights that are kept, after `step` steps and before {@link close}. */
  finish?(step: number): Promise<void>;
  /** Writes what the run makes into a folder. */
  save(folder: string): Promise<void>;
  /** Folder of the run for it. Default `model`. */
  readonly artifact?: string;
  /** Further folders of the run, by name, and what writes them. */
  readonly results?: Readonly<Record<string, (folder: string) => Promise<void>>>;
  close?(): Promise<void>;
  /** Where nothing is trained. */
  readonly parameters?: { trainable: number; total: number };
}

export interface LoopOptions {
  /** Steps between two checkpoints, evaluations and example answers; 0 for the end only. */
  checkpointSteps: number;
  evaluationSteps?: number;
  sampleSteps?: number;
}

/** How far a piece of work is that comes before the first step. */
export interface WorkProgress {
  update(done: number): void;
  end(): void;
}

/** What surrounds a run. All of it may be left out. */
export interface TrainingContext {
  /** Asks to stop: the run keeps a checkpoint and ends as interrupted. */
  signal?: AbortSignal | undefined;
  /** Records the run, and keeps its checkpoints and its result. */
  run?: Run | undefined;
  /**
   * Goes as far as the event `start`, without computing anything: what is wrong with data, model or
   * options has shown by then.
   */
  rehearsal?: boolean | undefined;
  /** Nobody reads the given model afterwards: weights that are trained need not be kept twice. */
  takesModel?: boolean | undefined;
  /** Shows a piece of work. */
  progress?: ((work: { title: string; total: number; unit: string }) => WorkProgress) | undefined;
  /**
   * Where computed values are kept for other runs, and the fingerprint of the model's weights;
   * without it nothing is kept.
   */
  cache?: { folder: string; modelFingerprint: string } | undefined;
}

/** What a training gives back. */
export interface TrainedModel {
  model: Model;
  /** Writes model or adapter, tokenizer, and what was measured on held-out data. */
  save(folder: string): Promise<void>;
}

/** A warning as an event, recorded where there is a run. */
export function warn(warning: Warning, { run }: TrainingContext, step?: number): TrainingEvent {
  const event = { type: "warning", ...(step === undefined ? {} : { step }), ...warning } as const;
  return run?.record(event) ?? event;
}

/**
 * Keeps a hash of the encoded rows with the run.
 * @throws AttuneError `run` where a run that goes on has others
 */
export function keepRows(rows: readonly object[], { run }: TrainingContext, encoder = ""): void {
  run?.keepRows(hashRows(rows, encoder));
}

interface LoopState {
  step: number;
  tokens: number;
  answers: number;
  /** Why the run ended before its last step. */
  stop?: string;
}

/** What is told at the end. */
interface Told {
  metrics: Metrics;
  evaluation: Metrics;
}

/**
 * Trains, and yields what happens. Everything that was made is released at the end, also after an
 * error.
 */
export async function* trainingLoop(
  method: Method,
  options: LoopOptions,
  context: TrainingContext,
): AsyncGenerator<TrainingEvent, void> {
  const { run } = context;
  const record = <E extends TrainingEvent>(event: E): E => run?.record(event) ?? event;
  const began = performance.now();
  try {
    const folder = run?.resumedFrom?.folder;
    const kept = folder === undefined ? undefined : await readKept(folder);
    const state: LoopState = kept?.loop ?? { step: 0, tokens: 0, answers: 0 };
    yield record(startOf(method, state, run));
    if (context.rehearsal) return;
    for (const warning of (await method.prepare?.(kept?.method)) ?? [])
      yield warn(warning, context, state.step);
    if (kept) await loadState(folder!, method, kept);
    if (state.step === 0 && (options.sampleSteps ?? 0) > 0)
      for (const sample of (await method.samples?.(0)) ?? []) yield record(sample);
    const told: Told = { metrics: {}, evaluation: {} };
    let saved = state.step;
    while (!isOver(method, state) && !context.signal?.aborted) {
      const outcome = yield* oneStep(method, context, { state, told });
      if (!outcome) break;
      const score = (yield* measures(method, options, { state, told, record })) ?? outcome.score;
      if (run && isDue(options.checkpointSteps, method, state)) {
        yield await saveCheckpoint(method, run, { state, score });
        saved = state.step;
      }
      // Lets Ctrl-C, the display and a server have their turn.
      await setImmediate();
    }
    if (run && !isOver(method, state) && state.step > saved)
      yield await saveCheckpoint(method, run, { state, temporary: true });
    yield record(await finish(method, run, { state, told, began }));
  } finally {
    const parts = [...method.trainees.map((trainee) => trainee.close()), method.close?.()];
    await Promise.all(parts);
  }
}

const isOver = ({ totalSteps }: Method, { step, stop }: LoopState): boolean =>
  step >= totalSteps || stop !== undefined;

/** Whether something is due that is done every `every` steps, and at the end. */
const isDue = (every: number, method: Method, state: LoopState): boolean =>
  isOver(method, state) || (every > 0 && state.step % every === 0);

function startOf(method: Method, { step }: LoopState, run: Run | undefined): TrainingEvent {
  const [first] = method.trainees;
  const parameters = method.parameters ?? {
    trainable: first!.trainable.values.length,
    total: totalParameters(first!.model, first!.trainable),
  };
  return {
    type: "start",
    method: method.name,
    totalSteps: method.totalSteps,
    examples: method.examples,
    parameters,
    ...(step > 0 ? { resumedStep: step } : {}),
    ...(run ? { run: run.folder } : {}),
  };
}

/** One step, counted and told. */
async function* oneStep(
  method: Method,
  context: TrainingContext,
  { state, told }: { state: LoopState; told: Told },
): AsyncGenerator<TrainingEvent, StepOutcome | undefined> {
  const started = performance.now();
  const outcome = await method.step(state.step);
  if (!outcome) return undefined;
  const { answers, stop } = outcome;
  state.step++;
  state.tokens += outcome.tokens;
  state.answers += answers ?? 0;
  if (stop !== undefined) state.stop = stop;
  const counts = {
    ...(answers === undefined ? {} : { episode: state.answers }),
    num_tokens: state.tokens,
  };
  told.metrics = { ...outcome.metrics, ...counts };
  const seconds = (performance.now() - started) / 1000;
  const { totalSteps } = method;
  const { step, tokens } = state;
  const event = { type: "step", step, totalSteps, tokens, metrics: told.metrics, seconds } as const;
  context.run?.record(event);
  // A rate depends on the clock, so it is told and not kept: equal runs have equal metrics.
  const rate = answers === undefined ? {} : { eps: answers / seconds };
  yield { ...event, metrics: { ...event.metrics, ...rate } };
  for (const warning of outcome.warnings ?? []) yield warn(warning, context, step);
  return outcome;
}

/**
 * Held-out data and example answers, where they are due. They run to their end even where the run
 * is asked to stop: a checkpoint without its evaluation would not resume to the same bytes.
 */
async function* measures(
  method: Method,
  { evaluationSteps = 0, sampleSteps = 0 }: LoopOptions,
  {
    state,
    told,
    record,
  }: { state: LoopState; told: Told; record: <E extends TrainingEvent>(event: E) => E },
): AsyncGenerator<TrainingEvent, Score | undefined> {
  const { step } = state;
  let score: Score | undefined;
  if (method.evaluate && isDue(evaluationSteps, method, state)) {
    const began = performance.now();
    const { metrics, examples, score: own } = await method.evaluate(step);
    const seconds = (performance.now() - began) / 1000;
    score = own;
    told.evaluation = metrics;
    const { totalSteps } = method;
    yield record({ type: "evaluation", step, totalSteps, examples, metrics, seconds });
  }
  if (method.samples && sampleSteps > 0 && isDue(sampleSteps, method, state))
    for (const sample of await method.samples(step)) yield record(sample);
  return score;
}

/** Small state, beside the tensors. */
const STATE_FILE = "state.json";

interface Kept {
  loop: LoopState;
  method: MethodState;
  /** Steps of each network's optimiser. */
  optimizerSteps: number[];
}

const tensorsOf = ({ trainees, tensors }: Method): StateTensors => ({
  ...Object.assign({}, ...trainees.map((trainee) => trainee.tensors)),
  ...tensors,
});

async function saveState(folder: string, method: Method, loop: LoopState): Promise<void> {
  await writeState(folder, tensorsOf(method));
  const optimizerSteps = method.trainees.map(({ optimizer }) => optimizer.steps);
  const kept: Kept = { loop, method: method.state?.() ?? {}, optimizerSteps };
  await writeFile(join(folder, STATE_FILE), `${stringifyJson(kept, 1)}\n`);
}

async function readKept(folder: string): Promise<Kept> {
  const file = join(folder, STATE_FILE);
  const kept = existsSync(file)
    ? (parseJson(await readFile(file, "utf8")) as Partial<Kept>)
    : undefined;
  if (kept?.loop && kept.optimizerSteps) return kept as Kept;
  throw new AttuneError("run", "the checkpoint is of an earlier version of attune", {
    file: folder,
    hint: "finish the run with that version, or begin a new one",
  });
}

async function loadState(folder: string, method: Method, kept: Kept): Promise<void> {
  await readState(folder, tensorsOf(method));
  method.trainees.forEach(({ optimizer }, i) => (optimizer.steps = kept.optimizerSteps[i]!));
}

async function saveCheckpoint(
  method: Method,
  run: Run,
  {
    state,
    score,
    temporary = false,
  }: { state: LoopState; score?: Score | undefined; temporary?: boolean },
): Promise<TrainingEvent> {
  const { step } = state;
  // weights that are not finite must not replace a good checkpoint
  for (const trainee of method.trainees) trainee.checkFinite(step);
  const checkpoint = await run.saveCheckpoint(step, (folder) => saveState(folder, method, state), {
    temporary,
    ...(score ? { score } : {}),
  });
  return {
    type: "checkpoint",
    step,
    totalSteps: method.totalSteps,
    path: checkpoint.folder,
    best: run.bestCheckpoint()?.step === step,
  };
}

/** Goes back to the best checkpoint where that is the result, and writes the result. */
async function finish(
  method: Method,
  run: Run | undefined,
  { state, told, began }: { state: LoopState; told: Told; began: number },
): Promise<EndEvent> {
  const { step, tokens } = state;
  const completed = isOver(method, state);
  const end: EndEvent = {
    type: "end",
    status: completed ? "completed" : "interrupted",
    step,
    totalSteps: method.totalSteps,
    tokens,
    metrics: { ...told.metrics, ...told.evaluation },
    seconds: (performance.now() - began) / 1000,
  };
  if (!completed) return end;
  const best = run?.bestCheckpoint();
  const goesBack = best && best.step !== step && (method.choosesBest || state.stop !== undefined);
  if (goesBack)
    await withState(best.folder, (file) => method.trainees[0]!.restore((name) => file.read(name)));
  await method.finish?.(goesBack ? best.step : step);
  if (!run) return end;
  for (const [name, write] of Object.entries(method.results ?? {}))
    await run.saveArtifact(name, write);
  const output = await run.saveArtifact(method.artifact ?? "model", (folder) =>
    method.save(folder),
  );
  return { ...end, output };
}

/** What a method gives back when its loop has ended. */
export function resultOf(method: Method): TrainedModel {
  return {
    model: method.trainees[0]!.model,
    async save(folder) {
      await method.save(folder);
      for (const [name, write] of Object.entries(method.results ?? {})) {
        await mkdir(join(folder, name), { recursive: true });
        await write(join(folder, name));
      }
    },
  };
}

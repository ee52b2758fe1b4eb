/**
 * The loop of every method that learns from its own answers: steps of roll-out and update,
 * checkpoints, resuming, example texts, and stopping on request. A step that is cut off before its
 * update leaves nothing behind: it is repeated from its beginning, with the same answers.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { parseJson, stringifyJson } from "../../core/json.ts";
import { nonFiniteError } from "../../optim/optimizer.ts";
import type {
  EndEvent,
  Metrics,
  SampleEvent,
  TrainingEvent,
  WarningEvent,
} from "../../runs/events.ts";
import type { Run } from "../../runs/run.ts";
import type { StateTensors } from "../checkpoint-state.ts";
import { readState, withState, writeState } from "../checkpoint-state.ts";
import type { LoopContext } from "../loop.ts";

/** Plain JSON that a method keeps in a checkpoint besides its tensors. */
export type Memory = Readonly<Record<string, unknown>>;

export interface RolloutStep {
  metrics: Metrics;
  /** Answers of this step, and tokens of prompts and answers. */
  episodes: number;
  tokens: number;
  warnings: readonly Omit<WarningEvent, "type" | "step">[];
  /** By this metric the checkpoint to return to is chosen, where the run is stopped. */
  score?: { metric: keyof Metrics; value: number };
  /** The run ends here, and why. */
  stop?: string;
}

export interface RolloutMethod {
  readonly name: string;
  readonly totalSteps: number;
  /** Different prompts. */
  readonly examples: number;
  /**
   * Before the first step of this process.
   * @param memory of the checkpoint that the run goes on from
   */
  prepare(memory: Memory | undefined): Promise<RolloutStep["warnings"]>;
  readonly parameters: { trainable: number; total: number };
  /** Everything that changes while training; valid after {@link prepare}. */
  readonly tensors: StateTensors;
  /** Counts and other small state. */
  memory(): Memory;
  /** A parameter that is not finite, by name. */
  readonly broken: string | undefined;
  /** One roll-out and its updates; undefined where the signal came before anything was changed. */
  step(step: number): Promise<RolloutStep | undefined>;
  /** Answers to always the same prompts. */
  samples(step: number): Promise<SampleEvent[]>;
  /** Takes the policy's parameters alone from a checkpoint's tensors. */
  restorePolicy(read: (name: string) => Promise<Float32Array>): Promise<void>;
  /** Folder of the run for what {@link save} writes. Default `model`. */
  readonly artifact?: string;
  save(folder: string): Promise<void>;
  /** Further folders of the run, by name, and what writes them at its end. */
  readonly results?: Readonly<Record<string, (folder: string) => Promise<void>>>;
  close(): Promise<void>;
}

export interface RolloutLoopOptions {
  checkpointSteps: number;
  sampleSteps: number;
}

const MEMORY = "state.json";

interface LoopState {
  step: number;
  tokens: number;
  episodes: number;
  /** Why the run ended before its last step. */
  stop?: string;
}

async function saveState(folder: string, method: RolloutMethod, state: LoopState): Promise<void> {
  await writeState(folder, method.tensors);
  await writeFile(
    join(folder, MEMORY),
    `${stringifyJson({ loop: state, method: method.memory() }, 1)}\n`,
  );
}

async function readMemory(folder: string): Promise<{ loop: LoopState; method: Memory }> {
  return parseJson(await readFile(join(folder, MEMORY), "utf8")) as {
    loop: LoopState;
    method: Memory;
  };
}

/**
 * Trains, and yields what happens. Everything that was made is released at the end, also after an
 * error.
 */
export async function* rolloutLoop(
  method: RolloutMethod,
  options: RolloutLoopOptions,
  context: LoopContext,
): AsyncGenerator<TrainingEvent> {
  const { run } = context;
  const total = method.totalSteps;
  const record = <E extends TrainingEvent>(event: E): E => run?.record(event) ?? event;
  const began = performance.now();
  try {
    const folder = run?.resumedFrom?.folder;
    const kept = folder === undefined ? undefined : await readMemory(folder);
    const state: LoopState = kept?.loop ?? { step: 0, tokens: 0, episodes: 0 };
    const first = state.step;
    yield record({
      type: "start",
      method: method.name,
      totalSteps: total,
      examples: method.examples,
      parameters: method.parameters,
      ...(first > 0 ? { resumedStep: first } : {}),
      ...(run ? { run: run.folder } : {}),
    });
    if (context.rehearsal) return;
    for (const warning of await method.prepare(kept?.method))
      yield record({ type: "warning", step: first, ...warning });
    if (folder !== undefined) await readState(folder, method.tensors);
    if (first === 0 && options.sampleSteps > 0)
      for (const sample of await method.samples(0)) yield record(sample);
    let last: Metrics = {};
    while (state.step < total && state.stop === undefined && !context.signal?.aborted) {
      const started = performance.now();
      const outcome = await method.step(state.step);
      if (!outcome) break;
      advance(state, outcome);
      const seconds = (performance.now() - started) / 1000;
      const event = record({
        type: "step",
        step: state.step,
        totalSteps: total,
        tokens: state.tokens,
        metrics: { ...outcome.metrics, episode: state.episodes, num_tokens: state.tokens },
        seconds,
      } as const);
      last = event.metrics;
      // A rate depends on the clock, so it is told and not kept: equal runs have equal metrics.
      yield { ...event, metrics: { ...event.metrics, eps: outcome.episodes / seconds } };
      for (const warning of outcome.warnings)
        yield record({ type: "warning", step: state.step, ...warning });
      const over = state.step === total || state.stop !== undefined;
      if (options.sampleSteps > 0 && (over || state.step % options.sampleSteps === 0))
        for (const sample of await method.samples(state.step)) yield record(sample);
      const due =
        over || (options.checkpointSteps > 0 && state.step % options.checkpointSteps === 0);
      if (run && due)
        yield await saveCheckpoint(method, run, { state, total, score: outcome.score });
      // Lets Ctrl-C, the display and a server have their turn.
      await setImmediate();
    }
    const completed = state.step >= total || state.stop !== undefined;
    if (run && !completed && state.step > 0)
      yield await saveCheckpoint(method, run, { state, total, temporary: true });
    yield record(
      await finish(method, run, {
        state,
        completed,
        last,
        seconds: (performance.now() - began) / 1000,
      }),
    );
  } finally {
    await method.close();
  }
}

function advance(state: LoopState, { tokens, episodes, stop }: RolloutStep): void {
  state.step++;
  state.tokens += tokens;
  state.episodes += episodes;
  if (stop !== undefined) state.stop = stop;
}

async function saveCheckpoint(
  method: RolloutMethod,
  run: Run,
  {
    state,
    total,
    score,
    temporary = false,
  }: { state: LoopState; total: number; score?: RolloutStep["score"]; temporary?: boolean },
): Promise<TrainingEvent> {
  // weights that are not finite must not replace a good checkpoint
  if (method.broken !== undefined) throw nonFiniteError(state.step, method.broken);
  const checkpoint = await run.saveCheckpoint(
    state.step,
    (folder) => saveState(folder, method, state),
    { temporary, ...(score ? { score } : {}) },
  );
  return {
    type: "checkpoint",
    step: state.step,
    totalSteps: total,
    path: checkpoint.folder,
    best: run.bestCheckpoint()?.step === state.step,
  };
}

/**
 * Writes the policy: of the last step, or of the best checkpoint where the run was stopped because
 * the reward is no guide any more.
 */
async function finish(
  method: RolloutMethod,
  run: Run | undefined,
  {
    state,
    completed,
    last,
    seconds,
  }: { state: LoopState; completed: boolean; last: Metrics; seconds: number },
): Promise<EndEvent> {
  const end = {
    type: "end",
    status: completed ? "completed" : "interrupted",
    step: state.step,
    totalSteps: method.totalSteps,
    tokens: state.tokens,
    metrics: last,
    seconds,
  } as const;
  if (!completed || !run) return end;
  const best = run.bestCheckpoint();
  if (state.stop !== undefined && best && best.step !== state.step) {
    await withState(best.folder, (file) => method.restorePolicy((name) => file.read(name)));
  }
  for (const [name, write] of Object.entries(method.results ?? {}))
    await run.saveArtifact(name, write);
  return {
    ...end,
    output: await run.saveArtifact(method.artifact ?? "model", (folder) => method.save(folder)),
  };
}

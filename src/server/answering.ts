/**
 * A request on its way through an engine: its prompts are submitted, and cancelled where the client
 * leaves or the server stops.
 */
import { randomInt } from "node:crypto";
import { answerLimit } from "../sampling/answer-limit.ts";
import type { AnswerOptions } from "../sampling/answer.ts";
import { onAbort } from "../sampling/generate.ts";
import type { Generation } from "../sampling/engine.ts";
import type { Sampled } from "../sampling/request.ts";
import { ApiError, serverStopping } from "./api-error.ts";
import type { Engines, Lease } from "./engines.ts";
import type { PromptField } from "./parameters.ts";
import { tooLong } from "./parameters.ts";

/** What is asked of an engine, whichever endpoint was called. */
export interface EngineRequest {
  model: string;
  /** Who asks: the address. */
  client: string;
  samples: number;
  prompts: readonly Int32Array[];
  /** Undefined for one by chance. */
  seed: number | undefined;
  /** Longest answer, tokens; what the server gives where undefined. */
  maxNewTokens: number | undefined;
  /** The most likely tokens of the prompt to tell; undefined for no scores of it. */
  promptAlternatives: number | undefined;
  /** How tokens are drawn, for each prompt. */
  drawing: readonly Omit<AnswerOptions, "maxNewTokens">[];
  field: PromptField;
}

export interface AnswerHooks {
  /** After every token; `choice` counts over prompts, then samples. */
  onToken?: (answer: Sampled, choice: number) => void;
  onDraw?: (answer: Sampled, choice: number) => void;
  onAnswer?: (answer: Sampled, choice: number) => void;
}

/** What ends a request early. */
export interface EndSignals {
  /** Aborted when the client has left. */
  left: AbortSignal;
  /** Aborted when the server stops. */
  stop: AbortSignal;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

export function usageOf(prompts: readonly Int32Array[], answers: readonly Sampled[]): Usage {
  const read = prompts.reduce((total, { length }) => total + length, 0);
  const written = answers.reduce((total, { ids }) => total + ids.length, 0);
  return { prompt_tokens: read, completion_tokens: written, total_tokens: read + written };
}

/** Seeds of requests that name none. */
const SEEDS = 2 ** 31;

/** Longest answer to a prompt. @throws ApiError 400 where the two do not fit the room */
function lengthOf(
  prompt: Int32Array,
  { maxNewTokens: asked, field }: EngineRequest,
  { room, byDefault }: { room: number; byDefault: number },
): number {
  if (prompt.length === 0)
    throw new ApiError(400, "the prompt is empty", { param: field, code: "invalid_value" });
  const longest =
    asked ?? Math.max(1, answerLimit(prompt.length, { maxNewTokens: byDefault, maxLength: room }));
  if (prompt.length + longest <= room) return longest;
  throw tooLong(
    field,
    room,
    `the prompt has ${prompt.length}, and ${longest} were asked for as an answer`,
  );
}

/** A request whose prompts fit and that has a place in the queue. */
export class AdmittedRequest {
  readonly asked: EngineRequest;
  private readonly engines: Engines;
  private readonly lease: Lease;
  private readonly lengths: readonly number[];

  /**
   * @throws ApiError 400 where a prompt and its answer do not fit; the lease stays the caller's
   * until {@link run}
   */
  constructor(
    engines: Engines,
    lease: Lease,
    { asked, byDefault }: { asked: EngineRequest; byDefault: number },
  ) {
    this.engines = engines;
    this.lease = lease;
    this.asked = asked;
    this.lengths = asked.prompts.map((prompt) =>
      lengthOf(prompt, asked, { room: engines.limits.room, byDefault }),
    );
  }

  /**
   * All answers, those to one prompt together.
   * @throws ApiError 503 where the server stopped before the end
   */
  async run({ left, stop }: EndSignals, hooks: AnswerHooks = {}): Promise<Sampled[]> {
    const { engine, release } = this.lease;
    const open: Generation[] = [];
    const cancel = (): void => open.forEach((generation) => generation.cancel());
    const seed = this.asked.seed ?? randomInt(SEEDS);
    const forget: (() => void)[] = [];
    try {
      this.asked.prompts.forEach((_, prompt) => open.push(this.submit(prompt, seed, hooks)));
      forget.push(onAbort(left, cancel), onAbort(stop, cancel));
      const answers = (await Promise.all(open.map((generation) => generation.answers))).flat();
      if (
        stop.aborted &&
        (answers.length < open.length * this.asked.samples ||
          answers.some(({ finish }) => finish === "cancelled"))
      )
        throw serverStopping();
      return answers;
    } catch (error) {
      cancel();
      if (engine.isOver) this.engines.discard(this.asked.model, engine);
      throw error;
    } finally {
      for (const each of forget) each();
      release();
    }
  }

  private submit(
    prompt: number,
    seed: number,
    { onToken, onDraw, onAnswer }: AnswerHooks,
  ): Generation {
    const { prompts, samples, drawing, promptAlternatives } = this.asked;
    const numbered =
      (hook: NonNullable<AnswerHooks["onToken"]>) =>
      (answer: Sampled): void =>
        hook(answer, prompt * samples + answer.sample);
    const request = {
      ...drawing[prompt]!,
      prompt: prompts[prompt]!,
      samples,
      seed,
      stream: [prompt],
      group: this,
      client: this.asked.client,
      maxNewTokens: this.lengths[prompt]!,
      ...(promptAlternatives === undefined ? {} : { promptAlternatives }),
    };
    return this.lease.engine.submit(request, {
      ...(onToken ? { onToken: numbered(onToken) } : {}),
      ...(onDraw ? { onDraw: numbered(onDraw) } : {}),
      ...(onAnswer ? { onAnswer: numbered(onAnswer) } : {}),
    });
  }
}

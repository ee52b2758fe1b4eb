/**
 * A model behind an OpenAI-compatible server as the one that is measured. It answers through
 * /chat/completions; log-probabilities of continuations come from /completions with `echo` and
 * `logprobs`, which servers of open models have and OpenAI's own has not.
 */
import type { APIError, OpenAI } from "openai";
import { z } from "zod";
import { answerKey } from "../../constitution/answer-cache.ts";
import { isRefused } from "../../constitution/critic.ts";
import { inParallel } from "../../constitution/in-parallel.ts";
import type { Attempt } from "../../constitution/retry.ts";
import { RETRIES, Retrier } from "../../constitution/retry.ts";
import type { ServerClient } from "../../constitution/server-client.ts";
import { openServerClient } from "../../constitution/server-client.ts";
import type { ServerCriticOptions } from "../../constitution/server-critic.ts";
import { ServerCritic } from "../../constitution/server-critic.ts";
import { judgeServerError } from "../../constitution/server-errors.ts";
import { AttuneError } from "../../core/errors.ts";
import type {
  AnswerRequest,
  ContinuationRequest,
  ContinuationScore,
  Hooks,
  NoAnswer,
  Subject,
  SubjectAnswer,
} from "../subject.ts";
import { isKeptScore, streamOf } from "./kept.ts";

export type ServerSubjectOptions = Omit<ServerCriticOptions, "letters" | "letterSamples"> & {
  name: string;
  fingerprint: string;
};

/** What is needed of a reply with the prompt echoed. */
const echoed = z.object({
  choices: z
    .tuple([
      z.object({
        logprobs: z.object({
          tokens: z.array(z.string()),
          token_logprobs: z.array(z.number().nullable()),
          text_offset: z.array(z.number()),
          top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).nullish(),
        }),
      }),
    ])
    .rest(z.unknown()),
});
type Echo = z.output<typeof echoed>["choices"][0]["logprobs"];

const SCORELESS = "the server gives no log-probabilities of prompts";
/** What is asked first, to know whether it does. */
const PROBE: ContinuationRequest = { prompt: "1 + 1 =", continuation: " 2" };

/** Bytes of a reply. */
const MOST_REPLY = 64 * 2 ** 20;

export class ServerSubject implements Subject {
  readonly name: string;
  readonly fingerprint: string;
  /** Exchanges of this process and those that were kept, tokens. */
  get usage(): ServerCritic["usage"] {
    return this.critic.usage;
  }
  private readonly critic: ServerCritic;
  private readonly options: ServerSubjectOptions;
  private readonly client: OpenAI;
  private readonly errors: { APIError: typeof APIError };
  private readonly retrier: Retrier;
  /** Why the server scores nothing, once that is known. */
  private scoreless: string | undefined;

  private constructor(
    options: ServerSubjectOptions,
    parts: ServerClient & { critic: ServerCritic },
  ) {
    this.options = options;
    this.name = options.name;
    this.fingerprint = options.fingerprint;
    this.critic = parts.critic;
    this.client = parts.client;
    this.errors = parts.errors;
    this.retrier = new Retrier({ ...RETRIES, ...options.retry }, options.onRetry);
  }

  /**
   * Asks nothing of the server yet.
   * @throws the error of loading the client
   */
  static async create(options: ServerSubjectOptions): Promise<ServerSubject> {
    const opened = await openServerClient(options.settings, {
      timeout: options.timeout,
      mostReply: MOST_REPLY,
    });
    const critic = await ServerCritic.create({ ...options, letters: "auto", letterSamples: 8 });
    return new ServerSubject(options, { critic, ...opened });
  }

  answer(
    requests: readonly AnswerRequest[],
    { signal, onDone }: Hooks = {},
  ): Promise<(SubjectAnswer | NoAnswer)[]> {
    return inParallel(
      requests,
      { limit: this.critic.concurrency, signal, ...(onDone ? { onDone } : {}) },
      async ({ prompt, sample, stopTexts, ...request }): Promise<SubjectAnswer | NoAnswer> => {
        const written = await this.critic.write(
          {
            ...request,
            messages: typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt,
            topP: 1,
            stream: streamOf(prompt, sample),
            ...(stopTexts ? { stopTexts } : {}),
          },
          signal,
        );
        return isRefused(written)
          ? { refused: written.refused }
          : { text: written.text, stopped: written.finish === "stop" };
      },
    );
  }

  /** Asks once, for one short text. */
  async whyScoreless({ signal }: Hooks = {}): Promise<string | undefined> {
    const probed = await this.scoreOne(PROBE, signal);
    if (!("refused" in probed)) return undefined;
    this.scoreless ??= `${SCORELESS}: ${probed.refused}`;
    return this.scoreless;
  }

  /** Every request is refused, with the reason, where the server gives no log-probabilities. */
  score(
    requests: readonly ContinuationRequest[],
    { signal, onDone }: Hooks = {},
  ): Promise<(ContinuationScore | NoAnswer)[]> {
    return inParallel(
      requests,
      { limit: this.critic.concurrency, signal, ...(onDone ? { onDone } : {}) },
      (request) => this.scoreOne(request, signal),
    );
  }

  private async scoreOne(
    request: ContinuationRequest,
    signal: AbortSignal | undefined,
  ): Promise<ContinuationScore | NoAnswer> {
    const never = refusedScore(request);
    if (never) return never;
    const { continuation } = request;
    const prompt = request.prompt as string;
    if (this.scoreless !== undefined) return { refused: this.scoreless };
    const { settings, model, cache } = this.options;
    const body = {
      prompt: `${prompt}${continuation}`,
      echo: true,
      logprobs: 1,
      max_tokens: 1,
      temperature: 0,
    };
    const key = answerKey("server", settings.baseUrl, model, body, prompt.length);
    const refused: { why?: string } = {};
    try {
      const { answer } = await cache.answer<ContinuationScore>(key, {
        accepts: isKeptScore,
        ask: () =>
          this.retrier.run(key, () => this.attempt(body, prompt, { refused, signal }), signal),
      });
      return answer;
    } catch (error) {
      if (refused.why === undefined) throw error;
      return { refused: refused.why };
    }
  }

  private async attempt(
    body: { prompt: string },
    prompt: string,
    { refused, signal }: { refused: { why?: string }; signal: AbortSignal | undefined },
  ): Promise<Attempt<ContinuationScore>> {
    const late = AbortSignal.timeout(this.options.timeout);
    try {
      const reply: unknown = await this.client.completions.create(
        { ...body, model: this.options.model, stream: false } as never,
        { signal: signal === undefined ? late : AbortSignal.any([signal, late]) },
      );
      const read = echoed.safeParse(reply);
      const score = read.success
        ? scoreOf(read.data.choices[0].logprobs, body.prompt, prompt)
        : undefined;
      if (score) return { answer: score };
      this.scoreless = refused.why = SCORELESS;
      throw new AttuneError("network", refused.why);
    } catch (error) {
      signal?.throwIfAborted();
      if (refused.why !== undefined) throw error;
      if (late.aborted) return { again: `no reply within ${this.options.timeout / 1000} s` };
      const fault = judgeServerError(error, {
        errors: this.errors,
        apiKey: this.options.settings.apiKey,
        notThere: "refuses",
      });
      if ("again" in fault) return fault;
      if (fault.status === 404 || fault.status === 405 || /echo|logprobs/i.test(fault.refused))
        this.scoreless = `${SCORELESS}: ${fault.refused}`;
      refused.why = this.scoreless ?? fault.refused;
      throw new AttuneError("network", "the server refused a request", { got: fault.refused });
    }
  }

  close(): Promise<void> {
    return this.critic.close();
  }
}

/** Why no server is asked; undefined where one is. */
export function refusedScore({ prompt, continuation }: ContinuationRequest): NoAnswer | undefined {
  if (typeof prompt !== "string")
    return {
      refused:
        "a server scores plain texts, and the prompt is a conversation, whose template it keeps",
    };
  return continuation === "" ? { refused: "the continuation is empty" } : undefined;
}

/** Undefined where the echo does not reach over the prompt. */
function scoreOf(
  { tokens, token_logprobs: logps, text_offset: offsets, top_logprobs: top }: Echo,
  whole: string,
  prompt: string,
): ContinuationScore | undefined {
  // white space at the prompt's end is a part of the word behind it, as in lm_eval
  const start = prompt.trimEnd().length;
  const own = tokens.flatMap((_, index) =>
    offsets[index]! >= start && offsets[index]! < whole.length ? [index] : [],
  );
  if (own.length === 0 || own.some((index) => typeof logps[index] !== "number")) return undefined;
  return {
    logProbability: own.reduce((sum, index) => sum + logps[index]!, 0),
    tokens: own.length,
    greedy: own.every((index) =>
      Object.values(top?.[index] ?? {}).every((each) => logps[index]! >= each),
    ),
  };
}

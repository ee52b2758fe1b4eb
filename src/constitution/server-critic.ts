/**
 * A critic behind any OpenAI-compatible server, through the `openai` client. Letters are read from
 * `top_logprobs` where the server gives them, and from repeated samples where it does not; which of
 * the two is found out once, by the first request.
 */
import type { APIError, OpenAI } from "openai";
import { z } from "zod";
import { ReplyTooLong } from "../core/bounded-fetch.ts";
import { AttuneError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { Message } from "../text/messages.ts";
import type { AnswerCache } from "./answer-cache.ts";
import { answerKey } from "./answer-cache.ts";
import type {
  Answered,
  Critic,
  LetterRequest,
  Refusal,
  Usage,
  WrittenText,
  WritingRequest,
} from "./critic.ts";
import { isRefused } from "./critic.ts";
import type { LETTER_METHODS } from "../training/online/judge.config.ts";
import type { LetterReading, ReplyPlace } from "./letters.ts";
import { readPlaces, readSamples } from "./letters.ts";
import type { RetryOptions, Attempt } from "./retry.ts";
import { RETRIES, Retrier } from "./retry.ts";
import { openServerClient } from "./server-client.ts";
import { judgeServerError } from "./server-errors.ts";
import type { ServerSettings } from "./server-settings.ts";

/** What a critic behind a server is made of. */
export interface ServerCriticOptions {
  /** Address and key, as `readServerSettings` gives them. */
  settings: ServerSettings;
  /** The name by which the server knows it. */
  model: string;
  /** Where answers are kept; stays open. */
  cache: AnswerCache;
  /** Requests open at once. */
  concurrency: number;
  /** A request that takes longer is given up and tried again. Milliseconds. */
  timeout: number;
  /**
   * How the choice between A and B is read: from log-probabilities, from samples, or (`auto`) from
   * the first where the server gives them.
   */
  letters: (typeof LETTER_METHODS)[number];
  /** Samples a letter is counted from, without log-probabilities. */
  letterSamples: number;
  /** What differs from 8 tries, after 1 to 60 seconds each. */
  retry?: Partial<RetryOptions>;
  /** Before every further try: why, and the milliseconds until then. */
  onRetry?: (why: string, wait: number) => void;
}

const reply = z.object({
  text: z.string(),
  finish: z.string(),
  places: z
    .array(
      z.object({
        token: z.string(),
        logprob: z.number(),
        top: z.array(z.object({ token: z.string(), logprob: z.number() })),
      }),
    )
    .optional(),
  tokens: z.tuple([z.number(), z.number()]).optional(),
  /** What the server says that it ran. */
  served: z.string().optional(),
});
type Reply = z.output<typeof reply>;

/** What is needed of a server's JSON. Numbers may be missing, words may not. */
const listed = z.object({ token: z.string(), logprob: z.number() });
const completion = z.object({
  model: z.string().nullish(),
  system_fingerprint: z.string().nullish(),
  usage: z
    .object({ prompt_tokens: z.number(), completion_tokens: z.number() })
    .nullish()
    .catch(undefined),
  choices: z
    .tuple([
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
        logprobs: z
          .object({
            content: z.array(listed.extend({ top_logprobs: z.array(listed).nullish() })).nullish(),
          })
          .nullish()
          .catch(undefined),
      }),
    ])
    .rest(z.unknown()),
});

type Body = Record<string, unknown> & { messages: unknown };

/** Enough for a letter with marks around it; a reply that is longer is no letter. */
const LETTER_TOKENS = 5;
const TOP_TOKENS = 20;
/**
 * Bytes of a reply: some hundred times what the longest answers with their log-probabilities take.
 */
const MOST_REPLY = 16 * 2 ** 20;

/** A model behind an OpenAI-compatible server as critic. Made by `ServerCritic.create`. */
export class ServerCritic implements Critic {
  readonly name: string;
  readonly concurrency: number;
  readonly letterConcurrency: number;
  readonly usage: Usage = { asked: 0, reused: 0, inputTokens: 0, outputTokens: 0, shortened: 0 };
  private readonly options: ServerCriticOptions;
  private readonly client: OpenAI;
  private readonly errors: { APIError: typeof APIError };
  private readonly retrier: Retrier;
  /** The other name of the limit, which newer servers ask for. */
  private limit: "max_tokens" | "max_completion_tokens" = "max_tokens";
  private method: Promise<"log-probabilities" | "samples"> | undefined;

  private constructor(
    options: ServerCriticOptions,
    client: OpenAI,
    errors: { APIError: typeof APIError },
  ) {
    this.options = options;
    this.client = client;
    this.errors = errors;
    this.name = `${options.model} at ${options.settings.baseUrl}`;
    this.concurrency = options.concurrency;
    this.letterConcurrency = options.concurrency;
    this.retrier = new Retrier({ ...RETRIES, ...options.retry }, options.onRetry);
  }

  /**
   * Opens the client; asks nothing of the server yet.
   * @throws the error of loading the client; a wrong server shows at the first request
   */
  static async create(options: ServerCriticOptions): Promise<ServerCritic> {
    const { client, errors } = await openServerClient(options.settings, {
      timeout: options.timeout,
      mostReply: MOST_REPLY,
    });
    return new ServerCritic(options, client, errors);
  }

  async write(
    { messages, maxNewTokens, temperature, topP, seed, stream, stopTexts = [] }: WritingRequest,
    signal?: AbortSignal,
  ): Promise<Answered<WrittenText>> {
    const body = {
      messages: toServer(messages),
      temperature,
      top_p: topP,
      seed: seedOf(seed, stream),
      ...(stopTexts.length > 0 ? { stop: [...stopTexts] } : {}),
    };
    const { answer, key } = await this.ask(body, { limit: maxNewTokens, signal });
    if (isRefused(answer)) return { ...answer, keys: [key] };
    return {
      text: answer.text,
      finish: answer.finish === "length" ? "length" : "stop",
      keys: [key],
    };
  }

  async readLetters(
    request: LetterRequest,
    signal?: AbortSignal,
  ): Promise<Answered<LetterReading>> {
    const { letters } = this.options;
    if (letters !== "auto")
      return letters === "samples"
        ? this.sampleLetters(request, signal)
        : this.listLetters(request, signal);
    if (this.method !== undefined)
      return (await this.method) === "samples"
        ? this.sampleLetters(request, signal)
        : this.listLetters(request, signal);
    // the first request finds out, and the others wait for it
    const first = this.listLetters(request, signal);
    this.method = first.then((reading) => (unlisted(reading) ? "samples" : "log-probabilities"));
    this.method.catch(() => (this.method = undefined));
    const reading = await first;
    return unlisted(reading) ? this.sampleLetters(request, signal) : reading;
  }

  private async listLetters(
    { messages, seed, stream }: LetterRequest,
    signal: AbortSignal | undefined,
  ): Promise<Answered<LetterReading> & { unlisted?: true }> {
    const body = {
      messages: toServer(messages),
      temperature: 1,
      top_p: 1,
      seed: seedOf(seed, stream),
      logprobs: true,
      top_logprobs: TOP_TOKENS,
    };
    const { answer, key } = await this.ask(body, { limit: LETTER_TOKENS, signal });
    if (isRefused(answer))
      return {
        ...answer,
        keys: [key],
        ...(/logprob/i.test(answer.refused) ? { unlisted: true } : {}),
      };
    if (answer.places === undefined)
      return { method: "log-probabilities", keys: [key], unlisted: true };
    return { ...readPlaces(answer.places), keys: [key] };
  }

  private async sampleLetters(
    { messages, seed, stream }: LetterRequest,
    signal: AbortSignal | undefined,
  ): Promise<Answered<LetterReading>> {
    const replies: string[] = [];
    const keys: string[] = [];
    for (let sample = 0; sample < this.options.letterSamples; sample++) {
      const body = {
        messages: toServer(messages),
        temperature: 1,
        top_p: 1,
        seed: seedOf(seed, [...stream, "letter", sample]),
      };
      const { answer, key } = await this.ask(body, { limit: LETTER_TOKENS, signal, sample });
      keys.push(key);
      if (isRefused(answer)) return { ...answer, keys };
      // a reply that was cut is longer than a letter
      replies.push(answer.finish === "length" ? `${answer.text} ...` : answer.text);
    }
    return { ...readSamples(replies), keys };
  }

  /** One exchange, kept under its key. */
  private async ask(
    body: Body,
    { limit, signal, sample }: { limit: number; signal: AbortSignal | undefined; sample?: number },
  ): Promise<{ answer: Reply | Refusal; key: string }> {
    const { cache, settings, model } = this.options;
    const key = answerKey("server", settings.baseUrl, model, { ...body, limit }, sample ?? null);
    const refused: { why?: string } = {};
    try {
      const { answer, reused } = await cache.answer<Reply>(key, {
        accepts: (kept): kept is Reply => reply.safeParse(kept).success,
        ask: async () =>
          this.retrier.run(key, () => this.attempt(key, body, { limit, signal, refused }), signal),
      });
      this.count(answer, reused);
      return { answer, key };
    } catch (error) {
      if (refused.why === undefined) throw error;
      return { answer: { refused: refused.why }, key };
    }
  }

  private count({ tokens }: Reply, reused: boolean): void {
    if (reused) {
      this.usage.reused++;
      return;
    }
    this.usage.asked++;
    this.usage.inputTokens += tokens?.[0] ?? 0;
    this.usage.outputTokens += tokens?.[1] ?? 0;
  }

  private async attempt(
    key: string,
    body: Body,
    {
      limit,
      signal,
      refused,
    }: { limit: number; signal: AbortSignal | undefined; refused: { why?: string } },
  ): Promise<Attempt<Reply>> {
    const late = AbortSignal.timeout(this.options.timeout);
    try {
      const request = {
        ...body,
        model: this.options.model,
        [this.limit]: limit,
        stream: false,
      } as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
      const options = {
        signal: signal === undefined ? late : AbortSignal.any([signal, late]),
        headers: { "Idempotency-Key": key },
      };
      const answer = readCompletion(await this.client.chat.completions.create(request, options));
      return answer === undefined ? { again: "a reply that is no chat completion" } : { answer };
    } catch (error) {
      signal?.throwIfAborted();
      if (tooLong(error))
        throw new AttuneError("network", "the server sends a reply without an end", {
          got: tooLong(error)!.message,
          hint: "check what listens at the base URL; `attune resume` goes on from what was answered",
          cause: error,
        });
      if (late.aborted) return { again: `no reply within ${this.options.timeout / 1000} s` };
      return this.judge(error, refused);
    }
  }

  /** Try again, give this request up, or give up altogether. */
  private judge(error: unknown, refused: { why?: string }): Attempt<Reply> {
    const { apiKey } = this.options.settings;
    const fault = judgeServerError(error, { errors: this.errors, apiKey, notThere: "ends" });
    if ("again" in fault) return fault;
    if (/max_completion_tokens/.test(fault.refused) && this.limit === "max_tokens") {
      this.limit = "max_completion_tokens";
      return { again: fault.refused, after: 0 };
    }
    refused.why = fault.refused;
    throw new AttuneError("network", "the server refused a request", { got: fault.refused });
  }

  async close(): Promise<void> {
    // the client keeps nothing open
  }
}

/** The client may wrap what the connection threw. */
function tooLong(error: unknown): ReplyTooLong | undefined {
  for (let at = error; at instanceof Error; at = at.cause)
    if (at instanceof ReplyTooLong) return at;
  return undefined;
}

const unlisted = (reading: object): boolean => "unlisted" in reading;

function readCompletion(value: unknown): Reply | undefined {
  const result = completion.safeParse(value);
  if (!result.success) return undefined;
  const { choices, usage, model, system_fingerprint: fingerprint } = result.data;
  const { message, finish_reason: finish, logprobs } = choices[0];
  const places = logprobs?.content?.map(({ token, logprob, top_logprobs: top }): ReplyPlace => ({
    token,
    logprob,
    top: top ?? [],
  }));
  const served = [model, fingerprint].filter((part) => typeof part === "string").join(" ");
  return {
    text: message.content ?? message.refusal ?? "",
    finish: finish ?? "stop",
    // an empty list is none
    ...(places === undefined || places.every(({ top }) => top.length === 0)
      ? {}
      : { places: places.map(({ top, ...place }) => ({ ...place, top: [...top] })) }),
    ...(usage
      ? { tokens: [usage.prompt_tokens, usage.completion_tokens] as [number, number] }
      : {}),
    ...(served === "" ? {} : { served }),
  };
}

/**
 * Texts that some servers' tokenizers take for the end of a turn, broken up by an invisible space.
 */
const CONTROL =
  /<(?=[|｜]|\/?s>|(?:start|end)_of_turn>|end_of_text>|\/?(?:bos|eos|pad)>)|\[(?=\/?INST\])/g;

function toServer(messages: readonly Message[]): { role: string; content: string }[] {
  return messages.map(({ role, content }) => ({
    role,
    content: content.replaceAll(CONTROL, "$&\u200b"),
  }));
}

/** Servers take one number. */
function seedOf(seed: number, stream: readonly (string | number)[]): number {
  return Random.for(seed, ...stream).integer(2 ** 31 - 1);
}

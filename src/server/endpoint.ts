/** One request of either kind, from its JSON to its answer: whole, or as server-sent events. */
import { randomUUID } from "node:crypto";
import { stringifyJson } from "../core/json.ts";
import type { Sampled } from "../sampling/request.ts";
import { TextTooLong } from "../text/pipeline.ts";
import { attuneVersion } from "../runs/versions.ts";
import { ApiError, serverStopping, toApiError } from "./api-error.ts";
import type { EngineRequest, EndSignals, Usage } from "./answering.ts";
import { AdmittedRequest, usageOf } from "./answering.ts";
import { parseBody } from "./body.ts";
import type { EndpointKind, AnswerContext } from "./choices.ts";
import type { SliceQueue } from "./slice-queue.ts";
import { inOneSlice } from "./slice-queue.ts";
import type { Engines } from "./engines.ts";
import type { Grammars } from "./grammars.ts";
import type { RequestWatch, ServerMetrics } from "./metrics.ts";
import type { ChatRequest, TextRequest } from "./parameters.ts";
import { checkTold, tooLong } from "./parameters.ts";
import type { AnswerParser } from "./answer-parser.ts";
import type { TokenTexts } from "./tokens.ts";

export interface EndpointContext {
  engines: Engines;
  slices: SliceQueue;
  grammars: Grammars;
  parser: AnswerParser;
  words: Readonly<Record<"turns" | "texts", TokenTexts>>;
  metrics: ServerMetrics;
  /** Longest answer where a request names none, tokens. */
  maxTokens: number;
  /** Aborted when the server stops. */
  stop: AbortSignal;
  /** Called with errors that no request could have caused. */
  onError: (error: unknown) => void;
  /** What an answered request has used. */
  onUsage?: (usage: Usage) => void;
}

/** What every object of one answer begins with. */
interface Head {
  id: string;
  object: string;
  created: number;
  model: string;
  system_fingerprint: string;
}

/** Who asks. */
export interface Caller {
  /** The address: clients of different ones take turns. */
  client: string;
  /** Aborted when the client has left. */
  left: AbortSignal;
}

/** @throws ApiError */
export async function answer<Request extends ChatRequest | TextRequest>(
  kind: EndpointKind<Request>,
  body: string,
  { caller, context }: { caller: Caller; context: EndpointContext },
): Promise<Response> {
  const { engines, slices, stop, maxTokens: byDefault, metrics } = context;
  const watch = metrics.watch();
  const request = await slices.run(
    inOneSlice(() => kind.read(parseBody(body), engines.limits.room)),
    caller,
  );
  const served = engines.find(request.model);
  kind.check(request, context);
  if (stop.aborted) throw serverStopping();
  const lease = await engines.lease(request.model, {
    answers: kind.answers(request),
    client: caller.client,
  });
  let work: AdmittedRequest;
  try {
    work = new AdmittedRequest(engines, lease, {
      asked: await engineRequest(kind, request, { caller, context }),
      byDefault,
    });
  } catch (error) {
    lease.release();
    throw error;
  }
  const head: Head = {
    id: `${kind.prefix}${randomUUID().replaceAll("-", "")}`,
    object: request.stream ? kind.pieceObject : kind.object,
    created: Math.floor(Date.now() / 1000),
    model: request.model,
    system_fingerprint: `fp_${served.fingerprint.slice(0, 12)}_${attuneVersion()}`,
  };
  const run = { kind, request, work, head, ends: { left: caller.left, stop }, context, watch };
  return request.stream ? streamed(run) : whole(run);
}

async function engineRequest<Request extends ChatRequest | TextRequest>(
  kind: EndpointKind<Request>,
  request: Request,
  { caller, context }: { caller: Caller; context: EndpointContext },
): Promise<EngineRequest> {
  const {
    engines: {
      encoder,
      limits: { room },
    },
    slices,
  } = context;
  const { maxNewTokens, top, promptTop } = kind.limits(request);
  const prompts: Int32Array[] = [];
  try {
    // one after the other, as each of a client's prompts would take a turn of its own
    for (const prompt of kind.prompts(request, encoder, room))
      prompts.push(prompt instanceof Int32Array ? prompt : await slices.run(prompt, caller));
  } catch (error) {
    if (error instanceof TextTooLong) throw tooLong(kind.field, room);
    throw error;
  }
  checkTold(prompts, promptTop);
  if (kind.constrains(request)) await context.grammars.ready();
  const special = prompts.map((prompt) => kind.drawing(request, prompt, { ...context, encoder }));
  const bias = new Map(
    Object.entries(request.logit_bias).map(([id, amount]) => [Number(id), amount]),
  );
  for (const id of bias.keys())
    if (id >= encoder.tokenizer.vocabularySize)
      throw new ApiError(400, `token ids are below ${encoder.tokenizer.vocabularySize}`, {
        param: "logit_bias",
        code: "invalid_value",
      });
  return {
    model: request.model,
    client: caller.client,
    samples: request.n,
    prompts,
    seed: request.seed,
    maxNewTokens,
    promptAlternatives: promptTop,
    field: kind.field,
    drawing: special.map((own) => ({
      temperature: request.temperature,
      topP: request.top_p,
      topK: request.top_k,
      minP: request.min_p,
      stopTexts: request.stop,
      alternatives: top ?? 0,
      frequencyPenalty: request.frequency_penalty,
      presencePenalty: request.presence_penalty,
      repetitionPenalty: request.repetition_penalty,
      bias,
      ...own,
    })),
  };
}

interface Run<Request extends ChatRequest | TextRequest> {
  kind: EndpointKind<Request>;
  request: Request;
  work: AdmittedRequest;
  head: Head;
  ends: EndSignals;
  context: EndpointContext;
  watch: RequestWatch;
}

const tellingOf = <Request extends ChatRequest | TextRequest>({
  kind,
  context: {
    engines: { encoder },
    parser,
    words,
  },
}: Run<Request>): AnswerContext => ({ encoder, parser, words: words[kind.says] });

/** Counts what a request has used, and tells it. */
function settle<Request extends ChatRequest | TextRequest>(
  { work, context, request, watch, kind }: Run<Request>,
  answers: readonly Sampled[],
): Usage {
  const usage = usageOf(work.asked.prompts, answers);
  watch.end();
  context.metrics.used(request.model, usage);
  context.metrics.answered(kind.endpoint, 200);
  context.onUsage?.(usage);
  return usage;
}

async function whole<Request extends ChatRequest | TextRequest>(
  run: Run<Request>,
): Promise<Response> {
  const { kind, request, work, head, ends, watch } = run;
  const answers = await work.run(ends, { onDraw: (_, choice) => watch.token(choice) });
  const { prompts, samples } = work.asked;
  const usage = settle(run, answers);
  const telling = tellingOf(run);
  const choices = answers.map((sampled, index) => {
    const prompt = Math.floor(index / samples);
    return {
      index,
      ...kind.whole(request, sampled, { ...telling, prompt, ids: prompts[prompt]! }),
    };
  });
  return new Response(stringifyJson({ ...head, choices, usage }), {
    headers: { "content-type": "application/json" },
  });
}

const encodeText = new TextEncoder();
const event = (data: string): Uint8Array => encodeText.encode(`data: ${data}\n\n`);

/**
 * Server-sent events. What a slow client has not read yet is kept, at most the answers it asked
 * for. Once the stream has begun, an error is an event, as its status is gone.
 */
function streamed<Request extends ChatRequest | TextRequest>(run: Run<Request>): Response {
  const { ends, context } = run;
  const leaving = new AbortController();
  const leave = (): void => leaving.abort();
  if (ends.left.aborted) leave();
  ends.left.addEventListener("abort", leave, { once: true });
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (data: string): void => {
        if (!leaving.signal.aborted) controller.enqueue(event(data));
      };
      const done = (async () => {
        try {
          await sendPieces({ ...run, ends: { ...ends, left: leaving.signal } }, send);
        } catch (error) {
          const known = toApiError(error);
          if (known !== error) context.onError(error);
          context.metrics.answered(run.kind.endpoint, known.status);
          send(JSON.stringify(known.body));
        }
        send("[DONE]");
        ends.left.removeEventListener("abort", leave);
        if (!leaving.signal.aborted) controller.close();
      })();
      void done.catch(context.onError);
    },
    cancel: leave,
  });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "x-accel-buffering": "no",
    },
  });
}

async function sendPieces<Request extends ChatRequest | TextRequest>(
  run: Run<Request>,
  send: (data: string) => void,
): Promise<void> {
  const { kind, request, work, head, ends, watch } = run;
  const withUsage = request.stream_options?.include_usage ?? false;
  const { prompts, samples } = work.asked;
  const sendChoice = (
    index: number,
    choice: Record<string, unknown>,
    finish_reason: string | null,
  ): void =>
    send(
      stringifyJson({
        ...head,
        choices: [{ index, ...choice, finish_reason }],
        ...(withUsage ? { usage: null } : {}),
      }),
    );
  const telling = tellingOf(run);
  const streams = Array.from({ length: prompts.length * samples }, (_, index) => {
    const prompt = Math.floor(index / samples);
    const asked = { prompt, ids: prompts[prompt]! };
    const opening = kind.opening(request, asked, telling);
    if (opening && !opening.late) sendChoice(index, opening.choice(), null);
    return {
      voice: kind.streamChoice(request, { ...telling, ...asked }),
      late: opening?.late ? opening.choice : undefined,
      characters: 0,
      tokens: 0,
    };
  });
  const counts = kind.limits(request).top !== undefined;
  const open = (sampled: Sampled, index: number): (typeof streams)[number] => {
    const stream = streams[index]!;
    if (stream.late) sendChoice(index, stream.late(sampled), null);
    stream.late = undefined;
    return stream;
  };
  const answers = await work.run(ends, {
    onDraw: (_, index) => watch.token(index),
    onToken: (sampled, index) => {
      const stream = open(sampled, index);
      const text = sampled.text.slice(stream.characters);
      if (text === "") return;
      const to = counts ? Math.max(stream.tokens, telling.words.within(sampled)) : 0;
      const piece = stream.voice.piece({
        answer: sampled,
        text,
        behind: stream.characters,
        from: stream.tokens,
        to,
      });
      if (piece === undefined) return;
      sendChoice(index, piece, null);
      stream.characters = sampled.text.length;
      stream.tokens = to;
    },
    onAnswer: (sampled, index) => {
      const stream = open(sampled, index);
      if (sampled.finish === "cancelled") return;
      const { rest, finish } = stream.voice.end({
        answer: sampled,
        behind: stream.characters,
        from: stream.tokens,
        to: counts ? telling.words.within(sampled) : 0,
      });
      for (const each of rest) sendChoice(index, each, null);
      sendChoice(index, kind.closing, finish);
    },
  });
  const usage = settle(run, answers);
  if (withUsage) send(stringifyJson({ ...head, choices: [], usage }));
}

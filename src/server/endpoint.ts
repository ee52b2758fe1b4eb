/** One request of either kind, from its JSON to its answer: whole, or as server-sent events. */
import { randomUUID } from "node:crypto";
import { stringifyJson } from "../core/json.ts";
import type { Sampled } from "../sampling/engine.ts";
import { attuneVersion } from "../runs/versions.ts";
import { ApiError, stopping, toApiError } from "./api-error.ts";
import type { Ends, Usage } from "./answering.ts";
import { Answering, usageOf } from "./answering.ts";
import type { Kind } from "./choices.ts";
import { askedOf } from "./choices.ts";
import type { Engines } from "./engines.ts";
import type { ChatRequest, TextRequest } from "./parameters.ts";
import { tokensInText } from "./tokens.ts";

export interface EndpointContext {
  engines: Engines;
  /** Longest answer where a request names none, tokens. */
  maxTokens: number;
  /** The server stops. */
  stop: AbortSignal;
  /** What nobody could have caused by a request. */
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

const finishOf = ({ finish }: Sampled): "stop" | "length" => (finish === "stop" ? "stop" : "length");

/** @throws ApiError */
export async function answer<Request extends ChatRequest | TextRequest>(kind: Kind<Request>, body: unknown, { left, context }: { left: AbortSignal; context: EndpointContext }): Promise<Response> {
  const { engines, stop, maxTokens } = context;
  const request = kind.read(body);
  const served = engines.find(request.model);
  if (stop.aborted) throw stopping();
  const lease = await engines.lease(request.model, kind.answers(request));
  let work: Answering;
  try {
    work = new Answering(engines, lease, { asked: askedOf(kind, request, engines.encoder), byDefault: maxTokens });
    // refused before a stream has begun
    kind.opening(request, 0);
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
  const run = { kind, request, work, head, ends: { left, stop }, context };
  return request.stream ? streamed(run) : whole(run);
}

interface Run<Request extends ChatRequest | TextRequest> {
  kind: Kind<Request>;
  request: Request;
  work: Answering;
  head: Head;
  ends: Ends;
  context: EndpointContext;
}

async function whole<Request extends ChatRequest | TextRequest>({ kind, request, work, head, ends, context }: Run<Request>): Promise<Response> {
  const answers = await work.run(ends);
  const { prompts, samples } = work.asked;
  const usage = usageOf(prompts, answers);
  context.onUsage?.(usage);
  const choices = answers.map((sampled, index) => ({
    index,
    ...kind.whole(request, sampled, { encoder: context.engines.encoder, prompt: Math.floor(index / samples) }),
    finish_reason: finishOf(sampled),
  }));
  return new Response(stringifyJson({ ...head, choices, usage }), { headers: { "content-type": "application/json" } });
}

const encodeText = new TextEncoder();
const event = (data: string): Uint8Array => encodeText.encode(`data: ${data}\n\n`);

/**
 * Server-sent events. What a slow client has not read yet is kept, at most the answers it asked for. Once the stream has begun, an
 * error is an event, as its status is gone.
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
  return new Response(body, { headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", "x-accel-buffering": "no" } });
}

async function sendPieces<Request extends ChatRequest | TextRequest>({ kind, request, work, head, ends, context }: Run<Request>, send: (data: string) => void): Promise<void> {
  const { engines } = context;
  const { encoder } = engines;
  const withUsage = request.stream_options?.include_usage ?? false;
  const sendChoice = (index: number, choice: Record<string, unknown>, finish_reason: string | null): void =>
    send(stringifyJson({ ...head, choices: [{ index, ...choice, finish_reason }], ...(withUsage ? { usage: null } : {}) }));
  const { prompts, samples } = work.asked;
  for (let index = 0; index < prompts.length * samples; index++) {
    const opening = kind.opening(request, Math.floor(index / samples));
    if (opening) sendChoice(index, opening, null);
  }
  const counts = kind.limits(request).top !== undefined;
  const sent = new Map<number, { characters: number; tokens: number }>();
  const answers = await work.run(ends, {
    onToken: (sampled, index) => {
      const before = sent.get(index) ?? { characters: 0, tokens: 0 };
      const text = sampled.text.slice(before.characters);
      if (text === "") return;
      const to = counts ? Math.max(before.tokens, tokensInText(sampled, encoder)) : 0;
      sendChoice(index, kind.piece(request, { answer: sampled, text, from: before.tokens, to }, encoder), null);
      sent.set(index, { characters: sampled.text.length, tokens: to });
    },
    onAnswer: (sampled, index) => {
      if (sampled.finish !== "cancelled") sendChoice(index, kind.closing(), finishOf(sampled));
    },
  });
  const usage = usageOf(prompts, answers);
  context.onUsage?.(usage);
  if (withUsage) send(stringifyJson({ ...head, choices: [], usage }));
}

/** The JSON of a request's body. @throws ApiError 400 */
export function parseBody(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ApiError(400, "the body is no JSON", { code: "invalid_json" });
  }
}

/** Asks one model over OpenAI's protocol for streams; of what comes back, texts alone go on. */
import { z } from "zod";
import type { ModelAddress } from "./model-host.ts";
import { ModelError } from "./model-host.ts";
import type { Sampling } from "./sampling.config.ts";

export interface Turn {
  role: "user" | "assistant";
  content: string;
}

/** Why an answer ended by itself. */
export type Finish = "stop" | "length";

const chunk = z.object({
  choices: z.array(
    z.object({
      delta: z.object({ content: z.string().nullish() }).optional(),
      finish_reason: z.string().nullish(),
    }),
  ),
});
const failure = z.object({ error: z.object({ message: z.string() }) });

/** OpenAI's code for a prompt and an answer that do not fit together. */
const TOO_LONG = "context_length_exceeded";
/** Characters of a line of a stream. */
const LONGEST_LINE = 4 * 2 ** 20;
/** Characters of an answer: no model here writes more tokens than that. */
const LONGEST_ANSWER = 2 ** 20;

/**
 * Yields the answer piece by piece.
 * @returns why it ended
 * @throws ModelError with what the server said, which may name the model
 */
export async function* streamAnswer(
  address: ModelAddress,
  turns: readonly Turn[],
  { sampling, seed, signal }: Asking,
): AsyncGenerator<string, Finish> {
  const response = await ask(address, turns, { sampling, seed, signal });
  const { body } = response;
  if (body === null) throw new ModelError("it answered nothing");
  let finish: Finish | undefined;
  let length = 0;
  for await (const data of eventData(body, signal)) {
    if (data === "[DONE]") break;
    const failed = messageOf(data);
    if (failed !== undefined) throw new ModelError(failed);
    const parsed = chunk.safeParse(json(data));
    if (!parsed.success) throw new ModelError("it answered with something that is no answer");
    const [choice] = parsed.data.choices;
    const text = choice?.delta?.content ?? "";
    length += text.length;
    if (length > LONGEST_ANSWER) throw new ModelError("it does not stop answering");
    if (text !== "") yield text;
    const reason = choice?.finish_reason;
    if (reason !== undefined && reason !== null) finish = reason === "length" ? "length" : "stop";
  }
  if (finish === undefined) throw new ModelError("it broke off in the middle of its answer");
  return finish;
}

interface Asking {
  sampling: Sampling;
  seed: number;
  signal: AbortSignal;
}

/**
 * Where so long an answer does not fit into the model's context, one as long as fits: the server's
 * own default is no less than what is asked for here.
 */
async function ask(
  address: ModelAddress,
  turns: readonly Turn[],
  { sampling, seed, signal }: Asking,
): Promise<Response> {
  const { system, temperature, topP, maxTokens } = sampling;
  const body = {
    model: address.name,
    messages: [...(system === "" ? [] : [{ role: "system", content: system }]), ...turns],
    temperature,
    top_p: topP,
    seed,
    stream: true,
  };
  const first = await post(address, { ...body, max_tokens: maxTokens }, signal);
  if (first.ok) return first;
  const said = await first.text();
  const again = said.includes(TOO_LONG) ? await post(address, body, signal) : undefined;
  if (again?.ok) return again;
  const why = again === undefined ? said : await again.text();
  throw new ModelError(messageOf(why) ?? `it answered ${(again ?? first).status}`);
}

const post = (address: ModelAddress, body: object, signal: AbortSignal): Promise<Response> =>
  fetch(`${address.baseUrl}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${address.token}` },
    body: JSON.stringify(body),
    signal,
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new ModelError(`the model's process is not reached: ${causeOf(error)}`);
  });

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function messageOf(text: string): string | undefined {
  const parsed = failure.safeParse(json(text));
  return parsed.success ? parsed.data.error.message : undefined;
}

const causeOf = (error: unknown): string => {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message : message;
};

/** The data of server-sent events. @throws ModelError where the stream breaks */
async function* eventData(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const piece of body) {
      const lines = (rest + decoder.decode(piece, { stream: true })).split(/\r?\n/);
      rest = lines.pop()!;
      if (rest.length > LONGEST_LINE) throw new ModelError("a line of its answer does not end");
      for (const line of lines) if (line.startsWith("data:")) yield line.slice(5).trimStart();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof ModelError
      ? error
      : new ModelError(`its answer was cut off: ${causeOf(error)}`);
  }
}

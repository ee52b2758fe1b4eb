/**
 * The two kinds of answer objects: chat completions and completions, whole and in pieces. Each kind says how a request becomes prompts,
 * and how an answer becomes a choice; what they share (streams, usage) is in `endpoint.ts`.
 */
import type { Sampled } from "../sampling/engine.ts";
import type { Encoder } from "../text/encoder.ts";
import type { Message } from "../text/messages.ts";
import { ApiError } from "./api-error.ts";
import type { Asked } from "./answering.ts";
import type { ChatRequest, TextRequest } from "./parameters.ts";
import { promptCount, readChatRequest, readTextRequest } from "./parameters.ts";
import { chatLogprobs, textLogprobs, tokensInText } from "./tokens.ts";

/** A piece of an answer: what came since the last one. */
export interface Piece {
  answer: Sampled;
  text: string;
  /** Tokens from one to before another. */
  from: number;
  to: number;
}

type Json = Record<string, unknown>;

/** An endpoint's kind of answers. */
export interface Kind<Request extends ChatRequest | TextRequest> {
  /** What identifiers begin with, and what objects are called, whole and in pieces. */
  readonly prefix: string;
  readonly object: string;
  readonly pieceObject: string;
  read(body: unknown): Request;
  /** Answers that are asked for, known before anything is encoded. */
  answers(request: Request): number;
  prompts(request: Request, encoder: Encoder): Int32Array[];
  /** Longest answer, and tokens to list at each place; undefined for no log-probabilities. */
  limits(request: Request): { maxNewTokens: number | undefined; top: number | undefined };
  /** What comes before an answer's first token; undefined for nothing. */
  opening(request: Request, prompt: number): Json | undefined;
  piece(request: Request, piece: Piece, encoder: Encoder): Json;
  closing(): Json;
  whole(request: Request, answer: Sampled, context: { encoder: Encoder; prompt: number }): Json;
}

export function askedOf<Request extends ChatRequest | TextRequest>(kind: Kind<Request>, request: Request, encoder: Encoder): Asked {
  const { model, n: samples, temperature, top_p: topP, stop: stopTexts, seed } = request;
  const { maxNewTokens, top } = kind.limits(request);
  return { model, samples, prompts: kind.prompts(request, encoder), temperature, topP, stopTexts, seed, maxNewTokens, alternatives: top ?? 0 };
}

/** Templates know no developer; OpenAI's own models read one as they read a system message. */
const toMessage = ({ role, content }: ChatRequest["messages"][number]): Message => ({ role: role === "developer" ? "system" : role, content });

export const CHAT: Kind<ChatRequest> = {
  prefix: "chatcmpl-",
  object: "chat.completion",
  pieceObject: "chat.completion.chunk",
  read: readChatRequest,
  answers: ({ n }) => n,
  prompts: ({ messages }, encoder) => [encoder.encodePrompt(messages.map(toMessage))],
  limits: ({ max_completion_tokens, max_tokens, logprobs, top_logprobs = 0 }) => ({ maxNewTokens: max_completion_tokens ?? max_tokens, top: logprobs ? top_logprobs : undefined }),
  opening: () => ({ delta: { role: "assistant", content: "" }, logprobs: null }),
  piece: (request, piece, encoder) => ({ delta: { content: piece.text }, logprobs: chatPlaces(request, piece, encoder) }),
  closing: () => ({ delta: {}, logprobs: null }),
  whole: (request, answer, { encoder }) => ({
    message: { role: "assistant", content: answer.text, refusal: null },
    logprobs: request.logprobs ? chatPlaces(request, { answer, text: answer.text, from: 0, to: tokensInText(answer, encoder) }, encoder) : null,
  }),
};

function chatPlaces({ logprobs, top_logprobs: top = 0 }: ChatRequest, { answer, from, to }: Piece, encoder: Encoder): Json | null {
  return logprobs ? { content: chatLogprobs(answer, encoder.tokenizer, { from, to, top }), refusal: null } : null;
}

export const TEXT: Kind<TextRequest> = {
  prefix: "cmpl-",
  object: "text_completion",
  pieceObject: "text_completion",
  read: readTextRequest,
  answers: ({ n, prompt }) => n * promptCount(prompt),
  prompts: textPrompts,
  limits: ({ max_tokens, logprobs }) => ({ maxNewTokens: max_tokens, top: logprobs }),
  opening: (request, prompt) => (request.echo ? { text: echoed(request, prompt), logprobs: null } : undefined),
  piece: (request, piece, encoder) => ({ text: piece.text, logprobs: textPlaces(request, piece, encoder) }),
  closing: () => ({ text: "", logprobs: null }),
  whole: (request, answer, { encoder, prompt }) => ({
    text: `${request.echo ? echoed(request, prompt) : ""}${answer.text}`,
    logprobs: request.logprobs === undefined ? null : textPlaces(request, { answer, text: answer.text, from: 0, to: tokensInText(answer, encoder) }, encoder),
  }),
};

function textPlaces({ logprobs: top }: TextRequest, { answer, from, to }: Piece, encoder: Encoder): unknown {
  return top === undefined ? null : textLogprobs(answer, encoder, { from, to, top });
}

/** The prompts of a request, each a text or ids. */
function promptList({ prompt }: Pick<TextRequest, "prompt">): (string | number[])[] {
  if (typeof prompt === "string" || typeof prompt[0] === "number") return [prompt as string | number[]];
  return prompt as string[] | number[][];
}

function textPrompts(request: TextRequest, encoder: Encoder): Int32Array[] {
  const { vocabularySize } = encoder.tokenizer;
  return promptList(request).map((prompt) => {
    if (typeof prompt === "string") return encoder.encodePrompt(prompt, { plain: true });
    if (prompt.some((id) => id >= vocabularySize)) throw new ApiError(400, `token ids are below ${vocabularySize}`, { param: "prompt", code: "invalid_value" });
    return Int32Array.from(prompt);
  });
}

function echoed(request: TextRequest, index: number): string {
  const prompt = promptList(request)[index]!;
  if (typeof prompt === "string") return prompt;
  throw new ApiError(400, "echo is for prompts that are texts", { param: "echo", code: "unsupported_parameter" });
}

/**
 * The two kinds of answer objects: chat completions and completions, whole and in pieces. Each kind says how a request becomes prompts,
 * and how an answer becomes a choice; what they share (streams, usage) is in `endpoint.ts`.
 */
import type { AnswerOptions } from "../sampling/answer.ts";
import type { Sampled } from "../sampling/engine.ts";
import type { Encoder } from "../text/encoder.ts";
import type { Message } from "../text/messages.ts";
import type { Slices } from "../text/pipeline.ts";
import { ApiError } from "./api-error.ts";
import type { Grammars } from "./grammars.ts";
import { toMessage } from "./message-schema.ts";
import type { ChatRequest, PromptField, TextRequest } from "./parameters.ts";
import { promptCount, readChatRequest, readTextRequest } from "./parameters.ts";
import type { SpokenTokens } from "./tokens.ts";
import { answerPlaces, chatLogprobs, promptPlaces, textLogprobs } from "./tokens.ts";

/** A piece of an answer: what came since the last one. */
export interface Piece {
  answer: Sampled;
  text: string;
  /** Characters of the answer before it. */
  behind: number;
  /** Tokens from one to before another. */
  from: number;
  to: number;
}

export type Json = Record<string, unknown>;

/** What answers are told with. */
export interface Telling {
  encoder: Encoder;
  spoken: SpokenTokens;
}

/** A prompt of a request, by its number, and its ids. */
export interface Asked {
  prompt: number;
  ids: Int32Array;
}

/** An endpoint's kind of answers. */
export interface Kind<Request extends ChatRequest | TextRequest> {
  /** What identifiers begin with, and what objects are called, whole and in pieces. */
  readonly prefix: string;
  readonly object: string;
  readonly pieceObject: string;
  readonly endpoint: string;
  readonly field: PromptField;
  read(body: unknown, room: number): Request;
  /** Answers that are asked for, known before anything is encoded. */
  answers(request: Request): number;
  /** Each with at most so many ids. */
  prompts(request: Request, encoder: Encoder, limit: number): (Int32Array | Slices<Int32Array>)[];
  /** How answers are drawn, beyond what both endpoints have. @throws ApiError 400 */
  drawing(request: Request, grammars: Grammars): Partial<AnswerOptions>;
  /** Longest answer, and tokens to list at each place; undefined for no log-probabilities. */
  limits(request: Request): { maxNewTokens: number | undefined; top: number | undefined; promptTop: number | undefined };
  /** What comes before an answer's first token; undefined for nothing. `late` where it needs the scores of the prompt. */
  opening(request: Request, asked: Asked, telling: Telling): { late: boolean; choice: (answer?: Sampled) => Json } | undefined;
  piece(request: Request, piece: Piece, telling: Telling & Asked): Json;
  closing(): Json;
  whole(request: Request, answer: Sampled, telling: Telling & Asked): Json;
}

/** Templates know no developer; OpenAI's own models read one as they read a system message. */
const asSystem = (message: Message): Message => (message.role === "developer" ? { ...message, role: "system" } : message);

export const CHAT: Kind<ChatRequest> = {
  prefix: "chatcmpl-",
  object: "chat.completion",
  pieceObject: "chat.completion.chunk",
  endpoint: "chat/completions",
  field: "messages",
  read: readChatRequest,
  answers: ({ n }) => n,
  prompts({ messages, chat_template_kwargs: templateArguments }, encoder, limit) {
    return [encoder.encodePromptSlices(messages.map((each) => asSystem(toMessage(each))), { templateArguments }, { limit })];
  },
  drawing: ({ response_format: format }, grammars) => (format.type === "text" ? {} : { constrain: grammars.constraint(format.type === "json_schema" ? format.json_schema.schema : undefined) }),
  limits: ({ max_completion_tokens, max_tokens, logprobs, top_logprobs = 0 }) => ({ maxNewTokens: max_completion_tokens ?? max_tokens, top: logprobs ? top_logprobs : undefined, promptTop: undefined }),
  opening: () => ({ late: false, choice: () => ({ delta: { role: "assistant", content: "" }, logprobs: null }) }),
  piece: (request, piece, { spoken }) => ({ delta: { content: piece.text }, logprobs: chatPlaces(request, piece, spoken) }),
  closing: () => ({ delta: {}, logprobs: null }),
  whole: (request, answer, { spoken }) => ({
    message: { role: "assistant", content: answer.text, refusal: null },
    logprobs: chatPlaces(request, { answer, from: 0, to: request.logprobs ? spoken.within(answer) : 0 }, spoken),
  }),
};

function chatPlaces({ logprobs, top_logprobs: top = 0 }: ChatRequest, { answer, from, to }: Pick<Piece, "answer" | "from" | "to">, spoken: SpokenTokens): Json | null {
  return logprobs ? { content: chatLogprobs(answer, spoken, { from, to, top }), refusal: null } : null;
}

export const TEXT: Kind<TextRequest> = {
  prefix: "cmpl-",
  object: "text_completion",
  pieceObject: "text_completion",
  endpoint: "completions",
  field: "prompt",
  read: readTextRequest,
  answers: ({ n, prompt }) => n * promptCount(prompt),
  prompts: textPrompts,
  drawing: () => ({ continues: true }),
  limits: ({ max_tokens, logprobs, echo }) => ({ maxNewTokens: max_tokens, top: logprobs, promptTop: echo ? logprobs : undefined }),
  opening(request, asked, telling) {
    if (!request.echo) return undefined;
    const { logprobs: top } = request;
    const text = echoed(request, asked, telling);
    return { late: top !== undefined, choice: (answer) => ({ text, logprobs: top === undefined || !answer ? null : textLogprobs(promptPlaces(asked.ids, answer.promptScores!), telling.spoken, { top, offset: 0 }) }) };
  },
  piece: (request, { answer, text, behind, from, to }, telling) => ({
    text,
    logprobs: request.logprobs === undefined ? null : textLogprobs(answerPlaces(answer, from, to), telling.spoken, { top: request.logprobs, offset: behind + (request.echo ? echoed(request, telling, telling).length : 0) }),
  }),
  closing: () => ({ text: "", logprobs: null }),
  whole(request, answer, telling) {
    const text = request.echo ? echoed(request, telling, telling) : "";
    return { text: `${text}${answer.text}`, logprobs: wholePlaces(request, answer, { ...telling, offset: text.length }) };
  },
};

/** With the prompt, the token that ends an answer is listed too: evaluations count on one place for each token that they asked for. */
function wholePlaces({ logprobs: top, echo }: TextRequest, answer: Sampled, { spoken, ids, offset }: Telling & Asked & { offset: number }): Json | null {
  if (top === undefined) return null;
  if (!echo) return { ...textLogprobs(answerPlaces(answer, 0, spoken.within(answer)), spoken, { top, offset }) };
  const before = textLogprobs(promptPlaces(ids, answer.promptScores!), spoken, { top, offset: 0 });
  const after = textLogprobs(answerPlaces(answer, 0, answer.ids.length), spoken, { top, offset });
  return Object.fromEntries(Object.entries(before).map(([key, list]) => [key, [...(list as unknown[]), ...(after[key as keyof typeof after] as unknown[])]]));
}

/** The prompts of a request, each a text or ids. */
function promptList({ prompt }: Pick<TextRequest, "prompt">): (string | number[])[] {
  if (typeof prompt === "string" || typeof prompt[0] === "number") return [prompt as string | number[]];
  return prompt as string[] | number[][];
}

function textPrompts(request: TextRequest, encoder: Encoder, limit: number): (Int32Array | Slices<Int32Array>)[] {
  const { vocabularySize } = encoder.tokenizer;
  return promptList(request).map((prompt) => {
    if (typeof prompt === "string") return encoder.encodePromptSlices(prompt, { plain: true }, { limit });
    if (prompt.some((id) => id >= vocabularySize)) throw new ApiError(400, `token ids are below ${vocabularySize}`, { param: "prompt", code: "invalid_value" });
    return Int32Array.from(prompt);
  });
}

/** A prompt as it was given; ids as the text that they are. */
function echoed(request: TextRequest, { prompt, ids }: Asked, { encoder }: Telling): string {
  const given = promptList(request)[prompt]!;
  return typeof given === "string" ? given : encoder.tokenizer.decode([...ids], { skipSpecial: true, continues: true });
}

/**
 * The two kinds of answer objects: chat completions and completions, whole and in pieces. Each kind
 * says how a request becomes prompts, and how an answer becomes a choice; what they share (streams,
 * usage) is in `endpoint.ts`.
 */
import type { AnswerOptions } from "../sampling/answer.ts";
import type { Sampled } from "../sampling/request.ts";
import type { Encoder } from "../text/encoder.ts";
import type { Slices } from "../text/slices.ts";
import { ApiError } from "./api-error.ts";
import type { Grammars } from "./grammars.ts";
import { toMessage } from "./message-schema.ts";
import type { ChatRequest, PromptField, TextRequest } from "./parameters.ts";
import { promptCount, readChatRequest, readTextRequest } from "./parameters.ts";
import type { AnswerDelta, ParsingRules, AnswerParser } from "./answer-parser.ts";
import type { TokenTexts } from "./tokens.ts";
import { answerTokenPlaces, chatLogprobs, promptTokenPlaces, textLogprobs } from "./tokens.ts";
import { callRules, checkTools } from "./tool-requests.ts";

/** What came of an answer since the last piece of it. */
export interface AnswerPiece {
  answer: Sampled;
  text: string;
  /** Characters of the answer before it. */
  behind: number;
  /** Tokens from one to before another. */
  from: number;
  to: number;
}

export type Json = Record<string, unknown>;
type FinishReason = "stop" | "length" | "tool_calls";

/** What is needed to write an answer as JSON. */
export interface AnswerContext {
  encoder: Encoder;
  parser: AnswerParser;
  /** Tokens as texts. */
  words: TokenTexts;
}

/** A prompt of a request, by its number, and its ids. */
export interface NumberedPrompt {
  prompt: number;
  ids: Int32Array;
}

/** Writes one answer as JSON, piece by piece, while it grows. */
export interface ChoiceStream {
  /** Undefined where what came must wait for more; the next piece then holds it too. */
  piece(piece: AnswerPiece): Json | undefined;
  /** What was left, and why the answer ended. */
  end(piece: Omit<AnswerPiece, "text">): { rest: Json[]; finish: FinishReason };
}

/** An endpoint's kind of answers. */
export interface EndpointKind<Request extends ChatRequest | TextRequest> {
  /** What identifiers begin with, and what objects are called, whole and in pieces. */
  readonly prefix: string;
  readonly object: string;
  readonly pieceObject: string;
  readonly endpoint: string;
  readonly field: PromptField;
  /** Whether answers are turns, whose marks of calls and thoughts are part of the text. */
  readonly says: "turns" | "texts";
  read(body: unknown, room: number): Request;
  /** @throws ApiError 400 where the model cannot do what is asked */
  check(request: Request, context: { parser: AnswerParser; grammars: Grammars }): void;
  /** Answers that are asked for, known before anything is encoded. */
  answers(request: Request): number;
  /** The request's prompts as ids, each at most `limit` long. */
  prompts(request: Request, encoder: Encoder, limit: number): (Int32Array | Slices<Int32Array>)[];
  /** Whether answers are held to a grammar. */
  constrains(request: Request): boolean;
  /** How answers to a prompt are drawn, beyond what both endpoints have. @throws ApiError 400 */
  drawing(
    request: Request,
    prompt: Int32Array,
    context: { parser: AnswerParser; grammars: Grammars; encoder: Encoder },
  ): Partial<AnswerOptions>;
  /** Longest answer, and tokens to list at each place; undefined for no log-probabilities. */
  limits(request: Request): {
    maxNewTokens: number | undefined;
    top: number | undefined;
    promptTop: number | undefined;
  };
  /**
   * What comes before an answer's first token; undefined for nothing. `late` where it needs the
   * scores of the prompt.
   */
  opening(
    request: Request,
    asked: NumberedPrompt,
    telling: AnswerContext,
  ): { late: boolean; choice: (answer?: Sampled) => Json } | undefined;
  streamChoice(request: Request, telling: AnswerContext & NumberedPrompt): ChoiceStream;
  /** The last piece of an answer, with its reason. */
  readonly closing: Json;
  whole(
    request: Request,
    answer: Sampled,
    telling: AnswerContext & NumberedPrompt,
  ): Json & { finish_reason: FinishReason };
}

const finishOf = ({ finish }: Sampled): "stop" | "length" =>
  finish === "stop" ? "stop" : "length";

/** How the answers to a prompt are read. */
const readingOf = (
  { tools, tool_choice: choice, parallel_tool_calls: several }: ChatRequest,
  parser: AnswerParser,
  prompt: Int32Array,
): ParsingRules => ({
  calls: tools.length === 0 || choice === "none" ? "none" : several ? "all" : "one",
  openThought: parser.opensThought(prompt),
});

export const CHAT: EndpointKind<ChatRequest> = {
  prefix: "chatcmpl-",
  object: "chat.completion",
  pieceObject: "chat.completion.chunk",
  endpoint: "chat/completions",
  field: "messages",
  says: "turns",
  read: readChatRequest,
  check: checkTools,
  answers: ({ n }) => n,
  prompts(
    { messages, tools, tool_choice: choice, chat_template_kwargs: templateArguments },
    encoder,
    limit,
  ) {
    const shown = tools.length === 0 || choice === "none" ? {} : { tools };
    return [
      encoder.encodePromptSlices(
        messages.map(toMessage),
        { ...shown, templateArguments },
        { limit },
      ),
    ];
  },
  constrains: (request) =>
    request.response_format.type !== "text" || callRules(request) !== undefined,
  drawing(request, prompt, { parser, grammars }) {
    const { response_format: format } = request;
    const openThought = parser.opensThought(prompt);
    const decode = parser.reader.marks.length > 0 ? { decode: parser.decode } : {};
    const rules = callRules(request);
    if (rules) return { ...decode, constrain: grammars.calls({ ...rules, openThought }) };
    if (format.type === "text") return decode;
    return {
      ...decode,
      constrain: grammars.json(
        format.type === "json_schema" ? format.json_schema.schema : undefined,
        { openThought },
      ),
    };
  },
  limits: ({ max_completion_tokens, max_tokens, logprobs, top_logprobs = 0 }) => ({
    maxNewTokens: max_completion_tokens ?? max_tokens,
    top: logprobs ? top_logprobs : undefined,
    promptTop: undefined,
  }),
  opening: () => ({
    late: false,
    choice: () => ({ delta: { role: "assistant", content: "" }, logprobs: null }),
  }),
  streamChoice: chatVoice,
  closing: { delta: {}, logprobs: null },
  whole(request, answer, { parser, words, ids }) {
    const { content, reasoning, calls } = parser.read(answer.text, readingOf(request, parser, ids));
    return {
      message: {
        role: "assistant",
        content: content === "" && calls.length > 0 ? null : content,
        refusal: null,
        ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
        ...(calls.length === 0 ? {} : { tool_calls: calls }),
      },
      logprobs: chatPlaces(
        request,
        { answer, from: 0, to: request.logprobs ? words.within(answer) : 0 },
        words,
      ),
      finish_reason: calls.length > 0 ? "tool_calls" : finishOf(answer),
    };
  },
};

function chatVoice(
  request: ChatRequest,
  { parser, words, ids }: AnswerContext & NumberedPrompt,
): ChoiceStream {
  const listener = parser.parseGrowing(readingOf(request, parser, ids));
  const delta = ({ content, reasoning }: AnswerDelta): Json => ({
    ...(content === "" ? {} : { content }),
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
  });
  return {
    piece(piece) {
      const heard = listener.read(piece.answer.text);
      return heard.content === "" && heard.reasoning === ""
        ? undefined
        : { delta: delta(heard), logprobs: chatPlaces(request, piece, words) };
    },
    end(piece) {
      const { calls, ...heard } = listener.end(piece.answer.text);
      const deltas = [
        ...(heard.content === "" && heard.reasoning === "" ? [] : [delta(heard)]),
        ...calls.map((call, index) => ({ tool_calls: [{ index, ...call }] })),
      ];
      const logprobs = piece.from < piece.to ? chatPlaces(request, piece, words) : null;
      return {
        rest: deltas.map((each, index) => ({
          delta: each,
          logprobs: index === 0 ? logprobs : null,
        })),
        finish: calls.length > 0 ? "tool_calls" : finishOf(piece.answer),
      };
    },
  };
}

function chatPlaces(
  { logprobs, top_logprobs: top = 0 }: ChatRequest,
  { answer, from, to }: Pick<AnswerPiece, "answer" | "from" | "to">,
  words: TokenTexts,
): Json | null {
  return logprobs
    ? { content: chatLogprobs(answer, words, { from, to, top }), refusal: null }
    : null;
}

export const TEXT: EndpointKind<TextRequest> = {
  prefix: "cmpl-",
  object: "text_completion",
  pieceObject: "text_completion",
  endpoint: "completions",
  field: "prompt",
  says: "texts",
  read: readTextRequest,
  check: () => undefined,
  answers: ({ n, prompt }) => n * promptCount(prompt),
  prompts: textPrompts,
  constrains: () => false,
  drawing: (_request, _prompt, { encoder: { tokenizer } }) => ({
    decode: (ids) => tokenizer.decode(ids, { skipSpecial: true, continues: true }),
  }),
  limits: ({ max_tokens, logprobs, echo }) => ({
    maxNewTokens: max_tokens,
    top: logprobs,
    promptTop: echo ? logprobs : undefined,
  }),
  opening(request, asked, telling) {
    if (!request.echo) return undefined;
    const { logprobs: top } = request;
    const text = echoed(request, asked, telling);
    return {
      late: top !== undefined,
      choice: (answer) => ({
        text,
        logprobs:
          top === undefined || !answer
            ? null
            : textLogprobs(promptTokenPlaces(asked.ids, answer.promptScores!), telling.words, {
                top,
                offset: 0,
              }),
      }),
    };
  },
  closing: { text: "", logprobs: null },
  streamChoice(request, telling) {
    const { logprobs: top } = request;
    const before = request.echo ? echoed(request, telling, telling).length : 0;
    return {
      piece: ({ answer, text, behind, from, to }) => ({
        text,
        logprobs:
          top === undefined
            ? null
            : textLogprobs(answerTokenPlaces(answer, from, to), telling.words, {
                top,
                offset: behind + before,
              }),
      }),
      end: ({ answer }) => ({ rest: [], finish: finishOf(answer) }),
    };
  },
  whole(request, answer, telling) {
    const text = request.echo ? echoed(request, telling, telling) : "";
    return {
      text: `${text}${answer.text}`,
      logprobs: wholePlaces(request, answer, { ...telling, offset: text.length }),
      finish_reason: finishOf(answer),
    };
  },
};

/**
 * With the prompt, the token that ends an answer is listed too: evaluations count on one place for
 * each token that they asked for.
 */
function wholePlaces(
  { logprobs: top, echo }: TextRequest,
  answer: Sampled,
  { words, ids, offset }: AnswerContext & NumberedPrompt & { offset: number },
): Json | null {
  if (top === undefined) return null;
  if (!echo)
    return {
      ...textLogprobs(answerTokenPlaces(answer, 0, words.within(answer)), words, { top, offset }),
    };
  const before = textLogprobs(promptTokenPlaces(ids, answer.promptScores!), words, {
    top,
    offset: 0,
  });
  const after = textLogprobs(answerTokenPlaces(answer, 0, answer.ids.length), words, {
    top,
    offset,
  });
  return Object.fromEntries(
    Object.entries(before).map(([key, list]) => [
      key,
      [...(list as unknown[]), ...(after[key as keyof typeof after] as unknown[])],
    ]),
  );
}

/** The prompts of a request, each a text or ids. */
function promptList({ prompt }: Pick<TextRequest, "prompt">): (string | number[])[] {
  if (typeof prompt === "string" || typeof prompt[0] === "number")
    return [prompt as string | number[]];
  return prompt as string[] | number[][];
}

function textPrompts(
  request: TextRequest,
  encoder: Encoder,
  limit: number,
): (Int32Array | Slices<Int32Array>)[] {
  const { vocabularySize } = encoder.tokenizer;
  return promptList(request).map((prompt) => {
    if (typeof prompt === "string")
      return encoder.encodePromptSlices(prompt, { plain: true }, { limit });
    if (prompt.some((id) => id >= vocabularySize))
      throw new ApiError(400, `token ids are below ${vocabularySize}`, {
        param: "prompt",
        code: "invalid_value",
      });
    return Int32Array.from(prompt);
  });
}

/** A prompt as it was given; ids as the text that they are. */
function echoed(
  request: TextRequest,
  { prompt, ids }: NumberedPrompt,
  { encoder }: AnswerContext,
): string {
  const given = promptList(request)[prompt]!;
  return typeof given === "string"
    ? given
    : encoder.tokenizer.decode([...ids], { skipSpecial: true, continues: true });
}

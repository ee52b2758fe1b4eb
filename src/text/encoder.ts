/**
 * The one encoder of training, scoring and generation: whatever is trained on is encoded exactly as it will be seen
 * when the model answers.
 *
 * What it guarantees: the prompt's ids are a prefix of the example's ids, because prompt and completion are encoded
 * apart; there is at most one BOS; pad is not EOS; every completion that was not cut ends in a supervised stop token; no
 * example is without supervised tokens. Difference from TRL: truncation takes the beginning of the prompt first.
 */
import { createHash } from "node:crypto";
import type { ErrorPlace } from "../core/errors.ts";
import { AttuneError } from "../core/errors.ts";
import { wallClock } from "../core/wall-clock.ts";
import type { ChatTemplate, RenderOptions, TemplateTime } from "./chat-template.ts";
import { createChatTemplate, sliceRendered } from "./chat-template.ts";
import type { Completion, Message, Prompt, TemplateInputs } from "./messages.ts";
import type { EncodeOptions, Slices } from "./pipeline.ts";
import { finish } from "./pipeline.ts";
import type { TemplateChoice } from "./templates.ts";
import { withTemplate } from "./templates.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface EncodedExample {
  ids: Int32Array;
  /** Tokens before the first supervised one. */
  promptLength: number;
  /** 1 where this token is a label; same length as ids. */
  supervised: Uint8Array;
  /** Tokens that truncation took away. */
  truncatedTokens: number;
}

export interface EncodedPair {
  prompt: Int32Array;
  /** Completions, stop token included. */
  chosen: Int32Array;
  rejected: Int32Array;
  truncatedTokens: number;
}

export interface EncodedAnswers {
  prompt: Int32Array;
  /** Stop token included. */
  completions: Int32Array[];
  truncatedTokens: number;
}

/** The row that is encoded: what its template is given, and where it stands for errors. A data record is one. */
export interface EncodingRow extends TemplateInputs {
  place?: ErrorPlace;
  /** Its texts are plain, and no turns of anybody: parts of one text, or a text that the model goes on with. */
  plain?: true;
}

export interface Encoder {
  /** With the chat template that was chosen, also in its files. */
  readonly tokenizer: Tokenizer;
  /** Whether texts are turns: a prompt the user's, a completion the assistant's. Without a template they are plain texts. */
  readonly hasTemplate: boolean;
  /** The token that completions end in, then further ones at which generation stops. */
  readonly stopIds: readonly number[];
  readonly padId: number;
  readonly maxLength: number;
  /** Prompt with the opening of the answer. */
  encodePrompt(prompt: Prompt, row?: EncodingRow): Int32Array;
  /** The same, slice by slice, and no further than its options say. */
  encodePromptSlices(prompt: Prompt, row?: EncodingRow, options?: EncodeOptions): Slices<Int32Array>;
  encodeExample(prompt: Prompt, completion: Completion, row?: EncodingRow): EncodedExample;
  encodePair(prompt: Prompt, chosen: Completion, rejected: Completion, row?: EncodingRow): EncodedPair;
  /** Several answers to one prompt, which is cut the same for all of them. */
  encodeAnswers(prompt: Prompt, completions: readonly Completion[], row?: EncodingRow): EncodedAnswers;
  /** A conversation of several turns, supervised on the assistant's turns or on everything. */
  encodeConversation(messages: readonly Message[], options: { loss: "completion" | "full" }, row?: EncodingRow): EncodedExample;
  /** Plain text, supervised whole, ended by EOS. */
  encodeText(text: string, row?: EncodingRow): EncodedExample;
  /** Text of a completion, without special tokens. */
  decodeCompletion(ids: readonly number[]): string;
  /** Changes whenever ids may. */
  readonly fingerprint: string;
}

export interface EncoderOptions {
  /** Longest example, tokens. */
  maxLength: number;
  /** Local date and time that the chat template sees, as {@link wallClock} writes it: fixed, or asked for each time. Default now. */
  templateTime?: TemplateTime;
  /** Default `auto`: the model's own chat template where it has one, else none. Conversations meet the template `plain` where there is none. */
  template?: TemplateChoice;
}

const PROBE = "attune";

/** Where answers end. */
export interface Stops {
  /** After an answer in a conversation, and after a plain text. */
  turn: number;
  text: number;
  /** All at which generation stops, the turn's first. */
  all: readonly number[];
}

/** @throws AttuneError `model` where the tokenizer has no token to end an answer with */
export function stopsOf(tokenizer: Tokenizer, template: ChatTemplate = createChatTemplate(tokenizer)): Stops {
  const turn = findTurnEnd(tokenizer, template) ?? tokenizer.eosId;
  if (turn === undefined) throw new AttuneError("model", "the tokenizer has no token that ends an answer", { expected: "eos_token in tokenizer_config.json, or a chat template whose turns end in a special token" });
  const text = tokenizer.eosId ?? turn;
  return { turn, text, all: [...new Set([turn, text, ...tokenizer.extraStopIds])] };
}

/** @throws AttuneError `model` where the tokenizer has no token to end an answer with */
export function createEncoder(given: Tokenizer, { maxLength, template: choice = "auto", templateTime = wallClock() }: EncoderOptions): Encoder {
  const tokenizer = withTemplate(given, choice);
  const template = createChatTemplate(tokenizer, { time: templateTime });
  const hasTemplate = tokenizer.chatTemplate !== undefined;
  const { turn: stopId, text: plainStop, all: stopIds } = stopsOf(tokenizer, template);
  const padId = choosePad(tokenizer, stopIds);

  const withBos = (ids: number[]): number[] => (tokenizer.bosId !== undefined && tokenizer.addsBos && ids[0] !== tokenizer.bosId ? [tokenizer.bosId, ...ids] : ids);
  /** Texts as the turns that they are under a template. */
  const asTurns = <T extends Prompt | Completion>(text: T, role: "user" | "assistant", { plain }: EncodingRow): T => (hasTemplate && plain !== true ? (toMessages(text, role) as T) : text);
  function* promptSlices(asked: Prompt, row: EncodingRow, options?: EncodeOptions): Slices<number[]> {
    const prompt = asTurns(asked, "user", row);
    if (typeof prompt === "string") return withBos(yield* tokenizer.encodeSlices([{ text: prompt, plain: true }], options));
    return oneBos(tokenizer, yield* template.encodeSlices(template.renderSafely(prompt, { ...inputsOf(row), generationPrompt: true }), options));
  }
  const promptIds = (prompt: Prompt, row: EncodingRow): number[] => finish(promptSlices(prompt, row));
  const completionIds = (prompt: Prompt, completion: Completion, row: EncodingRow): number[] => {
    if (typeof prompt === "string" && typeof completion === "string") return [...tokenizer.encodePlain(completion, { continues: true }), plainStop];
    const before = toMessages(prompt, "user");
    return endAtStop(turnIds(template, before, [...before, ...toMessages(completion, "assistant")], row), stopId);
  };
  const prefix = (prompt: Prompt, completion: Completion): Prompt => (typeof completion === "string" ? prompt : toMessages(prompt, "user"));
  const encodeAnswers = (asked: Prompt, answers: readonly Completion[], row: EncodingRow): EncodedAnswers => {
    const [prompt, completions] = [asTurns(asked, "user", row), answers.map((answer) => asTurns(answer, "assistant", row))];
    const cut = truncate(promptIds(prefix(prompt, completions[0]!), row), completions.map((completion) => completionIds(prompt, completion, row)), maxLength, row.place ?? {});
    return { prompt: Int32Array.from(cut.prompt), completions: cut.completions.map((ids) => Int32Array.from(ids)), truncatedTokens: cut.truncatedTokens };
  };

  return {
    tokenizer,
    hasTemplate,
    stopIds,
    padId,
    maxLength,
    encodePrompt: (prompt, row = {}) => Int32Array.from(promptIds(prompt, row)),
    *encodePromptSlices(prompt, row = {}, options = {}) {
      return Int32Array.from(yield* promptSlices(prompt, row, options));
    },
    encodeExample(asked, answered, row = {}) {
      const [prompt, completion] = [asTurns(asked, "user", row), asTurns(answered, "assistant", row)];
      const before = promptIds(prefix(prompt, completion), row);
      const answer = completionIds(prompt, completion, row);
      const cut = truncate(before, [answer], maxLength, row.place ?? {});
      return example(cut.prompt, cut.completions[0]!, cut.truncatedTokens);
    },
    encodePair(prompt, chosen, rejected, row = {}) {
      const { completions, ...rest } = encodeAnswers(prompt, [chosen, rejected], row);
      return { ...rest, chosen: completions[0]!, rejected: completions[1]! };
    },
    encodeAnswers: (prompt, completions, row = {}) => encodeAnswers(prompt, completions, row),
    encodeConversation(messages, { loss }, row = {}) {
      const ids: number[] = [];
      const supervised: number[] = [];
      const append = (part: readonly number[], flag: 0 | 1): void => {
        ids.push(...part);
        for (let i = 0; i < part.length; i++) supervised.push(flag);
      };
      conversationParts(messages, template, tokenizer, stopId, row).forEach(({ part, isAnswer }) => append(part, isAnswer || loss === "full" ? 1 : 0));
      return keepStart(ids, supervised, maxLength, row.place ?? {});
    },
    encodeText(text, { place = {} } = {}) {
      const ids = [...withBos(tokenizer.encodePlain(text)), plainStop];
      return keepStart(ids, ids.map(() => 1), maxLength, place);
    },
    decodeCompletion: (ids) => tokenizer.decode(ids, { skipSpecial: true }),
    fingerprint: createHash("sha256").update(JSON.stringify([tokenizer.fingerprint, hasTemplate, template.fingerprint, maxLength, stopIds, padId])).digest("hex"),
  };
}

/** What a row gives every rendering of it. */
function inputsOf({ tools, templateArguments, place }: EncodingRow): Omit<RenderOptions, "generationPrompt"> {
  return { ...(tools === undefined ? {} : { tools }), ...(templateArguments === undefined ? {} : { templateArguments }), ...(place === undefined ? {} : { place }) };
}

function toMessages(text: Prompt, role: "user" | "assistant"): readonly Message[] {
  return typeof text === "string" ? [{ role, content: text }] : text;
}

function example(prompt: readonly number[], completion: readonly number[], truncatedTokens: number): EncodedExample {
  const ids = Int32Array.from([...prompt, ...completion]);
  return { ids, promptLength: prompt.length, supervised: Uint8Array.from(ids, (_, index) => (index < prompt.length ? 0 : 1)), truncatedTokens };
}

/** The special token that directly follows an assistant's words in the template, if any. */
function findTurnEnd(tokenizer: Tokenizer, template: ChatTemplate): number | undefined {
  const rendered = template.render([{ role: "user", content: "hi" }, { role: "assistant", content: PROBE }], { generationPrompt: false });
  const after = rendered.slice(rendered.lastIndexOf(PROBE) + PROBE.length).trimStart();
  const special = tokenizer.specialTokens.filter((token) => after.startsWith(token)).toSorted((a, b) => b.length - a.length)[0];
  return special === undefined ? undefined : tokenizer.idOf(special);
}

/** A padding id that is no stop token. Masks come from lengths, so an id that text may use is harmless. */
function choosePad(tokenizer: Tokenizer, stopIds: readonly number[]): number {
  if (tokenizer.padId !== undefined && !stopIds.includes(tokenizer.padId)) return tokenizer.padId;
  for (let id = 0; id < tokenizer.vocabularySize; id++) if (!stopIds.includes(id) && id !== tokenizer.bosId) return id;
  throw new AttuneError("model", "the vocabulary has no id that could pad");
}

/** A template that writes BOS and a tokenizer that adds it must not give two. */
function oneBos(tokenizer: Tokenizer, ids: number[]): number[] {
  let start = 0;
  while (tokenizer.bosId !== undefined && ids[start] === tokenizer.bosId && ids[start + 1] === tokenizer.bosId) start++;
  return ids.slice(start);
}

/** Ids of what the template adds between two states of a conversation. */
function turnIds(template: ChatTemplate, before: readonly Message[], after: readonly Message[], row: EncodingRow): number[] {
  const start = template.renderSafely(before, { ...inputsOf(row), generationPrompt: true });
  const whole = template.renderSafely(after, { ...inputsOf(row), generationPrompt: false });
  if (!whole.text.startsWith(start.text)) {
    throw new AttuneError("data", "the chat template writes the prompt differently once the answer follows, so the answer cannot be told apart", {
      ...row.place,
      got: JSON.stringify(whole.text.slice(0, start.text.length).slice(-60)),
      expected: JSON.stringify(start.text.slice(-60)),
      hint: "a chat template whose output only grows as turns are added",
    });
  }
  return template.encode(sliceRendered(whole, start.text.length), { continues: true });
}

/** Drops what the template writes after the last stop token (a newline), and adds the stop token where it has none. */
function endAtStop(ids: readonly number[], stopId: number): number[] {
  const last = ids.lastIndexOf(stopId);
  return last < 0 ? [...ids, stopId] : ids.slice(0, last + 1);
}

interface ConversationPart {
  part: number[];
  isAnswer: boolean;
}

function conversationParts(messages: readonly Message[], template: ChatTemplate, tokenizer: Tokenizer, stopId: number, row: EncodingRow): ConversationPart[] {
  const place = row.place ?? {};
  const inputs = inputsOf(row);
  const answers = messages.flatMap(({ role }, index) => (role === "assistant" ? [index] : []));
  if (answers.length === 0) throw new AttuneError("data", "the conversation has no assistant turn", { ...place, got: messages.map(({ role }) => role).join(", ") });
  const parts: ConversationPart[] = [];
  let done = "";
  for (const index of answers) {
    const opened = template.renderSafely(messages.slice(0, index), { ...inputs, generationPrompt: true });
    if (!opened.text.startsWith(done)) throw new AttuneError("data", "the chat template rewrites earlier turns, so turns cannot be told apart", { ...place, hint: "split the conversation into prompt and completion" });
    const between = template.encode(sliceRendered(opened, done.length), { continues: parts.length > 0 });
    const answer = turnIds(template, messages.slice(0, index), messages.slice(0, index + 1), row);
    const end = answer.lastIndexOf(stopId) + 1 || answer.length;
    parts.push({ part: parts.length === 0 ? oneBos(tokenizer, between) : between, isAnswer: false });
    parts.push({ part: answer.slice(0, end), isAnswer: true });
    // What follows the stop token (a newline) belongs to the template, and to nobody's answer.
    if (index !== answers.at(-1)) parts.push({ part: answer.slice(end), isAnswer: false });
    done = template.renderSafely(messages.slice(0, index + 1), { ...inputs, generationPrompt: false }).text;
  }
  return parts;
}

/** Takes the prompt's beginning first, then the end of completions that alone are too long. */
function truncate(prompt: readonly number[], completions: readonly number[][], maxLength: number, place: ErrorPlace): { prompt: number[]; completions: number[][]; truncatedTokens: number } {
  const longest = Math.max(...completions.map((completion) => completion.length));
  if (prompt.length + longest <= maxLength) return { prompt: [...prompt], completions: [...completions], truncatedTokens: 0 };
  const room = Math.max(1, maxLength - longest);
  const kept = prompt.slice(Math.max(0, prompt.length - room));
  const cut = completions.map((completion) => completion.slice(0, Math.max(0, maxLength - kept.length)));
  if (cut.some((completion) => completion.length === 0)) {
    throw new AttuneError("data", "truncation leaves nothing of the completion", { ...place, got: `${prompt.length} prompt and ${longest} completion tokens, max length ${maxLength}`, hint: "a larger max length, or drop this row" });
  }
  const lost = prompt.length - kept.length + completions.reduce((total, completion, index) => total + completion.length - cut[index]!.length, 0);
  return { prompt: kept, completions: cut, truncatedTokens: lost };
}

function keepStart(ids: readonly number[], supervised: readonly number[], maxLength: number, place: ErrorPlace): EncodedExample {
  const flags = Uint8Array.from(supervised.slice(0, maxLength));
  const first = flags.indexOf(1, 1);
  if (first < 0) throw new AttuneError("data", "the row has no supervised token", { ...place, got: `${ids.length} tokens, max length ${maxLength}`, hint: "a larger max length, or drop this row" });
  return { ids: Int32Array.from(ids.slice(0, maxLength)), promptLength: flags.indexOf(1), supervised: flags, truncatedTokens: Math.max(0, ids.length - maxLength) };
}

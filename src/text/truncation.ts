/**
 * Cuts what is longer than the encoder's limit, so that the model still sees a prompt as it will be
 * asked: BOS, the system turn and the template's frame stay (docs/decisions/truncation.md).
 *
 * Conversations:
 * 1. the oldest exchanges go, whole;
 * 2. answers lose their end, and with it their stop token, down to a quarter of the limit;
 * 3. the longest turn of what is left loses its middle.
 *
 * Plain texts:
 * 1. the prompt's beginning goes after BOS, down to a quarter of the limit;
 * 2. answers lose their end.
 *
 * Source of 3: LongBench (Bai et al. 2023), which cuts the middle, as instructions stand at the
 * beginning or the end.
 * Differences from TRL: it keeps the first or the last tokens of the whole row, whatever they are,
 * and tells nobody.
 */
import type { ErrorPlace } from "../core/errors.ts";
import { AttuneError } from "../core/errors.ts";
import type { Message } from "./messages.ts";
import type { Tokenizer } from "./tokenizer.ts";
import type { Part } from "./turns.ts";

/** What truncation took from a row. */
export interface Cut {
  /** Tokens of the prompt and of all answers. */
  tokens: number;
  /** Whole turns at the beginning. */
  turns: number;
  /** Answers that lost their end. */
  answers: number;
  /**
   * What the rest of the prompt lost: nothing, the middle of a turn, or the beginning of a plain
   * text.
   */
  prompt: "whole" | "middle" | "beginning";
}

/** A prompt and the answers to it, each in parts. */
export interface Shape {
  prompt: number[];
  completions: Part[][];
}

export interface Fitted {
  shape: Shape;
  cut?: Cut;
}

export interface Limits {
  /** Longest prompt with an answer, tokens. */
  maxLength: number;
  tokenizer: Tokenizer;
  place: ErrorPlace;
}

/** Turns that may be cut, and what becomes of them. */
export interface CuttableTurns {
  messages: readonly Message[];
  build(messages: readonly Message[]): Shape;
}

const partLength = (parts: readonly Part[]): number =>
  parts.reduce((total, { ids }) => total + ids.length, 0);
const learnedLength = (parts: readonly Part[]): number =>
  partLength(parts.filter(({ learned }) => learned));
const lengthOf = ({ prompt, completions }: Shape): number =>
  prompt.length + Math.max(...completions.map(partLength));
const tokensOf = ({ prompt, completions }: Shape): number =>
  prompt.length + completions.reduce((total, parts) => total + partLength(parts), 0);

/** What neither an answer's end nor the beginning of a plain prompt falls below. */
const quarter = (maxLength: number): number => Math.ceil(maxLength / 4);

/**
 * Shape of a conversation within the limit.
 * @throws AttuneError `data` where nothing of an answer would be left
 */
export function fitTurns(whole: Shape, { messages, build }: CuttableTurns, limits: Limits): Fitted {
  const { maxLength } = limits;
  if (lengthOf(whole) <= maxLength) return { shape: whole };
  const starts = exchangeStarts(messages);
  const head = messages.slice(0, starts[0]);
  const from = (exchange: number): Message[] => [...head, ...messages.slice(starts[exchange])];
  let [first, last] = [0, starts.length - 1];
  while (first < last) {
    const middle = (first + last) >> 1;
    if (lengthOf(build(from(middle))) <= maxLength) last = middle;
    else first = middle + 1;
  }
  const kept = from(last);
  const rest = last === 0 ? whole : build(kept);
  const { shape, shortened } = shortenTurn(rest, { messages: kept, build }, limits);
  const { completions, answers } = cutEnds(shape, whole, limits);
  return {
    shape: { prompt: shape.prompt, completions },
    cut: {
      tokens: tokensOf(whole) - tokensOf({ prompt: shape.prompt, completions }),
      turns: messages.length - kept.length,
      answers,
      prompt: shortened ? "middle" : "whole",
    },
  };
}

/**
 * Shape of plain texts within the limit.
 * @throws AttuneError `data` where nothing of an answer would be left
 */
export function fitTexts(whole: Shape, limits: Limits): Fitted {
  const { maxLength, tokenizer } = limits;
  const { prompt, completions } = whole;
  if (lengthOf(whole) <= maxLength) return { shape: whole };
  const bos = prompt.length > 0 && prompt[0] === tokenizer.bosId ? 1 : 0;
  const longest = lengthOf(whole) - prompt.length;
  const room = Math.min(prompt.length, Math.max(maxLength - longest, quarter(maxLength)));
  const kept = [...prompt.slice(0, bos), ...prompt.slice(prompt.length - Math.max(0, room - bos))];
  const cut = cutEnds({ prompt: kept, completions }, whole, limits);
  const shape = { prompt: kept, completions: cut.completions };
  return {
    shape,
    cut: {
      tokens: tokensOf(whole) - tokensOf(shape),
      turns: 0,
      answers: cut.answers,
      prompt: kept.length < prompt.length ? "beginning" : "whole",
    },
  };
}

/**
 * Where the conversation may begin: after the system turn, or at a user's turn, so that no answer
 * of a tool is parted from its call.
 */
function exchangeStarts(messages: readonly Message[]): number[] {
  const body = messages.findIndex(({ role }) => role !== "system" && role !== "developer");
  if (body < 0) return [messages.length];
  return [
    body,
    ...messages.flatMap(({ role }, index) =>
      index > body && role === "user" && messages[index - 1]!.role !== "user" ? [index] : [],
    ),
  ];
}

function cutEnds(
  { prompt, completions }: Shape,
  whole: Shape,
  { maxLength, place }: Limits,
): { completions: Part[][]; answers: number } {
  const room = Math.max(0, maxLength - prompt.length);
  let answers = 0;
  const cut = completions.map((parts) => {
    if (partLength(parts) <= room) return parts;
    answers++;
    let left = room;
    const kept = parts.map(({ ids, learned }): Part => {
      const start = ids.slice(0, left);
      left -= start.length;
      return { ids: start, learned };
    });
    return kept.filter(({ ids }) => ids.length > 0);
  });
  if (cut.some((parts) => learnedLength(parts) === 0)) {
    throw new AttuneError("data", "truncation leaves nothing of the completion", {
      ...place,
      got:
        `${whole.prompt.length} prompt and ${lengthOf(whole) - whole.prompt.length} completion ` +
        `tokens, max length ${maxLength}`,
      hint: "a larger max length, or drop this row",
    });
  }
  return { completions: cut, answers };
}

/**
 * Takes the middle out of the longest user's or tool's turn, as far as there is no room for a
 * quarter of the limit of every answer.
 */
function shortenTurn(
  whole: Shape,
  { messages, build }: CuttableTurns,
  { maxLength, tokenizer }: Limits,
): { shape: Shape; shortened: boolean } {
  const excess = ({ prompt, completions }: Shape): number =>
    Math.max(
      ...completions.map(
        (parts) =>
          prompt.length +
          partLength(parts) -
          learnedLength(parts) +
          Math.min(learnedLength(parts), quarter(maxLength)) -
          maxLength,
      ),
    );
  const candidates = messages.map(({ role, content }, index) => ({
    index,
    length: role === "user" || role === "tool" ? content.length : 0,
  }));
  const { index, length } = candidates.reduce(
    (most, each) => (each.length > most.length ? each : most),
    { index: 0, length: 0 },
  );
  let [shape, over] = [whole, excess(whole)];
  if (over <= 0 || length === 0) return { shape, shortened: false };
  const ids = tokenizer.encodePlain(messages[index]!.content);
  for (let left = ids.length; over > 0 && left > 0; over = excess(shape)) {
    left = Math.max(0, left - over);
    shape = build(
      messages.with(index, { ...messages[index]!, content: withoutMiddle(ids, left, tokenizer) }),
    );
  }
  return { shape, shortened: true };
}

const MISSING = " … ";

/** Half of `left` tokens from the beginning, half from the end. */
function withoutMiddle(ids: readonly number[], left: number, { decode }: Tokenizer): string {
  const start = Math.ceil(left / 2);
  // a token may be a part of a character
  const text = (part: readonly number[]): string =>
    decode(part).replaceAll(/^\uFFFD+|\uFFFD+$/g, "");
  const end = ids.slice(ids.length - (left - start));
  return `${text(ids.slice(0, start))}${MISSING}${text(end)}`.trim();
}

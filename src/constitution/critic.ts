/**
 * Whoever criticises, revises and compares: a model in this process (local-critic.ts) or behind an
 * OpenAI-compatible server (server-critic.ts). Two things are asked of a critic: to write, and to
 * choose between A and B. The choice is read from the probabilities of the two letters at one fixed
 * place, never from words that the critic writes about it.
 */
import type { Message } from "../text/messages.ts";
import type { LetterReading } from "./letters.ts";

/** A text that a critic is asked for. */
export interface WritingRequest {
  /** What it answers, system turn included. */
  messages: readonly Message[];
  /** Longest text, tokens. */
  maxNewTokens: number;
  /** 0 for the most likely tokens; 1 as the model has them. */
  temperature: number;
  /** Only the most likely tokens that together have this share, 0 to 1. */
  topP: number;
  /** What is drawn depends on (seed, stream) and the messages alone. */
  seed: number;
  /** Tells requests of one seed apart. */
  stream: readonly (string | number)[];
  /** Texts at which the writing ends; left out of it. */
  stopTexts?: readonly string[];
}

/** The messages end in a request to reply with A or B. */
export type LetterRequest = Pick<WritingRequest, "messages" | "seed" | "stream">;

/** A text that a critic wrote. */
export interface WrittenText {
  /** Without special tokens and stop texts. */
  text: string;
  /** `length` where the limit cut it. */
  finish: "stop" | "length";
}

/**
 * Something that this request will never get an answer to: too long, or turned down by the server.
 */
export interface Refusal {
  /** The reason, as a part of a sentence. */
  refused: string;
}

/** An answer with the keys under which the exchanges behind it are kept. */
export type Answered<T> = (T | Refusal) & {
  /** SHA-256 of what was asked, by which an {@link AnswerCache} keeps it. */
  keys: readonly string[];
};

/**
 * A model that criticises, revises and compares: in this process, behind a server, or of a program.
 */
export interface Critic {
  /** Which model, of which revision, where; holds no secret. */
  readonly name: string;
  /** Requests that it is worth having open at once: to write, and for letters. */
  readonly concurrency: number;
  /** The same of questions for a letter. */
  readonly letterConcurrency: number;
  /**
   * Writes a text.
   * @throws AttuneError `network` where a server cannot be reached any more, `interrupted` where
   * the signal says so
   */
  write(request: WritingRequest, signal?: AbortSignal): Promise<Answered<WrittenText>>;
  /**
   * Asks for A or B, and reads the probabilities of both.
   * @throws AttuneError as {@link Critic.write}
   */
  readLetters(request: LetterRequest, signal?: AbortSignal): Promise<Answered<LetterReading>>;
  /** What was spent so far, where it is known. */
  readonly usage: Usage;
  /** Gives back what it holds. */
  close(): Promise<void>;
}

/** What a critic has cost so far. */
export interface Usage {
  /** Exchanges that this process had, and those that it found already answered. */
  asked: number;
  /** Exchanges that were found already answered. */
  reused: number;
  /**
   * Tokens, as the server counted them (of a local model: read and written), of exchanges of this
   * process.
   */
  inputTokens: number;
  /** Tokens written. */
  outputTokens: number;
  /**
   * Answers that could become less long than was asked for, since the context ends; 0 where nobody
   * knows.
   */
  shortened: number;
}

export const isRefused = <T extends object>(answered: T): answered is Extract<T, Refusal> =>
  "refused" in answered;

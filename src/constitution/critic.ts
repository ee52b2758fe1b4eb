/**
 * Whoever criticises, revises and compares: a model in this process (local-critic.ts) or behind an
 * OpenAI-compatible server (server-critic.ts). Two things are asked of a critic: to write, and to
 * choose between A and B. The choice is read from the probabilities of the two letters at one fixed
 * place, never from words that the critic writes about it.
 */
import type { Message } from "../text/messages.ts";
import type { LetterReading } from "./letters.ts";

export interface WritingRequest {
  messages: readonly Message[];
  maxNewTokens: number;
  temperature: number;
  topP: number;
  /** What is drawn depends on (seed, stream) and the messages alone. */
  seed: number;
  stream: readonly (string | number)[];
  /** Texts at which the writing ends; left out of it. */
  stopTexts?: readonly string[];
}

/** The messages end in a request to reply with A or B. */
export type LetterRequest = Pick<WritingRequest, "messages" | "seed" | "stream">;

export interface WrittenText {
  text: string;
  /** `length` where the limit cut it. */
  finish: "stop" | "length";
}

/**
 * Something that this request will never get an answer to: too long, or turned down by the server.
 */
export interface Refusal {
  refused: string;
}

/** An answer with the keys under which the exchanges behind it are kept. */
export type Answered<T> = (T | Refusal) & { keys: readonly string[] };

export interface Critic {
  /** Which model, of which revision, where; holds no secret. */
  readonly name: string;
  /** Requests that it is worth having open at once: to write, and for letters. */
  readonly concurrency: number;
  readonly letterConcurrency: number;
  /**
   * @throws AttuneError `network` where a server cannot be reached any more, `interrupted` where
   * the signal says so
   */
  write(request: WritingRequest, signal?: AbortSignal): Promise<Answered<WrittenText>>;
  /** Throws as {@link Critic.write} does. */
  readLetters(request: LetterRequest, signal?: AbortSignal): Promise<Answered<LetterReading>>;
  /** What was spent so far, where it is known. */
  readonly usage: Usage;
  close(): Promise<void>;
}

export interface Usage {
  /** Exchanges that this process had, and those that it found already answered. */
  asked: number;
  reused: number;
  /**
   * Tokens, as the server counted them (of a local model: read and written), of exchanges of this
   * process.
   */
  inputTokens: number;
  outputTokens: number;
  /**
   * Answers that could become less long than was asked for, since the context ends; 0 where nobody
   * knows.
   */
  shortened: number;
}

export const isRefused = <T extends object>(answered: T): answered is Extract<T, Refusal> =>
  "refused" in answered;

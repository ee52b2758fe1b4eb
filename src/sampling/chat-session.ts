/**
 * A conversation that remembers its turns, and whose context ends: whole oldest turns are left out
 * of what the model reads once an answer would have too little room, and answers become no longer
 * than what is left.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { Model } from "../models/model.ts";
import type { Encoder } from "../text/encoder.ts";
import type { Message } from "../text/messages.ts";
import type { AnswerOptions } from "./answer.ts";
import { neededRoom, shortenedNote } from "./answer-limit.ts";
import { Conversation } from "./conversation.ts";
import type { Answer, GenerateHooks } from "./generate.ts";

export interface ChatOptions extends AnswerOptions {
  seed: number;
  system: string;
}

export interface ChatAnswer {
  answer: Answer;
  /** Turns at the beginning that the model does not read any more. */
  leftOut: number;
}

export class ChatSession {
  readonly conversation: Conversation;
  private readonly model: Model;
  private readonly encoder: Encoder;
  private readonly options: ChatOptions;
  private readonly onNote: (text: string) => void;
  private system: string;
  private turns: Message[] = [];
  private leftOut = 0;
  private shortened = false;

  /** @param onNote told once what is cut or left out */
  constructor(
    { model, encoder }: { model: Model; encoder: Encoder },
    options: ChatOptions,
    onNote: (text: string) => void,
  ) {
    this.conversation = new Conversation(model, encoder);
    this.model = model;
    this.encoder = encoder;
    this.options = options;
    this.onNote = onNote;
    this.system = options.system;
  }

  /** All turns, those that the model does not read any more among them. */
  get messages(): Message[] {
    return [...this.systemTurn, ...this.turns];
  }

  /**
   * The answer to what the user says. Where there is none, the user's turn is forgotten, and one
   * may go on.
   * @throws AttuneError `usage` where even the last turn alone leaves no room for an answer; `data`
   * where the template refuses the turns
   */
  async say(content: string, hooks: GenerateHooks = {}): Promise<ChatAnswer> {
    const turns: Message[] = [...this.turns, { role: "user", content }];
    const { prompt, leftOut } = this.fit(turns);
    this.tellLost(content);
    const answer = await this.conversation.reply(prompt, this.options, hooks);
    this.leftOut = leftOut;
    this.turns = [...turns, { role: "assistant", content: answer.text }];
    return { answer, leftOut };
  }

  /** Another system message from here on; none where it is empty. */
  instruct(system: string): void {
    this.system = system;
    this.leftOut = 0;
  }

  /** Forgets all turns; the system message stays. */
  reset(): void {
    this.turns = [];
    this.leftOut = 0;
  }

  close(): Promise<void> {
    return this.conversation.close();
  }

  /** The model does not see what its tokenizer has no token for. */
  private tellLost(text: string): void {
    const lost = this.encoder.tokenizer.lostCharacters(text);
    if (lost.length > 0)
      this.onNote(
        `the tokenizer has no token for ${countOf(lost.length, "character")} of this message, ` +
          `such as ${JSON.stringify(lost[0])}: the model does not see ` +
          `${lost.length === 1 ? "it" : "them"}`,
      );
  }

  private get systemTurn(): Message[] {
    return this.system === "" ? [] : [{ role: "system", content: this.system }];
  }

  /**
   * The prompt that leaves room for an answer, with as few of the oldest turns left out as that
   * takes.
   */
  private fit(turns: readonly Message[]): { prompt: Int32Array; leftOut: number } {
    const limit = {
      maxNewTokens: this.options.maxNewTokens,
      maxLength: this.model.config.maxPositions,
    };
    const room = limit.maxLength - neededRoom(limit);
    for (let leftOut = this.leftOut; ; leftOut = nextUser(turns, leftOut + 1)) {
      const prompt = this.encoder.encodePrompt([...this.systemTurn, ...turns.slice(leftOut)]);
      const isLast = nextUser(turns, leftOut + 1) >= turns.length;
      if (prompt.length > room && !isLast) continue;
      if (prompt.length >= limit.maxLength)
        throw new AttuneError(
          "usage",
          "this message leaves no room for an answer in the model's context",
          {
            got: countOf(prompt.length, "token"),
            expected: `fewer than ${limit.maxLength}`,
            hint:
              this.system === "" ? "a shorter message" : "a shorter message, or a shorter /system",
          },
        );
      this.tell(prompt, leftOut, limit);
      return { prompt, leftOut };
    }
  }

  private tell(
    prompt: Int32Array,
    leftOut: number,
    limit: { maxNewTokens: number; maxLength: number },
  ): void {
    if (leftOut > this.leftOut)
      this.onNote(
        `the context of ${countOf(limit.maxLength, "token")} is full: from here on the model ` +
          `does not read the ${leftOut === 1 ? "first turn" : `first ${countOf(leftOut, "turn")}`}`,
      );
    const shortened = shortenedNote([prompt.length], limit);
    if (shortened !== undefined && !this.shortened) this.onNote(shortened);
    this.shortened ||= shortened !== undefined;
  }
}

/** Place of the first turn of the user from a place on; the end where there is none. */
function nextUser(turns: readonly Message[], from: number): number {
  const index = turns.findIndex(({ role }, place) => place >= from && role === "user");
  return index < 0 ? turns.length : index;
}

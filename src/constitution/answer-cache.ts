/**
 * Every answer of a critic, kept under a hash of what was asked: a run that was killed asks nothing
 * again that it was answered. One line an answer, written and flushed before the answer is used.
 */
import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { AttuneError } from "../core/errors.ts";
import { JsonLines, readJsonLines } from "../runs/json-lines.ts";

/** Name of the file in a run folder. */
export const ANSWERS_FILE = "answers.jsonl";

/** SHA-256 of what decides about an answer: the critic, the request, the number of the sample. */
export function answerKey(...parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** An answer, new or kept. */
export interface KeptAnswer<T> {
  /** What was answered. */
  answer: T;
  /** Whether it had been asked for before. */
  reused: boolean;
}

/**
 * Answers of critics by the hash of what was asked: in memory, or in a file that the next run goes
 * on with.
 */
export class AnswerCache {
  private readonly answers = new Map<string, unknown>();
  private readonly open = new Map<string, Promise<unknown>>();
  private readonly log: JsonLines | undefined;
  private flushing: Promise<void> | undefined;

  private constructor(log: JsonLines | undefined) {
    this.log = log;
  }

  /** Keeps answers in memory alone, for work that no other process goes on with. */
  static inMemory(): AnswerCache {
    return new AnswerCache(undefined);
  }

  /**
   * @param folder where the file lies or is made
   * @param reuse further files, or folders with such a file, that are only read
   * @throws AttuneError `disk`; `usage` where one of `reuse` is not there
   */
  static open(folder: string, reuse: readonly string[] = []): AnswerCache {
    const path = join(folder, ANSWERS_FILE);
    const cache = new AnswerCache(JsonLines.open(path));
    for (const each of reuse) cache.load(findFile(each));
    cache.load(path);
    return cache;
  }

  private load(path: string): void {
    for (const { key, answer } of readJsonLines(path))
      if (typeof key === "string" && answer !== undefined) this.answers.set(key, answer);
  }

  /** Answers that are kept; a batch that was kept as one counts each of its own. */
  get size(): number {
    let count = 0;
    for (const kept of this.answers.values()) count += Array.isArray(kept) ? kept.length : 1;
    return count;
  }

  /** Whether there is an answer under a key. */
  has(key: string): boolean {
    return this.answers.has(key);
  }

  /**
   * The answer under a key; asked for where there is none that `accepts` takes. Who asks for the
   * same while it is being asked waits for the same answer.
   * @throws AttuneError `disk`; whatever `ask` throws
   */
  async answer<T>(
    key: string,
    {
      accepts,
      ask,
    }: {
      /** Whether a kept answer has the form that is needed. */
      accepts: (kept: unknown) => kept is T;
      /** Gets a new answer. */
      ask: () => Promise<T>;
    },
  ): Promise<KeptAnswer<T>> {
    const kept = this.answers.get(key);
    if (accepts(kept)) return { answer: kept, reused: true };
    const asked = this.open.get(key);
    if (asked !== undefined) return { answer: (await asked) as T, reused: true };
    const asking = ask().then(async (answer) => {
      await this.keep(key, answer);
      return answer;
    });
    this.open.set(key, asking);
    try {
      return { answer: await asking, reused: false };
    } finally {
      this.open.delete(key);
    }
  }

  private async keep(key: string, answer: unknown): Promise<void> {
    this.log?.append({ key, answer });
    await this.flushed();
    this.answers.set(key, answer);
  }

  /**
   * An answer may have cost money: it is safe against a power cut too before it is used. Those that
   * come in one turn, such as a batch's, are flushed together: a flush takes milliseconds.
   */
  private flushed(): Promise<void> {
    if (!this.log) return Promise.resolve();
    this.flushing ??= setImmediate().then(() => {
      this.flushing = undefined;
      this.log?.sync();
    });
    return this.flushing;
  }

  /** Closes the file, where there is one. */
  close(): void {
    this.log?.sync();
    this.log?.close();
  }
}

function findFile(path: string): string {
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, ANSWERS_FILE) : path;
  if (existsSync(file)) return file;
  throw new AttuneError("usage", "there are no answers to reuse", {
    file,
    expected: `a run folder with ${ANSWERS_FILE}`,
  });
}

/** A training that a program runs. */
import { AttuneError } from "../core/errors.ts";
import type { TrainingEvent } from "../runs/events.ts";

/**
 * A training that has not begun: its events one by one, or only what comes out.
 *
 *   const trained = await dpo(...);                    // runs to its end
 *   for await (const event of training) { ... }        // or step by step, and
 *   const trained = await training;                    // what came out
 */
export class Training<Result> implements AsyncIterable<TrainingEvent>, PromiseLike<Result> {
  private readonly generator: AsyncGenerator<TrainingEvent, Result>;
  private begun = false;
  private settle!: { resolve: (result: Result) => void; reject: (reason: unknown) => void };
  private readonly result: Promise<Result>;

  /** Nothing happens before the first event is asked for, or the result. */
  constructor(generator: AsyncGenerator<TrainingEvent, Result>) {
    this.generator = generator;
    this.result = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    // whoever only reads events meets an error there
    this.result.catch(() => undefined);
  }

  /**
   * What happens, in order. A loop that is left early ends the training.
   * @throws AttuneError of the training; `usage` where it was begun already
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent, void> {
    if (this.begun)
      throw new AttuneError("usage", "this training has been begun already", {
        expected: "one loop over its events, or one await without a loop",
      });
    this.begun = true;
    let done: boolean | undefined = false;
    try {
      for (;;) {
        const next = await this.generator.next();
        done = next.done;
        if (next.done) return this.settle.resolve(next.value);
        yield next.value;
      }
    } catch (error) {
      done = true;
      this.settle.reject(error);
      throw error;
    } finally {
      if (!done) {
        await this.generator.return(undefined as never);
        const reason = "the loop over the events of the training was left before its end";
        this.settle.reject(new AttuneError("interrupted", reason));
      }
    }
  }

  /**
   * Runs to the end where nobody reads the events, and gives what came out: what `await` calls.
   * @throws AttuneError of the training, as the method that made it says; `interrupted` where it was
   * stopped
   */
  // oxlint-disable-next-line unicorn/no-thenable
  then<Fulfilled = Result, Rejected = never>(
    onFulfilled?: ((result: Result) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    if (!this.begun) void this.run();
    return this.result.then(onFulfilled, onRejected);
  }

  private async run(): Promise<void> {
    try {
      for await (const _ of this);
    } catch {
      // the result is rejected with it
    }
  }
}

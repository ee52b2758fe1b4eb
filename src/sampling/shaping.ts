/**
 * What changes the logits of one row before a token is chosen: penalties for what was said, a bias
 * for single tokens, and what a grammar allows. Log-probabilities are told of the model's own
 * logits, as if nothing had been changed.
 *
 * Source: OpenAI's API reference for `logit_bias`, frequency and presence penalty (logit -
 * frequency * count - presence, over the answer); Keskar et al. 2019 (CTRL, arXiv 1909.05858,
 * section 4.1) for the repetition penalty, over prompt and answer as transformers and vLLM have it.
 * Order: bias, repetition, frequency and presence, grammar; then temperature and filters.
 */
import { Scores } from "./scores.ts";

/** Tokens that may come next, token after token. */
export interface TokenConstraint {
  /**
   * One bit for each id, from the lowest bit of the first word on; the next call may overwrite it.
   * At least one is set.
   */
  allowed(): Uint32Array;
  /** Goes on behind a token. */
  take(id: number): void;
}

/** What changes the logits before a token is chosen. */
export interface LogitShapingOptions {
  /** Added to the logits of tokens. Default none. */
  bias?: ReadonlyMap<number, number>;
  /**
   * Divides what favours a token that was in prompt or answer, and multiplies what speaks against
   * it. Default 1.
   */
  repetitionPenalty?: number;
  /** Taken from a token's logit for each time that it is in the answer; default 0. */
  frequencyPenalty?: number;
  /** Taken once from the logit of every token that is in the answer; default 0. */
  presencePenalty?: number;
  /** Opens a constraint for one answer. Default none. */
  constrain?: () => TokenConstraint;
}

export class LogitShaping {
  private readonly options: LogitShapingOptions;
  private readonly constraint: TokenConstraint | undefined;
  /** How often a token is in the answer. */
  private readonly counts = new Map<number, number>();
  private readonly seen: Set<number>;
  private logits: Float32Array | undefined;

  private constructor(options: LogitShapingOptions, prompt: ArrayLike<number>) {
    this.options = options;
    this.constraint = options.constrain?.();
    this.seen = new Set(
      options.repetitionPenalty === undefined || options.repetitionPenalty === 1
        ? []
        : Array.from(prompt),
    );
  }

  /** Undefined where the options change nothing. */
  static of(options: LogitShapingOptions, prompt: ArrayLike<number>): LogitShaping | undefined {
    const {
      bias,
      repetitionPenalty = 1,
      frequencyPenalty = 0,
      presencePenalty = 0,
      constrain,
    } = options;
    const idle =
      (bias?.size ?? 0) === 0 &&
      repetitionPenalty === 1 &&
      frequencyPenalty === 0 &&
      presencePenalty === 0 &&
      constrain === undefined;
    return idle ? undefined : new LogitShaping(options, prompt);
  }

  /** What is chosen from; the next call overwrites it. */
  shape(scores: Scores): Scores {
    const {
      bias = [],
      repetitionPenalty = 1,
      frequencyPenalty = 0,
      presencePenalty = 0,
    } = this.options;
    const logits = (this.logits ??= new Float32Array(scores.logits.length));
    logits.set(scores.logits);
    for (const [id, amount] of bias) if (id < logits.length) logits[id]! += amount;
    for (const id of this.seen)
      logits[id] =
        logits[id]! > 0 ? logits[id]! / repetitionPenalty : logits[id]! * repetitionPenalty;
    for (const [id, count] of this.counts)
      logits[id]! -= frequencyPenalty * count + presencePenalty;
    const allowed = this.constraint?.allowed();
    if (allowed)
      for (let id = 0; id < logits.length; id++)
        if (!(allowed[id >>> 5]! & (1 << (id & 31)))) logits[id] = -Infinity;
    return Scores.of(logits, scores.inverseTemperature);
  }

  /** Takes note of the token that was chosen. */
  took(id: number): void {
    this.counts.set(id, (this.counts.get(id) ?? 0) + 1);
    if ((this.options.repetitionPenalty ?? 1) !== 1) this.seen.add(id);
    this.constraint?.take(id);
  }
}

/**
 * Log-probabilities of continuations, many together. Continuations of one prompt stand in one row,
 * where the prompt is computed once (training/layout.ts).
 *
 * Source: lm_eval/api/model.py `_encode_pair` for plain texts: the continuation's tokens are those
 * of the whole text behind as many as the prompt alone has, and white space at the prompt's end
 * belongs to the continuation.
 */
import type { AnswerCache } from "../../constitution/answer-cache.ts";
import { answerKey } from "../../constitution/answer-cache.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import type { Model } from "../../models/model.ts";
import { PlanOnDemand } from "../../training/choose-plan.ts";
import type { LaidRow } from "../../training/layout.ts";
import { layShared } from "../../training/layout.ts";
import { batchRollouts } from "../../training/rollout/rollout.ts";
import type { Encoder } from "../../text/encoder.ts";
import type { ContinuationRequest, ContinuationScore, Hooks, NoAnswer } from "../subject.ts";
import { isKeptScore, keyOfScore } from "./kept.ts";
import { beginningOf, windowsOf } from "./text-windows.ts";

/** Padded tokens that are computed together: the rate is flat above (bench/). */
const BATCH_TOKENS = 2048;
/** Continuations of one prompt in one row, at most. */
const MOST_SHARED = 16;

export interface ContinuationReaderOptions {
  model: Model;
  encoder: Encoder;
  fingerprint: string;
  cache: AnswerCache;
  /** Longest prompt with its continuation, tokens. */
  room: number;
}

interface Wanted {
  key: string;
  prompt: Int32Array;
  continuation: Int32Array;
}

/** A prompt with continuations that are computed in one row. */
interface SharedRow {
  laid: LaidRow;
  members: readonly Wanted[];
}

export class ContinuationReader {
  private readonly options: ContinuationReaderOptions;
  private readonly plan: PlanOnDemand;

  constructor(options: ContinuationReaderOptions) {
    this.options = options;
    this.plan = new PlanOnDemand(
      {
        model: options.model,
        reads: "tokens",
        statistics: true,
        longestRow: Math.max(options.room, BATCH_TOKENS),
      },
      { plan: "auto", recompute: "all", maxLength: options.room },
    );
  }

  /** In the order of the requests; what was scored before is not computed again. */
  async score(
    requests: readonly ContinuationRequest[],
    { signal, onDone }: Hooks,
  ): Promise<(ContinuationScore | NoAnswer)[]> {
    const { cache, fingerprint } = this.options;
    const encoded = requests.map((request) => ({
      key: keyOfScore(fingerprint, request),
      ...this.encode(request),
    }));
    const missing = new Map<string, Wanted>();
    for (const each of encoded)
      if (!("refused" in each) && !cache.has(each.key)) missing.set(each.key, each);
    let done = requests.length - missing.size;
    onDone?.(done);
    const rows = sharedRows([...missing.values()]);
    await this.compute(
      rows.map(({ laid }) => laid),
      async (row, scores) => {
        for (const [index, { key }] of rows[row]!.members.entries())
          await this.keep(key, checked(scores[index]!));
        onDone?.((done += scores.length));
      },
      signal,
    );
    return Promise.all(
      encoded.map((each) => ("refused" in each ? { refused: each.refused } : this.kept(each.key))),
    );
  }

  /**
   * Whole texts from their first token, each token once: longer ones in windows (text-windows.ts).
   */
  async scoreTexts(
    texts: readonly string[],
    { signal, onDone }: Hooks,
  ): Promise<(ContinuationScore | NoAnswer)[]> {
    const { cache, fingerprint, encoder, room } = this.options;
    const keys = texts.map((text) => answerKey("subject", fingerprint, "text", room, text));
    const missing = [...new Set(texts.keys())].filter((index) => !cache.has(keys[index]!));
    const rows = missing.flatMap((index) => {
      const windows = windowsOf(encoder, texts[index]!, room);
      return windows.map((laid) => ({ index, laid, of: windows.length }));
    });
    const sums = new Map<number, { score: ContinuationScore; rows: number }>();
    let done = texts.length - missing.length;
    onDone?.(done);
    await this.compute(
      rows.map(({ laid }) => laid),
      async (row, [score]) => {
        const { index, of } = rows[row]!;
        const before = sums.get(index);
        const sum = { score: added(before?.score, score!), rows: (before?.rows ?? 0) + 1 };
        sums.set(index, sum);
        if (sum.rows < of) return;
        await this.keep(keys[index]!, checked(sum.score));
        onDone?.(++done);
      },
      signal,
    );
    return Promise.all(
      texts.map((_, index) =>
        missing.includes(index) && !sums.has(index)
          ? { refused: "the text is empty, or the tokenizer has no token to begin with" }
          : this.kept(keys[index]!),
      ),
    );
  }

  /** Batches of rows; each row is told with the scores of its sequences. */
  private async compute(
    rows: readonly LaidRow[],
    tell: (row: number, scores: readonly ContinuationScore[]) => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const batches = batchRollouts(rows, [...rows.keys()], {
      microBatchTokens: BATCH_TOKENS,
      padId: this.options.encoder.padId,
    });
    for (const { members, laid } of batches) {
      signal?.throwIfAborted();
      const counts = members.map((row) => rows[row]!.sequences);
      const { readout, statistics } = await this.plan.plan.score(laid.batch);
      const scores = bySequence(
        counts.reduce((sum, count) => sum + count, 0),
        { sequences: laid.sequenceOfRead.data, readout, correct: statistics!.correct },
      );
      let at = 0;
      for (const [index, row] of members.entries())
        await tell(row, scores.slice(at, (at += counts[index]!)));
    }
  }

  private async keep(key: string, score: ContinuationScore): Promise<void> {
    await this.options.cache.answer(key, {
      accepts: isKeptScore,
      ask: () => Promise.resolve(score),
    });
  }

  private async kept(key: string): Promise<ContinuationScore> {
    const { answer } = await this.options.cache.answer<ContinuationScore>(key, {
      accepts: isKeptScore,
      ask: () => Promise.reject(new AttuneError("internal", "internal: a score was not kept")),
    });
    return answer;
  }

  private encode({ prompt, continuation }: ContinuationRequest): Omit<Wanted, "key"> | NoAnswer {
    const { encoder, room } = this.options;
    if (continuation === "") return { refused: "the continuation is empty" };
    const ids =
      typeof prompt === "string" && !encoder.hasTemplate
        ? plainIds(encoder, prompt, continuation)
        : {
            prompt: encoder.encodePrompt(prompt),
            continuation: Int32Array.from(
              encoder.tokenizer.encodePlain(continuation, { continues: true }),
            ),
          };
    if (ids.continuation.length === 0)
      return { refused: "the tokenizer has no token for the continuation" };
    const first = beginningOf(encoder);
    if (ids.prompt.length === 0 && first !== undefined) ids.prompt = Int32Array.of(first);
    if (ids.prompt.length === 0)
      return { refused: "the prompt is empty, and the tokenizer has no token to begin with" };
    const length = ids.prompt.length + ids.continuation.length;
    if (length > room)
      return {
        refused: `prompt and continuation take ${countOf(length, "token")}, and there is room for ${room}`,
      };
    return ids;
  }

  close(): Promise<void> {
    return this.plan.close();
  }
}

/** As lm_eval parts a text. */
function plainIds(encoder: Encoder, given: string, continuation: string): Omit<Wanted, "key"> {
  const prompt = given.trimEnd();
  const moved = prompt === "" ? given : prompt;
  const alone = encoder.encodePrompt(moved);
  const whole = encoder.encodePrompt(`${given}${continuation}`);
  return { prompt: alone, continuation: whole.slice(alone.length) };
}

/** Requests with the same prompt share a row, in the order in which they came. */
function sharedRows(wanted: readonly Wanted[]): SharedRow[] {
  const groups = new Map<string, Wanted[][]>();
  for (const each of wanted) {
    const name = each.prompt.join();
    const lists = groups.get(name) ?? [];
    groups.set(name, lists);
    const last = lists.at(-1);
    const tokens = (list: readonly Wanted[]): number =>
      list.reduce((sum, { continuation }) => sum + continuation.length, each.prompt.length);
    if (last !== undefined && last.length < MOST_SHARED && tokens([...last, each]) <= BATCH_TOKENS)
      last.push(each);
    else lists.push([each]);
  }
  return [...groups.values()].flat().map((members) => ({
    members,
    laid: layShared(
      members[0]!.prompt,
      members.map(({ continuation }) => continuation),
    ),
  }));
}

const added = (
  before: ContinuationScore | undefined,
  { logProbability, tokens, greedy }: ContinuationScore,
): ContinuationScore => ({
  logProbability: (before?.logProbability ?? 0) + logProbability,
  tokens: (before?.tokens ?? 0) + tokens,
  greedy: (before?.greedy ?? true) && greedy,
});

function bySequence(
  count: number,
  {
    sequences,
    readout,
    correct,
  }: { sequences: BigInt64Array; readout: Float32Array; correct: Float32Array },
): ContinuationScore[] {
  const scores = Array.from({ length: count }, (): ContinuationScore => ({
    logProbability: 0,
    tokens: 0,
    greedy: true,
  }));
  sequences.forEach((sequence, read) => {
    const score = scores[Number(sequence)]!;
    score.logProbability += readout[read]!;
    score.tokens++;
    score.greedy &&= correct[read] === 1;
  });
  return scores;
}

function checked(score: ContinuationScore): ContinuationScore {
  if (Number.isFinite(score.logProbability)) return score;
  throw new AttuneError("numeric", "a continuation's log-probability is no number", {
    got: String(score.logProbability),
    hint: "are the model's weights whole?",
  });
}

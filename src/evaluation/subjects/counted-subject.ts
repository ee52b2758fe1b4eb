/**
 * Stands in for a model behind a server, to count what a part would ask of it. Answers are as long
 * as they may be, so that whatever follows from an answer is asked as well.
 */
import type { Estimate } from "../../constitution/estimate.ts";
import { CHARACTERS, estimateAnswers, sumEstimates } from "../../constitution/estimate.ts";
import type { Prompt } from "../../text/messages.ts";
import type {
  AnswerRequest,
  ContinuationRequest,
  ContinuationScore,
  NoAnswer,
  Subject,
  SubjectAnswer,
} from "../subject.ts";
import { refusedScore } from "./server-subject.ts";

/**
 * Tokens that a score may cost, though it writes one: a server that turns out to score nothing is
 * asked for the answer, 16 tokens for the two options or more that were to be scored.
 */
const SCORED_TOKENS = 8;

export class CountedSubject implements Subject {
  readonly name: string;
  readonly fingerprint = "counted";
  private probed = false;
  private total: Estimate = { requests: 0, inputTokens: 0, outputTokens: 0 };

  constructor(name: string) {
    this.name = name;
  }

  /** Of everything that was asked so far; a request that is repeated counts again. */
  get estimate(): Estimate {
    return this.total;
  }

  answer(requests: readonly AnswerRequest[]): Promise<SubjectAnswer[]> {
    return Promise.resolve(
      requests.map(({ prompt, maxNewTokens }) => {
        this.count(prompt, maxNewTokens);
        return { text: "x".repeat(CHARACTERS * maxNewTokens), stopped: true };
      }),
    );
  }

  /** Whether it scores is asked for once, and whatever is then scored is counted. */
  whyScoreless(): Promise<string | undefined> {
    if (!this.probed) this.count("1 + 1 = 2", 1);
    this.probed = true;
    return Promise.resolve(undefined);
  }

  /** Equal requests of one call are asked once. */
  score(requests: readonly ContinuationRequest[]): Promise<(ContinuationScore | NoAnswer)[]> {
    const asked = new Set<string>();
    return Promise.resolve(
      requests.map((request) => {
        const refused = refusedScore(request);
        if (refused) return refused;
        const { prompt, continuation } = request;
        const key = JSON.stringify([prompt, continuation]);
        if (!asked.has(key)) this.count(`${prompt as string}${continuation}`, SCORED_TOKENS);
        asked.add(key);
        return { logProbability: -1, tokens: 1, greedy: false };
      }),
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private count(prompt: Prompt, maxNewTokens: number): void {
    this.total = sumEstimates([this.total, estimateAnswers([prompt], 1, { maxNewTokens })]);
  }
}

/**
 * What is watched while a policy learns from a reward: the text of its answers, a reward that is
 * never optimised, and the guard that tells when the two rewards part. Every method over roll-outs
 * shares it.
 */
import { countOf } from "../../core/counts.ts";
import type { ScoreScale } from "../../objectives/advantages.ts";
import { normaliseScore } from "../../objectives/advantages.ts";
import type { Metrics } from "../../runs/events.ts";
import { mean, meanAndDeviation } from "../../stats/intervals.ts";
import { answerFaults, faultText, faultWarning } from "../../text/answer-faults.ts";
import { distinctShare, repeatedShare, wordsOf } from "../../text/ngrams.ts";
import type { GuardStep } from "./guard.ts";
import { WEAK_CORRELATION, correlation, judgeGuard } from "./guard.ts";
import { finiteScores } from "./rewards.ts";
import type { RewardSource } from "./rewards.ts";
import type { Rollout } from "./rollout.ts";
import type { StepOutcome, Warning } from "../step.ts";

export interface MonitorOptions {
  guard: "off" | "warn" | "stop";
  guardWindow: number;
  guardAlpha: number;
  guardShare: number;
}

/** What the monitor must know again after a restart. */
export interface MonitorState {
  heldOutScale: ScoreScale;
  correlation: number;
  /** Mean and deviation of the optimised reward over answers of the reference. */
  proxyScale: ScoreScale;
  window: GuardStep[];
  parted: boolean;
  /** completions/distinct_2 of the first roll-out that had any pairs of words. */
  firstDistinct?: number;
}

export type Watched = Pick<StepOutcome, "metrics" | "score" | "stop"> & { warnings: Warning[] };

const UNIT: ScoreScale = { mean: 0, deviation: 1, clip: 0 };

/**
 * A policy has collapsed where its answers are one and the same, and so has one whose distinct-2 is
 * below this share of what it was at first. Relative, since distinct-n falls with the number of
 * words.
 */
const DISTINCT_FLOOR = 0.2;

export class Monitor {
  private readonly heldOut: RewardSource | undefined;
  private readonly options: MonitorOptions;
  private current: MonitorState = {
    heldOutScale: UNIT,
    correlation: 0,
    proxyScale: UNIT,
    window: [],
    parted: false,
  };
  private readonly told = new Set<string>();

  constructor(heldOut: RewardSource | undefined, options: MonitorOptions) {
    this.heldOut = heldOut;
    this.options = options;
  }

  get needsScale(): boolean {
    return this.heldOut !== undefined;
  }

  get state(): MonitorState {
    return this.current;
  }

  restore(state: MonitorState): void {
    this.current = state;
  }

  /**
   * Scales and correlation of the two rewards over answers of the reference.
   * @param proxy scores by the optimised reward; left out where a judge stands in place of one,
   * whose scores have no level that could part from the held-out reward's
   */
  async measure(
    rollouts: readonly Rollout[],
    proxy: readonly number[] | undefined,
  ): Promise<Warning[]> {
    if (!this.heldOut) return [];
    const scores = await finiteScores(this.heldOut, rollouts);
    const scale = (values: readonly number[]): ScoreScale => {
      const { mean: average, deviation } = meanAndDeviation(values);
      return { mean: average, deviation: deviation || 1, clip: 0 };
    };
    this.current = { ...this.current, heldOutScale: scale(scores) };
    if (!proxy) return [];
    this.current = {
      ...this.current,
      proxyScale: scale(proxy),
      correlation: correlation(proxy, scores),
    };
    if (this.current.correlation > WEAK_CORRELATION) return [];
    return [
      {
        id: "held-out-disagrees",
        message:
          "the reward and the held-out reward hardly agree on answers of the reference " +
          `(correlation ${this.current.correlation.toFixed(2)}), so a gain of one says nothing ` +
          "about the other",
      },
    ];
  }

  /** Held-out scores in standard deviations over the reference's answers. */
  async judge(rollouts: readonly Rollout[]): Promise<number[] | undefined> {
    if (!this.heldOut) return undefined;
    const scores = await finiteScores(this.heldOut, rollouts);
    await this.heldOut.release();
    return scores.map((score) => normaliseScore(score, this.current.heldOutScale));
  }

  /**
   * Statistics of one roll-out.
   * @param proxy scores by the optimised reward, before the penalty of a missing end
   */
  watch(
    rollouts: readonly Rollout[],
    proxy: readonly number[],
    heldOut: readonly number[] | undefined,
  ): Watched {
    const watched: Watched = { metrics: textMetrics(rollouts), warnings: [] };
    this.warnOfCollapse(rollouts, proxy, watched);
    if (!heldOut) return watched;
    const { guardWindow, guardAlpha, guardShare, guard } = this.options;
    const normalised = proxy.map((score) => normaliseScore(score, this.current.proxyScale));
    this.current.window = [...this.current.window, { proxy: normalised, heldOut }].slice(
      -guardWindow,
    );
    const verdict = judgeGuard(this.current.window, {
      correlation: this.current.correlation,
      alpha: guardAlpha,
      share: guardShare,
    });
    const level = mean(this.current.window.flatMap((step) => step.heldOut));
    watched.score = { metric: "objective/held_out_scores", value: level };
    watched.metrics = {
      ...watched.metrics,
      "objective/held_out_scores": mean(heldOut),
      "guard/unconfirmed": verdict.unconfirmed,
      "guard/stalled": verdict.stalled,
    };
    const full = this.current.window.length === guardWindow;
    const parted = full && verdict.reason !== undefined;
    if (guard !== "off" && parted && !this.current.parted) {
      const how =
        verdict.reason === "unconfirmed"
          ? "the held-out reward has confirmed less than " +
            `${guardShare === 1 ? "all" : guardShare} of the rise that it should have`
          : "lately the held-out reward has not followed the reward";
      const message =
        `the rewards part: ${how} (t ${verdict[verdict.reason!].toFixed(1)}, limit ` +
        `${(-verdict.critical).toFixed(1)}, last ${countOf(guardWindow, "roll-out")})`;
      watched.warnings.push({ id: "guard", message });
      if (guard === "stop") watched.stop = message;
    }
    this.current.parted = parted;
    return watched;
  }

  private warnOfCollapse(
    rollouts: readonly Rollout[],
    proxy: readonly number[],
    { metrics, warnings }: Watched,
  ): void {
    const tell = (id: string, message: string): void => {
      if (this.told.has(id)) return;
      this.told.add(id);
      warnings.push({ id, message });
    };
    const faults = answerFaults(rollouts);
    const same = faults.find(({ kind }) => kind === "identical");
    for (const fault of faults.filter((each) => each !== same))
      tell(
        faultWarning(fault).id,
        `${faultText(fault)}: an answer without words or without an end says little to a reward`,
      );
    const distinct = metrics["completions/distinct_2"]!;
    if (this.current.firstDistinct === undefined && distinct > 0)
      this.current = { ...this.current, firstDistinct: distinct };
    if (same)
      tell(
        "collapsed-policy",
        `the policy has collapsed: ${Math.round((100 * same.count) / same.n)}% of its answers to ` +
          `${countOf(same.prompts, "prompt")} are the same, ${same.example}; ${COLLAPSE_HINT}`,
      );
    else if (distinct < DISTINCT_FLOOR * this.current.firstDistinct!)
      tell(
        "collapsed-policy",
        `the policy is collapsing: ${percent(distinct)} of the pairs of words in its answers are ` +
          `different, where it was ${percent(this.current.firstDistinct!)} at first; ` +
          `${COLLAPSE_HINT}`,
      );
    if (new Set(proxy).size === 1 && rollouts.length > 1)
      tell(
        "constant-reward",
        `every answer of a roll-out has the same reward, ${proxy[0]}: there is nothing to learn ` +
          "from it",
      );
  }
}

const COLLAPSE_HINT =
  "a stronger pull towards the reference (a larger kl.coef or beta) or a lower learning rate " +
  "keeps its answers varied";
const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

function textMetrics(rollouts: readonly Rollout[]): Metrics {
  const words = rollouts.map(({ text }) => wordsOf(text));
  const stopped = rollouts.filter((rollout) => rollout.stopped).length;
  return {
    "val/num_eos_tokens": stopped,
    "val/stop_rate": stopped / rollouts.length,
    "completions/mean_length": mean(rollouts.map(({ ids }) => ids.length)),
    "completions/distinct_1": distinctShare(words, 1),
    "completions/distinct_2": distinctShare(words, 2),
    "completions/repetition": mean(words.map(repeatedShare)),
  };
}

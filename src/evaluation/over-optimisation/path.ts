/** The way of an optimisation: what the reward, its witnesses and what was meant say at each look. */
import type { Labels } from "../../stats/clusters.ts";

/** One roll-out: rewards of the answers that the policy gave then. */
export interface RollOut {
  step: number;
  /** From the policy that it began as, nats an answer. */
  kl: number;
  /** Mean of the reward that is optimised. */
  proxy: number;
  /** Mean of a reward that is not. */
  heldOut?: number;
  /**
   * t of what the held-out reward confirms, over the last roll-outs (rollout/guard.ts): far below 0
   * where it confirms less of the proxy's rise than it should.
   */
  confirmed?: number;
}

/** A look at what was meant: its value for each of the same prompts, by gold or a judge. */
export interface Look {
  step: number;
  values: readonly number[];
}

export interface OptimisationPath {
  name: string;
  /** Who says what was meant, as it is called in sentences; "gold" where left out. */
  witness?: string;
  /** In the order of their steps. */
  rollOuts: readonly RollOut[];
  /** In the order of their steps; the first is before any update. */
  looks: readonly Look[];
  /**
   * Rewards of the answers of kept checkpoints, one for each of the same prompts, in standard
   * deviations over what it began as; the prompts need not be those of the looks.
   */
  scored?: {
    proxy?: readonly Look[] | undefined;
    heldOut?: readonly Look[] | undefined;
    clusters?: Labels | undefined;
  };
  /** One label for each prompt of the looks. */
  clusters?: Labels | undefined;
  /** Lowest and highest value of a look, where there are any. */
  range?: readonly [number, number];
  /** Roll-outs that {@link RollOut.confirmed} looks at, and the share of the rise it asks for. */
  guard?: { window: number; share: number };
  /** Steps of which a checkpoint is kept. */
  checkpoints: readonly number[];
}

/** Who says what was meant. */
export const witnessOf = ({ witness = "gold" }: Pick<OptimisationPath, "witness">): string =>
  witness;

/** What rises and falls: a judge does neither. */
export const scoreOf = ({ witness }: Pick<OptimisationPath, "witness">): string =>
  witness === undefined || witness === "gold" ? "gold" : `the score by ${witness}`;

/** The roll-out that the policy of a look made: that of the next step, before its update. */
export const rollOutAt = (
  { rollOuts }: Pick<OptimisationPath, "rollOuts">,
  step: number,
): RollOut | undefined =>
  rollOuts.find((each) => each.step === step + 1) ?? rollOuts.find((each) => each.step === step);

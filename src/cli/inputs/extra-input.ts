/** What a trainer over answers reads besides policy, prompts and rewards. */
import type { Dataset } from "../../data/dataset.ts";
import type { PromptRecord } from "../../data/records.ts";
import type { OpenedModel } from "../../models/open.ts";
import type { Run } from "../../runs/run.ts";
import type { Besides } from "../../training/rollout/policy.ts";
import type { CommandContext } from "../command.ts";

/** Demonstrations, or a judge. */
export interface ExtraInput {
  /** What a resumed run must find as it was, besides the prompts. */
  dataHash?: string;
  /** Opens models, and tells their fingerprint. */
  open?(policy: OpenedModel): Promise<{ fingerprint: string; note: string }>;
  /**
   * Says what it will take, and gives it for the plan of a dry run. May refuse.
   * @param work.asked prompts of all roll-outs together
   */
  announce?(work: {
    prompts: readonly PromptRecord[];
    asked: number;
    dryRun: boolean;
  }): Readonly<Record<string, unknown>>;
  /** Gives the input once there is a run folder (undefined in a dry run, which asks nothing). */
  begin(run: Run | undefined): Promise<Besides>;
  /** Whether a run that failed before its first step has something worth keeping. */
  keeps?(): boolean;
  /** After the last step. */
  done?(): void;
  close?(): Promise<void>;
}

/** Opens it, as the options say; undefined where they ask for nothing. */
export type OpenExtraInput = (
  config: object,
  tools: {
    /** Reads demonstrations as the options say of data. */
    load(source: string): Promise<Dataset>;
    context: CommandContext;
  },
) => Promise<ExtraInput | undefined>;

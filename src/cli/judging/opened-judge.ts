/** What a judge is between its option and the comparison. */
import type { AnswerCache } from "../../constitution/answer-cache.ts";
import type { Constitution } from "../../constitution/constitution.ts";
import type { Critic } from "../../constitution/critic.ts";
import type { AnswerSet } from "../../evaluation/compare/answer-set.ts";
import type { ComparisonJudge, JudgeKind } from "../../evaluation/compare/judges.ts";
import type { RowOf } from "../../evaluation/judges/function-judge.ts";
import type { CriticConfig } from "../constitution/critics.ts";
import type { LetterConfig } from "../constitution/costs.ts";

/** What judges are opened by: the options of judgingFields, and of critics behind servers. */
export interface JudgingConfig
  extends Omit<CriticConfig, "template" | "maxNewTokens">, LetterConfig {
  readonly judge: string | readonly string[];
  readonly rubric: string;
  readonly constitution: string;
  readonly tags: readonly string[];
  readonly principles: number;
  readonly reasoning: boolean;
  readonly thoughts: { readonly maxNewTokens: number };
  readonly judgeTimeout: number;
  readonly seed: number;
  readonly letters: LetterConfig["letters"];
  readonly letterSamples: number;
}

/** What judges are made of once the run has begun. */
export interface JudgeMaterial {
  cache: AnswerCache;
  sets: readonly AnswerSet[];
  rowOf: RowOf;
}

/** A judge that is found and read. */
export interface OpenedJudge {
  name: string;
  kind: JudgeKind;
  /** How the option was understood: "a reward model", "a critic with the constitution ...". */
  chosen: string;
  /** Of everything that its judgements depend on, but a function's file, which may be mended. */
  fingerprint: string;
  /** What a critic behind a server is asked by; undefined for judges that cost nothing. */
  constitution?: Constitution;
  begin(material: JudgeMaterial): Promise<ComparisonJudge>;
  /** The critic that has begun, for what it has spent. */
  critic?: () => Critic | undefined;
  close?(): Promise<void>;
}

/**
 * What a part of `attune eval` is: its options, what it looks at before anything is asked, and the
 * findings that come of it. parts.ts lists them; eval-run.ts runs them.
 */
import type { ConfigDefinition, ConfigOf } from "../../config/config.ts";
import type { AnswerCache } from "../../constitution/answer-cache.ts";
import type { Chart } from "../../evaluation/chart.ts";
import type { Finding, Findings } from "../../evaluation/findings.ts";
import type { Subject } from "../../evaluation/subject.ts";
import type { Estimate } from "../../constitution/estimate.ts";
import type { CommandContext } from "../command.ts";
import type { CostConfig } from "../constitution/costs.ts";
import type { Progress, ProgressOptions } from "../display/reporter.ts";
import type {
  LocalSubjectConfig,
  OpenedSubject,
  SubjectConfig,
  SubjectUse,
} from "./open-subject.ts";

/** What a part is prepared with. Nothing may be asked or written yet. */
export interface PartInput<D extends ConfigDefinition = ConfigDefinition> {
  readonly config: ConfigOf<D>;
  readonly context: CommandContext;
  /**
   * Opens the model that is evaluated; the same model with the same options is opened once for all
   * parts.
   */
  openSubject(config: SubjectConfig): Promise<OpenedSubject>;
  /**
   * The same of a model that must be in this process.
   * @throws AttuneError `usage` for one behind a server
   */
  openLocalSubject(config: LocalSubjectConfig, use?: SubjectUse): Promise<OpenedSubject>;
}

/** What a part is run with. */
export interface PartWork {
  readonly context: CommandContext;
  readonly signal: AbortSignal;
  /** Run folder. */
  readonly folder: string;
  /** Whatever a model or a judge said, by the hash of what was asked: nothing is asked twice. */
  readonly cache: AnswerCache;
  /** The model behind what {@link PartInput.openSubject} opened, whose answers the cache keeps. */
  subject(opened: OpenedSubject): Promise<Subject>;
  /** Shown with rate and time left; ended when the part ends, whatever happens. */
  progress(options: ProgressOptions): Progress;
}

/** What a part found. */
export interface PartFindings {
  readonly findings: readonly Finding[];
  /** The one picture of the verdict. */
  readonly picture?: Chart;
  readonly warnings?: readonly string[];
  readonly facts?: Findings["facts"];
}

/** Parts with the same prices and budget have one bill. */
export interface PartCosts {
  readonly estimate: Estimate;
  readonly prices: CostConfig;
}

/** A part that has read its data and opened its models. */
export interface PreparedPart {
  /** What is evaluated, in a few words: "runs/reward". */
  readonly subject: string;
  /** Hash of the data, which a run that goes on must find as it was. */
  readonly dataHash: string;
  /** Of the models. */
  readonly fingerprint: string;
  /** What a dry run says would be done, a line each. */
  readonly plan: readonly string[];
  /** What critics and models behind servers are asked at most, and what that may cost. */
  readonly costs?: PartCosts;
  run(work: PartWork): Promise<PartFindings>;
  /** Gives back what was opened; called once, also where it was never run. */
  close?(): Promise<void>;
}

export interface EvaluationPart<D extends ConfigDefinition = ConfigDefinition> {
  /**
   * Reads and checks everything that can be wrong.
   * @throws AttuneError as whatever it reads
   */
  // a method, so that a part with certain options is a part with any
  prepare(input: PartInput<D>): Promise<PreparedPart>;
}

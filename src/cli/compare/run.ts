/** `attune compare`: opens everything, asks the models, asks the judges, and tells the verdict. */
import { join } from "node:path";
import { AnswerCache } from "../../constitution/answer-cache.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { stringifyJson } from "../../core/json.ts";
import { fingerprintOf } from "../../evaluation/answer-files/read.ts";
import type { AnswerSet } from "../../evaluation/compare/answer-set.ts";
import { compareModels } from "../../evaluation/compare/compare.ts";
import type { Comparison } from "../../evaluation/compare/comparison.ts";
import { comparisonFindings } from "../../evaluation/compare/findings.ts";
import type { ComparisonJudge } from "../../evaluation/compare/judges.ts";
import { promptIdentity } from "../../evaluation/compare/match.ts";
import type { Findings } from "../../evaluation/findings.ts";
import type { RowOf } from "../../evaluation/judges/function-judge.ts";
import { metricOf } from "../../evaluation/judges/judge-words.ts";
import { checkRequirements } from "../../evaluation/thresholds.ts";
import { writeFileAtomic } from "../../runs/files.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import type { Run } from "../../runs/run.ts";
import { versions } from "../../runs/versions.ts";
import type { CommandContext } from "../command.ts";
import { usageText } from "../constitution/costs.ts";
import { tellFindings } from "../display/outcome.ts";
import type { Progress } from "../display/reporter.ts";
import { commandLine, shellWord } from "../display/words.ts";
import type { OpenedSubject } from "../evaluation/open-subject.ts";
import { openSubject } from "../evaluation/open-subject.ts";
import { closeJudges, openJudges } from "../judging/judges.ts";
import type { OpenedJudge } from "../judging/opened-judge.ts";
import { readSources } from "../judging/sources.ts";
import type { ModelSource, Sources } from "../judging/sources.ts";
import { worldSeedOf } from "../judging/trained-for.ts";
import type { TrainingCall } from "../training/training-command.ts";
import { askModel, writeAnswers } from "./answering.ts";
import type { CompareConfig, compareModelsConfig } from "./compare.config.ts";
import { estimateComparison, expectedMatch } from "./costs.ts";
import { planComparison, announceComparison } from "./plan.ts";
import type { Prompts } from "./prompts.ts";
import { readPrompts } from "./prompts.ts";

/** What the judges said, prompt by prompt. */
const COMPARISON_FILE = "comparison.json";

type Call = TrainingCall<typeof compareModelsConfig>;

/** Everything that is opened before the run begins. */
export interface OpenedComparison {
  sources: Sources;
  /** Undefined where no model is asked. */
  prompts: Prompts | undefined;
  judges: readonly OpenedJudge[];
  subjects: ReadonlyMap<ModelSource, OpenedSubject>;
}

export async function runComparison(
  { config, dryRun, openRun }: Call,
  context: CommandContext,
): Promise<void> {
  checkRequirements(config, ["compare"]);
  const metric = metricOf([config.judge].flat());
  const sources = await readSources(config.models, { names: config.names, metric });
  if (sources.sources.length < 2)
    throw new AttuneError("usage", "a comparison needs two models", {
      got: sources.sources.map(({ name }) => name).join(", "),
      hint: "name another model, run folder or file of answers",
    });
  for (const note of sources.notes) context.reporter.note(note);
  const judges = await openJudges(config, sources, context);
  try {
    const opened = await openModels(config, { sources, judges }, context);
    const prompts = opened.prompts?.records ?? [];
    const expected = expectedMatch(sources.sources, prompts, judges);
    const estimate = estimateComparison(config, {
      sources: sources.sources,
      prompts,
      expected,
      judges,
    });
    if (dryRun) return planComparison(config, opened, { expected, estimate, context });
    announceComparison(config, estimate, context);
    const run = await openRun(factsOf(config, opened));
    await compareAll(run, opened, { config, context });
  } finally {
    await closeJudges(judges);
  }
}

async function openModels(
  config: CompareConfig,
  { sources, judges }: Pick<OpenedComparison, "sources" | "judges">,
  context: CommandContext,
): Promise<OpenedComparison> {
  const models = sources.sources.filter((source) => source.kind === "model");
  const subjects = new Map<ModelSource, OpenedSubject>();
  if (models.length === 0) {
    // folders of answers, which their names do not tell from models
    if (config.data !== "")
      throw new AttuneError("usage", "--data has no effect here: no model is asked", {
        hint: "remove --data, or name a model in the place of a file of answers",
      });
    return { sources, prompts: undefined, judges, subjects };
  }
  const prompts = await readPrompts(
    { ...config, judge: [config.judge].flat() },
    { sources: sources.sources, seed: worldSeedOf(sources.sources) },
    context,
  );
  context.reporter.note(`${countOf(prompts.records.length, "prompt")}: ${prompts.source}`);
  const conversations = prompts.records.some(({ prompt }) => Array.isArray(prompt));
  for (const source of models) {
    context.signal.throwIfAborted();
    subjects.set(
      source,
      await openSubject({ ...config, model: source.model }, context, { conversations }),
    );
  }
  return { sources, prompts, judges, subjects };
}

function factsOf(
  { seed }: CompareConfig,
  { sources, prompts, judges, subjects }: OpenedComparison,
): { seed: number; dataHash: string; modelFingerprint: string } {
  const answers = sources.sources.flatMap((source) =>
    source.kind === "answers" ? [fingerprintOf(source.set.answers)] : [],
  );
  return {
    seed,
    dataHash: jointHash(prompts?.hash ?? "", ...answers),
    modelFingerprint: jointHash(
      ...[...subjects.values()].map(({ fingerprint }) => fingerprint),
      ...judges.map(({ fingerprint }) => fingerprint),
    ),
  };
}

/** Whatever ends it, what was answered and judged stays in the run folder. */
async function compareAll(
  run: Run,
  opened: OpenedComparison,
  { config, context }: { config: CompareConfig; context: CommandContext },
): Promise<void> {
  const cache = AnswerCache.open(run.folder, config.reuse);
  const shown: Progress[] = [];
  let decide: () => void;
  try {
    const { sets, notes, refused } = await answersOf(opened, { config, cache, context });
    await writeAnswers(run, sets);
    const rowOf = rowsOf(sets);
    const judges: ComparisonJudge[] = [];
    for (const judge of opened.judges) judges.push(await judge.begin({ cache, sets, rowOf }));
    const comparison = await compareModels({
      sets,
      judges,
      options: optionsOf(config),
      hooks: { signal: context.signal, onProgress: showJudging(context, shown) },
    });
    context.signal.throwIfAborted();
    for (const progress of shown) progress.end();
    const findings = withFacts(comparisonFindings(comparison), { run, opened, notes, refused });
    writeFileAtomic(join(run.folder, COMPARISON_FILE), comparisonText(comparison));
    const outcome = await tellFindings(
      {
        findings,
        command: "compare",
        config,
        folder: run.folder,
        created: run.info.created,
        more: { run: run.folder },
      },
      context,
    );
    noteUsage(opened.judges, config, context);
    run.finish("completed");
    decide = () => outcome.decide();
  } catch (error) {
    for (const progress of shown) progress.end();
    throw keep(run, cache, { error, signal: context.signal });
  } finally {
    cache.close();
  }
  decide();
}

/** Before the guard, which would take a run without steps back, and its answers with it. */
function keep(
  run: Run,
  cache: AnswerCache,
  { error, signal }: { error: unknown; signal: AbortSignal },
): unknown {
  const stopped = signal.aborted || (error instanceof AttuneError && error.code === "interrupted");
  const told = stopped
    ? new AttuneError("interrupted", "stopped before the end", {
        got: `kept: ${countOf(cache.size, "answer and judgement", "answers and judgements")}`,
        hint: `\`attune resume ${shellWord(run.folder)}\` goes on from there`,
        cause: error,
      })
    : error;
  if (cache.size > 0) run.fail(told);
  return told;
}

async function answersOf(
  { sources, prompts, subjects }: OpenedComparison,
  asking: { config: CompareConfig; cache: AnswerCache; context: CommandContext },
): Promise<{ sets: AnswerSet[]; notes: readonly string[]; refused: string[] }> {
  const sets: AnswerSet[] = [];
  const refused: string[] = [];
  for (const source of sources.sources) {
    if (source.kind === "answers") {
      sets.push(source.set);
      continue;
    }
    const asked = await askModel(source, subjects.get(source)!, {
      prompts: prompts!.records,
      ...asking,
    });
    asking.context.signal.throwIfAborted();
    sets.push(asked.set);
    refused.push(...asked.refused);
  }
  return { sets, notes: sources.notes, refused };
}

/** Further columns of a prompt's row, as the first model's answers have them. */
function rowsOf(sets: readonly AnswerSet[]): RowOf {
  const rows = new Map<string, Readonly<Record<string, unknown>>>();
  for (const { prompt, columns } of sets.flatMap(({ answers }) => answers)) {
    const identity = promptIdentity(prompt);
    if (columns && !rows.has(identity)) rows.set(identity, columns);
  }
  return (prompt) => rows.get(promptIdentity(prompt)) ?? {};
}

const optionsOf = ({
  seed,
  confidence,
  margin,
  sequential,
  pairs,
  controls,
  probes,
  group,
}: CompareConfig) => ({
  seed,
  confidence,
  margin: margin === 0 ? undefined : margin,
  sequential,
  pairs,
  controls,
  probes,
  group: group === "" ? undefined : group,
});

/** A bar a judge. */
function showJudging(
  { reporter }: CommandContext,
  shown: Progress[],
): (progress: { judge: string; done: number; total: number }) => void {
  let current: { judge: string; progress: Progress } | undefined;
  return ({ judge, done, total }) => {
    if (current?.judge !== judge) {
      current?.progress.end();
      const progress = reporter.progress({ title: `${judge} judges`, total, unit: "pairs" });
      current = { judge, progress };
      shown.push(progress);
    }
    current.progress.update(done);
  };
}

function withFacts(
  findings: Findings,
  {
    run,
    opened: { judges, prompts },
    notes,
    refused,
  }: {
    run: Run;
    opened: OpenedComparison;
    notes: readonly string[];
    /** What a model did not answer changes what the verdict is about, so it stands there. */
    refused: readonly string[];
  },
): Findings {
  const { sentence } = findings.verdict;
  return {
    ...findings,
    verdict: {
      ...findings.verdict,
      sentence: [sentence, ...refused.map((each) => `${each.replace(/\.$/, "")}.`)].join(" "),
    },
    warnings: [...notes, ...findings.warnings],
    facts: [
      ["command", commandLine(run.info.argv)],
      ["seed", String(run.info.seed)],
      ...(prompts ? [["prompts", prompts.source] as const] : []),
      ...judges.map(({ name, chosen }) => [`judge ${name}`, chosen] as const),
      ...findings.facts,
      ["hash of prompts and answers", run.info.dataHash.slice(0, 12)],
      ["hash of models and judges", run.info.modelFingerprint.slice(0, 12)],
      ["begun", run.info.created],
      ...Object.entries(versions()),
    ],
  };
}

/** Every judgement, without the answers, which lie beside it. */
function comparisonText({ matched, ...comparison }: Comparison): string {
  const prompts = matched.prompts.map(({ key, cluster, group }) => ({ key, cluster, group }));
  return `${stringifyJson({ ...comparison, prompts, notes: matched.notes })}\n`;
}

function noteUsage(
  judges: readonly OpenedJudge[],
  config: CompareConfig,
  { reporter }: CommandContext,
): void {
  const critics = judges.flatMap(({ critic }) => critic?.() ?? []);
  if (critics.length > 0) reporter.note(`critics: ${usageText(critics, config)}`);
}

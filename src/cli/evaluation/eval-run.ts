/**
 * One evaluation: its parts are prepared together, so that bad input costs nothing, then run one
 * after the other in a run folder that keeps what was answered.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AnswerCache } from "../../constitution/answer-cache.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import type { OutcomeConfig } from "../../evaluation/outcome.config.ts";
import type { Subject } from "../../evaluation/subject.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import { readConfig, refuseOtherOptions } from "../../runs/recorded.ts";
import { Run } from "../../runs/run.ts";
import { readRunInfo } from "../../runs/run-folder.ts";
import { versions } from "../../runs/versions.ts";
import type { CommandContext } from "../command.ts";
import { commandLine, shellWord } from "../display/words.ts";
import type { Outcome } from "../display/outcome.ts";
import { tellFindings } from "../display/outcome.ts";
import type { Progress } from "../display/reporter.ts";
import type { AskedParts } from "./eval-options.ts";
import { announceParts } from "./eval-costs.ts";
import { togetherFindings } from "./eval-findings.ts";
import type { LocalSubjectConfig, OpenedSubject, SubjectUse } from "./open-subject.ts";
import { openLocalSubject, openSubject } from "./open-subject.ts";
import type { PartFindings, PartWork, PreparedPart } from "./part.ts";
import { PARTS, sectionOf } from "./parts.ts";

/** Name by which run folders know the command. */
export const EVAL_COMMAND = "eval";

interface Facts {
  seed: number;
  dataHash: string;
  modelFingerprint: string;
}

export interface EvaluationCall {
  parts: AskedParts;
  /** Run folder. */
  out: string;
  /** What is asked of the findings. */
  outcome: OutcomeConfig;
  /** Goes on with the run that is there. */
  resume?: { acceptChanges: boolean };
}

/** A part with its name, ready to run. */
interface NamedPart {
  name: string;
  prepared: PreparedPart;
}

/** Options of all parts as a run folder keeps them: a section for each. */
const runConfig = (
  parts: AskedParts,
  outcome: object,
): { given: object; effective: Record<string, unknown> } => ({
  given: Object.fromEntries([...parts].map(([name, { given }]) => [sectionOf(name), given])),
  effective: {
    ...Object.fromEntries([...parts].map(([name, { effective }]) => [sectionOf(name), effective])),
    outcome,
  },
});

/** Opens data and models, and says what would be done. */
export async function planEvaluation(parts: AskedParts, context: CommandContext): Promise<void> {
  await withPrepared(parts, context, (prepared, costs) => {
    const lines = prepared.map(
      ({ name, prepared: { subject, plan } }) =>
        `  ${PARTS[name]!.title}, ${subject}: ${plan.join("; ")}`,
    );
    context.reporter.result(
      {
        dryRun: true,
        parts: prepared.map(({ name, prepared: { subject, plan } }) => ({ name, subject, plan })),
        costs,
      },
      `eval would do this (nothing was asked or written):\n` +
        [...lines, ...costs.map((text) => `  ${text}`)].join("\n"),
    );
    return Promise.resolve();
  });
}

/**
 * Runs what is asked for, in a new folder or in one that an evaluation with the same options left
 * unfinished.
 * @throws AttuneError `threshold` where something that was asked of the findings is not reached
 */
export async function runEvaluation(
  { parts, out, outcome, resume }: EvaluationCall,
  context: CommandContext,
): Promise<void> {
  const goesOn = resume !== undefined || isUnfinished(out, parts);
  let run: Run | undefined;
  let told: Outcome | undefined;
  try {
    await withPrepared(parts, context, async (prepared) => {
      const facts = factsOf(parts, prepared);
      run = goesOn
        ? await reopen(out, facts, { acceptChanges: resume?.acceptChanges ?? false, context })
        : Run.create(out, {
            ...facts,
            command: EVAL_COMMAND,
            argv: context.argv,
            templateTime: context.templateTime,
            config: runConfig(parts, outcome),
          });
      told = await findAll(run, { parts, prepared, outcome, context });
    });
  } catch (error) {
    run?.abandon(error);
    throw error;
  } finally {
    run?.close();
  }
  told!.decide();
}

/** Whether the folder holds an evaluation with these options that can go on. */
function isUnfinished(out: string, parts: AskedParts): boolean {
  if (!existsSync(join(out, "run.json"))) return false;
  const info = readRunInfo(out);
  if (info.command !== EVAL_COMMAND || info.status === "completed") return false;
  // other thresholds do not make it another evaluation
  const { outcome = {} } = readConfig(out) as { outcome?: object };
  refuseOtherOptions(out, runConfig(parts, outcome).effective);
  return true;
}

async function reopen(
  out: string,
  { dataHash, modelFingerprint }: Facts,
  { acceptChanges, context }: { acceptChanges: boolean; context: CommandContext },
): Promise<Run> {
  const { run, warnings } = await Run.open(out, { dataHash, modelFingerprint }, { acceptChanges });
  for (const message of warnings) context.reporter.warn("resume", message);
  return run;
}

function factsOf(parts: AskedParts, prepared: readonly NamedPart[]): Facts {
  const seeds = [...parts.values()].map(({ resolved }) => (resolved as { seed?: number }).seed);
  return {
    seed: seeds.find((seed) => seed !== undefined) ?? 42,
    dataHash: jointHash(...prepared.map(({ prepared: each }) => each.dataHash)),
    modelFingerprint: jointHash(...prepared.map(({ prepared: each }) => each.fingerprint)),
  };
}

async function withPrepared(
  parts: AskedParts,
  context: CommandContext,
  work: (prepared: readonly NamedPart[], costs: readonly string[]) => Promise<void>,
): Promise<void> {
  const opened = new Map<string, Promise<OpenedSubject>>();
  const once =
    <C extends LocalSubjectConfig>(
      open: (config: C, context: CommandContext, use?: SubjectUse) => Promise<OpenedSubject>,
    ) =>
    (config: C, use: SubjectUse = {}): Promise<OpenedSubject> => {
      const { model, template, precision, contextLength } = config;
      const key = JSON.stringify([model, template, precision, contextLength, use]);
      const known = opened.get(key) ?? open(config, context, use);
      opened.set(key, known);
      return known;
    };
  const open = { openSubject: once(openSubject), openLocalSubject: once(openLocalSubject) };
  const prepared: NamedPart[] = [];
  try {
    for (const [name, { resolved }] of parts) {
      context.signal.throwIfAborted();
      const part = await PARTS[name]!.load();
      prepared.push({
        name,
        prepared: await part.prepare({ config: resolved, context, ...open }),
      });
    }
    await work(prepared, announceParts(prepared, context));
  } finally {
    for (const { prepared: each } of prepared) await each.close?.();
  }
}

/** What the parts find, kept in the folder whatever ends them. */
async function findAll(
  run: Run,
  {
    parts,
    prepared,
    outcome,
    context,
  }: {
    parts: AskedParts;
    prepared: readonly NamedPart[];
    outcome: OutcomeConfig;
    context: CommandContext;
  },
): Promise<Outcome> {
  const reuse = [...parts.values()].flatMap(
    ({ resolved }) => (resolved as { reuse?: readonly string[] }).reuse ?? [],
  );
  const cache = AnswerCache.open(run.folder, [...new Set(reuse)]);
  const subjects = new Map<OpenedSubject, Promise<Subject>>();
  try {
    const found: { name: string; subject: string; found: PartFindings }[] = [];
    for (const { name, prepared: part } of prepared) {
      if (prepared.length > 1)
        context.reporter.note(`\n${found.length + 1} of ${prepared.length}: ${PARTS[name]!.title}`);
      found.push({
        name,
        subject: part.subject,
        found: await runPart(part, { run, cache, subjects, context }),
      });
    }
    const findings = togetherFindings(found, {
      facts: [
        ["command", commandLine(run.info.argv)],
        ["seed", String(run.info.seed)],
        ["data", run.info.dataHash.slice(0, 12)],
        ["models", run.info.modelFingerprint.slice(0, 12)],
        ...Object.entries(versions()),
      ],
    });
    const told = await tellFindings(
      {
        findings,
        command: EVAL_COMMAND,
        config: outcome,
        folder: run.folder,
        created: run.info.created,
        more: { folder: run.folder },
      },
      context,
    );
    run.finish("completed");
    return told;
  } catch (error) {
    // before the guard, which would take a run without steps back, and its answers with it
    if (cache.size > 0) run.fail(error);
    if (!(error instanceof AttuneError) || error.code !== "interrupted") throw error;
    throw new AttuneError("interrupted", "stopped before the end", {
      got: `kept: ${countOf(cache.size, "answer or score", "answers and scores")}`,
      hint: `\`attune resume ${shellWord(run.folder)}\` goes on from there`,
      cause: error,
    });
  } finally {
    for (const subject of subjects.values()) await (await subject).close();
    cache.close();
  }
}

async function runPart(
  part: PreparedPart,
  {
    run,
    cache,
    subjects,
    context,
  }: {
    run: Run;
    cache: AnswerCache;
    subjects: Map<OpenedSubject, Promise<Subject>>;
    context: CommandContext;
  },
): Promise<PartFindings> {
  const shown: Progress[] = [];
  const work: PartWork = {
    context,
    signal: context.signal,
    folder: run.folder,
    cache,
    subject(opened) {
      const known = subjects.get(opened) ?? opened.open(cache);
      subjects.set(opened, known);
      return known;
    },
    progress(options) {
      const progress = context.reporter.progress(options);
      shown.push(progress);
      return progress;
    },
  };
  try {
    return await part.run(work);
  } finally {
    for (const progress of shown) progress.end();
  }
}

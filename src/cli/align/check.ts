/**
 * What would be done and what would fail, with data and models opened as the stages would open
 * them: for `attune align --dry-run`, and before the first stage of a real run, since a mistake in
 * the last one should not be found after the others. What a stage will have from an earlier one is
 * not there yet: the model that the earlier one begins with stands in for its own, and a few made
 * rows for data that it will write.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import type { PlannedStage } from "../../runs/pipeline.ts";
import type { AlignFile, AlignStage } from "./file.ts";
import type { Reporter } from "../display/reporter.ts";
import { formatCount } from "../display/words.ts";
import { checkEvaluation } from "./evaluation.ts";
import type { AlignContext } from "./stages.ts";
import { isWithin, stageCommand } from "./stages.ts";

interface StageCheck {
  stage: string;
  title: string;
  action: PlannedStage["action"];
  because: string;
  /** What the stage's own dry run says. */
  plan?: Readonly<Record<string, unknown>>;
  warnings: string[];
  /** Its data come from this stage, so nothing was opened. */
  waitsFor?: string;
  /** Why the stage would fail. */
  error?: AttuneError;
}

/** Looks at every stage that would run. */
async function checkStages(
  pipeline: AlignFile,
  planned: readonly PlannedStage[],
  context: AlignContext,
): Promise<StageCheck[]> {
  const { stages, out } = pipeline;
  const missing = stages.filter((_, i) => planned[i]!.action !== "skip");
  const standIns = standInModels(pipeline, planned);
  const checks: StageCheck[] = [];
  const progress = context.reporter.progress({
    title: "opening data and models",
    total: stages.length,
    unit: "stages",
  });
  for (const [i, stage] of stages.entries()) {
    const { action, because } = planned[i]!;
    const check: StageCheck = {
      stage: stage.folder,
      title: stage.title,
      action,
      because,
      warnings: [],
    };
    checks.push(
      action === "skip"
        ? check
        : { ...check, ...(await look(stage, { out, missing, standIns, context })) },
    );
    progress.update(i + 1);
  }
  progress.end();
  return checks;
}

/**
 * What stands in for the models of stages that are still to be run: those that they begin with;
 * nothing, for reward models.
 */
function standInModels(
  { stages, out }: AlignFile,
  planned: readonly PlannedStage[],
): Map<string, string | undefined> {
  const standIns = new Map<string, string | undefined>();
  for (const [i, { folder, makes, options }] of stages.entries()) {
    if (planned[i]!.action === "skip" || makes === "data") continue;
    const start = String(options["model"]);
    standIns.set(
      join(out, folder),
      makes === "policy" ? (standIns.get(start) ?? start) : undefined,
    );
  }
  return standIns;
}

interface Look {
  out: string;
  missing: readonly AlignStage[];
  standIns: ReadonlyMap<string, string | undefined>;
  context: AlignContext;
}

async function look(
  { method, folder, options }: AlignStage,
  { out, missing, standIns, context }: Look,
): Promise<Partial<StageCheck> & Pick<StageCheck, "warnings">> {
  const data = String(options["data"]);
  const maker = missing.find(
    (stage) => stage.makes === "data" && isWithin(data, join(out, stage.folder)),
  );
  const { reporter, said, warnings } = listener(context.reporter.mode);
  const module = await stageCommand(method, context.lookup);
  const check = (values: object): Promise<void> =>
    module.check!({ values, out: join(out, folder) }, { ...context, reporter, standIns });
  try {
    if (maker) await withMadeRows(options, check);
    else await check(options);
    return maker ? { waitsFor: maker.folder, warnings: [] } : { plan: said, warnings };
  } catch (error) {
    if (!(error instanceof AttuneError) || error.code === "interrupted") throw error;
    return { warnings: maker ? [] : warnings, error };
  }
}

/**
 * Looks at a stage whose data are still to be made, so that its model and options are looked at all
 * the same.
 */
async function withMadeRows(
  options: AlignStage["options"],
  check: (values: object) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "attune-check-"));
  try {
    const data = join(folder, "rows.jsonl");
    writeFileSync(
      data,
      Array.from(
        { length: 4 },
        (_, i) => `${JSON.stringify({ prompt: `${i}?`, chosen: `a ${i}`, rejected: `b ${i}` })}\n`,
      ).join(""),
    );
    await check({
      ...options,
      data,
      ...Object.fromEntries(
        Object.entries({ heldOut: 0, format: "auto", ignoreColumns: [] }).filter(
          ([name]) => name in options,
        ),
      ),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every stage that would run, and the evaluation. */
export async function checkAll(
  pipeline: AlignFile,
  planned: readonly PlannedStage[],
  context: AlignContext,
): Promise<{ checks: StageCheck[]; evaluation: EvaluationCheck | undefined }> {
  const checks = await checkStages(pipeline, planned, context);
  const { evaluation } = pipeline;
  if (!evaluation) return { checks, evaluation: undefined };
  const { reporter, warnings } = listener(context.reporter.mode);
  try {
    const prompts = await checkEvaluation(pipeline, evaluation, {
      ...context,
      reporter,
      standIns: standInModels(pipeline, planned),
    });
    return { checks, evaluation: { prompts, warnings } };
  } catch (error) {
    if (!(error instanceof AttuneError) || error.code === "interrupted") throw error;
    return { checks, evaluation: { prompts: 0, warnings, error } };
  }
}

interface EvaluationCheck {
  prompts: number;
  warnings: string[];
  error?: AttuneError;
}

/** Keeps what is said for later. */
function listener(mode: Reporter["mode"]): {
  reporter: Reporter;
  said: Record<string, unknown>;
  warnings: string[];
} {
  const said: Record<string, unknown> = {};
  const warnings: string[] = [];
  const reporter: Reporter = {
    mode,
    event: () => undefined,
    result: (data) => void Object.assign(said, data),
    write: () => undefined,
    note: () => undefined,
    warn: (_id, message) => void warnings.push(message),
    progress: () => ({ update: () => undefined, end: () => undefined }),
    close: () => undefined,
  };
  return { reporter, said, warnings };
}

const COUNTS = ["examples", "heldOut", "prompts", "pairs", "steps", "requests"] as const;

/** A line a stage, and what is to be said of it below. */
export function checkLines(checks: readonly StageCheck[]): string[] {
  const first = new Map(
    checks
      .toReversed()
      .flatMap(({ title, error }) =>
        error === undefined ? [] : [[error.message, title] as const],
      ),
  );
  const failure = (message: string, title: string): string =>
    first.get(message) === title ? message : `as ${first.get(message)} would`;
  return checks.flatMap(({ title, action, because, plan = {}, warnings, waitsFor, error }, i) => [
    `  ${i + 1}. ${title.padEnd(24)} ${action.padEnd(7)} ${because}${countsOf(plan)}`,
    ...(waitsFor === undefined
      ? []
      : [`       its data come from ${waitsFor}, and are checked when they are there`]),
    ...warnings.map((message) => `       note: ${message}`),
    ...(error === undefined
      ? []
      : [`       would fail: ${failure(error.message, title).replaceAll("\n", "\n       ")}`]),
  ]);
}

/** Lines on the evaluation; what would fail it as it would fail a stage is told there. */
export function evaluationLines(
  { prompts, warnings, error }: EvaluationCheck,
  checks: readonly StageCheck[],
  data: string,
): string[] {
  const number = checks.length + 1;
  const before = checks.find(
    (check) => check.error !== undefined && check.error.message === error?.message,
  );
  if (before) return [`  ${number}. Evaluation`, `       would fail: as ${before.title} would`];
  const notes = warnings.map((message) => `       note: ${message}`);
  if (error)
    return [
      `  ${number}. Evaluation`,
      ...notes,
      `       would fail: ${error.message.replaceAll("\n", "\n       ")}`,
    ];
  return [`  ${number}. Evaluation on ${countOf(prompts, "prompt")} of ${data}`, ...notes];
}

function countsOf(plan: Readonly<Record<string, unknown>>): string {
  const counts = COUNTS.flatMap((name) =>
    typeof plan[name] === "number" && plan[name] > 0
      ? [
          name === "heldOut"
            ? `${formatCount(plan[name])} held out`
            : countOf(plan[name], name.slice(0, -1), name),
        ]
      : [],
  );
  return counts.length === 0 ? "" : `: ${counts.join(", ")}`;
}

/**
 * `attune align --dry-run`: what would be done, with data and models opened as the stages would open them. What a stage will have from an
 * earlier one is not there yet: another model of the same tokenizer stands in for it, and made data are left for later.
 */
import { join } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import type { PlannedStage } from "../../runs/pipeline.ts";
import type { AlignFile, AlignStage } from "../align-file.ts";
import type { CommandContext } from "../command.ts";
import type { Reporter } from "../reporter.ts";
import { formatCount } from "../words.ts";
import { isWithin, moduleOf } from "./align-stages.ts";

export interface StageCheck {
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
export async function checkStages(pipeline: AlignFile, planned: readonly PlannedStage[], context: CommandContext): Promise<StageCheck[]> {
  const { stages, out } = pipeline;
  const missing = stages.filter((_, i) => planned[i]!.action !== "skip");
  const standIns = new Map(missing.filter(({ makes }) => makes !== "data").map(({ folder, makes }) => [join(out, folder), makes === "policy" ? pipeline.model : undefined]));
  const checks: StageCheck[] = [];
  const progress = context.reporter.progress({ title: "opening data and models", total: stages.length, unit: "stages" });
  for (const [i, stage] of stages.entries()) {
    const { action, because } = planned[i]!;
    const check: StageCheck = { stage: stage.folder, title: stage.title, action, because, warnings: [] };
    checks.push(action === "skip" ? check : { ...check, ...(await look(stage, { out, missing, standIns, context })) });
    progress.update(i + 1);
  }
  progress.end();
  return checks;
}

interface Look {
  out: string;
  missing: readonly AlignStage[];
  standIns: ReadonlyMap<string, string | undefined>;
  context: CommandContext;
}

async function look({ method, folder, options }: AlignStage, { out, missing, standIns, context }: Look): Promise<Partial<StageCheck> & Pick<StageCheck, "warnings">> {
  const data = String(options["data"]);
  const maker = missing.find((stage) => stage.makes === "data" && isWithin(data, join(out, stage.folder)));
  if (maker) return { waitsFor: maker.folder, warnings: [] };
  const { reporter, said, warnings } = listener(context.reporter.mode);
  try {
    const module = await moduleOf(method);
    await module.check!({ values: options, out: join(out, folder) }, { ...context, reporter, standIns });
    return { plan: said, warnings };
  } catch (error) {
    if (!(error instanceof AttuneError) || error.code === "interrupted") throw error;
    return { warnings, error };
  }
}

/** Keeps what is said for later. */
function listener(mode: Reporter["mode"]): { reporter: Reporter; said: Record<string, unknown>; warnings: string[] } {
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
const WORDS: Readonly<Record<(typeof COUNTS)[number], string>> = { examples: "examples", heldOut: "held out", prompts: "prompts", pairs: "pairs", steps: "steps", requests: "requests" };

/** A line a stage, and what is to be said of it below. */
export function checkLines(checks: readonly StageCheck[]): string[] {
  return checks.flatMap(({ title, action, because, plan = {}, warnings, waitsFor, error }, i) => [
    `  ${i + 1}. ${title.padEnd(24)} ${action.padEnd(7)} ${because}${countsOf(plan)}`,
    ...(waitsFor === undefined ? [] : [`       its data come from ${waitsFor}, and are checked when they are there`]),
    ...warnings.map((message) => `       note: ${message}`),
    ...(error === undefined ? [] : [`       would fail: ${error.message.replaceAll("\n", "\n       ")}`]),
  ]);
}

function countsOf(plan: Readonly<Record<string, unknown>>): string {
  const counts = COUNTS.flatMap((name) => (typeof plan[name] === "number" && plan[name] > 0 ? [`${formatCount(plan[name])} ${WORDS[name]}`] : []));
  return counts.length === 0 ? "" : `: ${counts.join(", ")}`;
}

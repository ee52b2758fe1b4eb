/** `attune compare A B [C ...]`: which of several models answers better. */
import { writeFileSync } from "node:fs";
import { AttuneError } from "../../core/errors.ts";
import { diskError } from "../../runs/files.ts";
import { JUDGE_TEMPLATE } from "../../evaluation/judges/judge-template.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { compareModelsConfig } from "../compare/compare.config.ts";
import { runComparison } from "../compare/run.ts";
import { trainingCommand } from "../training/training-command.ts";

const INIT = "--init";
const JUDGE_FILE = "judge.ts";

export const command: CommandModule = trainingCommand({
  config: compareModelsConfig,
  argument: { usage: "[models...]", path: "models" },
  instead({ judge }, context) {
    if (![judge].flat().includes(INIT)) return false;
    writeJudgeFile(context);
    return true;
  },
  run: runComparison,
});

function writeJudgeFile({ reporter }: CommandContext): void {
  try {
    writeFileSync(JUDGE_FILE, JUDGE_TEMPLATE, { flag: "wx" });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST")
      throw diskError(cause, `${JUDGE_FILE} cannot be written`, JUDGE_FILE);
    throw new AttuneError("usage", "the file is there already, and is left as it is", {
      file: JUDGE_FILE,
      hint: `--judge ./${JUDGE_FILE} uses it`,
      cause,
    });
  }
  reporter.result(
    { file: JUDGE_FILE },
    `a judge to start from is in ${JUDGE_FILE}; then: --judge ./${JUDGE_FILE}`,
  );
}

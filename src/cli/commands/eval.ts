/** `attune eval`: is a model honest, harmless, helpful; is a reward right, and was it hacked? */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import { writeFileAtomic } from "../../runs/files.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { addBelowHelp, examplesText } from "../display/help-text.ts";
import { shellWord } from "../display/words.ts";
import {
  addEvalOptions,
  configurePart,
  evaluateAll,
  resumeEvaluation,
} from "../evaluation/eval-command.ts";
import type { EvalFlags } from "../evaluation/eval-command.ts";
import { PARTS } from "../evaluation/parts.ts";
import { evalTemplate } from "../evaluation/template.ts";

const DEFAULT_FILE = "eval.yaml";

/** Options that `attune eval` has for all parts at once. */
const SHARED = [
  ["--model <model>", "model that every part evaluates which asks one"],
  ["--seed <integer>", "of answers, orders and resampling"],
  ["--template <template>", "chat template of the model"],
  ["--precision <precision>", "how weights are kept"],
] as const;

/** Several are a list. A part's option of the part's name is read here too. */
const together = (value: string, before: string | undefined): string =>
  before === undefined ? value : `${before},${value}`;

export const command: CommandModule = {
  stopping: "what was answered is kept",
  configure(command, bind) {
    for (const [name, { summary }] of Object.entries(PARTS))
      configurePart(command.command(name).description(summary), bind, name);
    // parts have options of the same names
    command.enablePositionalOptions();
    addEvalOptions(command, "eval");
    for (const [name, { title, shortcutValue }] of Object.entries(PARTS))
      command.option(`--${name} <${shortcutValue}>`, `also: ${title}`, together);
    for (const [flag, help] of SHARED) command.option(flag, help);
    command.option("--init", `write a commented file to start from (${DEFAULT_FILE})`);
    addBelowHelp(command, (width) =>
      examplesText(
        [
          "attune eval --init",
          `attune eval --config ${DEFAULT_FILE}`,
          "attune eval reward-model --reward runs/reward --data pairs.jsonl",
        ],
        width,
      ),
    );
    command.action(
      bind<EvalFlags & { init?: boolean }>(async ({ options, context }) => {
        if (options.init) return init(options.config ?? DEFAULT_FILE, context);
        await evaluateAll(options, context);
      }),
    );
  },
  resume: resumeEvaluation,
};

function init(file: string, { reporter }: CommandContext): void {
  if (existsSync(file))
    throw new AttuneError("usage", "the file is there already, and is left as it is", {
      file,
      hint: "another name: attune eval --init --config other.yaml",
    });
  writeFileAtomic(file, evalTemplate(), { access: "shared" });
  reporter.result(
    { file: resolve(file) },
    `${file} is written: take away the # before what you want evaluated, then ` +
      `\`attune eval --config ${shellWord(file)}\``,
  );
}

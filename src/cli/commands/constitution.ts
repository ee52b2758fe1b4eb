/** `attune constitution`: check, init, revise, compare, report. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkConstitution } from "../../constitution/check.ts";
import type { ConstitutionRemark } from "../../constitution/constitution.ts";
import {
  constitutionSchemaText,
  isComparisonPrinciple,
  isCritiquePrinciple,
} from "../../constitution/constitution.ts";
import { DEFAULT_CONSTITUTION } from "../../constitution/default-constitution.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { writeFileAtomic } from "../../runs/files.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { formatTable } from "../display/words.ts";
import { compareCommand } from "../constitution/compare.ts";
import { readText } from "../constitution/constitution-file.ts";
import { configureReport } from "../constitution/report.ts";
import { reviseCommand } from "../constitution/revise.ts";

const SCHEMA_FILE = "constitution.schema.json";

export const command: CommandModule = {
  configure(command, bind) {
    command
      .command("check")
      .description("say what is missing or contradictory in a constitution")
      .argument("<file>", "constitution file")
      .action(bind(async ({ values: [file], context }) => check(file!, context)));
    command
      .command("init")
      .description("write a constitution to begin with, and its schema for editors")
      .argument("[file]", "file to write", "constitution.yaml")
      .action(bind(async ({ values: [file], context }) => init(file!, context)));
    reviseCommand.configure(
      command
        .command("revise")
        .description("answer, critique by a principle, revise: demonstrations"),
      bind,
    );
    compareCommand.configure(
      command
        .command("compare")
        .description("judge pairs of answers by principles: soft preference labels"),
      bind,
    );
    configureReport(
      command.command("report").description("labels, agreement, biases and examples of runs"),
      bind,
    );
  },
  async resume(run, context, options) {
    const module = run.info.command === "constitution compare" ? compareCommand : reviseCommand;
    await module.resume!(run, context, options);
  },
};

function check(file: string, { reporter }: CommandContext): void {
  const { constitution, remarks } = checkConstitution(readText(file));
  const errors = remarks.filter(({ level }) => level === "error");
  if (constitution === undefined) {
    for (const remark of remarks)
      if (remark !== errors[0]) reporter.warn("constitution", remarkText(file, remark, ""));
    const { line, what, hint } = errors[0]!;
    throw new AttuneError("config", what, {
      file,
      ...(line === undefined ? {} : { row: line }),
      got: `${countOf(errors.length, "error")}`,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  const { name, principles, examples, hash } = constitution;
  const uses = (fits: boolean): string => (fits ? "yes" : "–");
  const rows = principles.map((each) => [
    each.id,
    uses(isCritiquePrinciple(each)),
    uses(isComparisonPrinciple(each)),
    String(each.weight),
    each.tags.join(", "),
  ]);
  const lines = [
    `${name} (${hash.slice(0, 12)}): ${countOf(principles.length, "principle")}, ` +
      `${countOf(examples.critiques.length, "example")} of critiques, ` +
      `${examples.comparisons.length} of comparisons`,
    formatTable([["principle", "revise", "compare", "weight", "tags"], ...rows]),
    ...(remarks.length === 0
      ? ["nothing is missing or contradictory"]
      : remarks.map((remark) => remarkText(file, remark))),
  ];
  reporter.result({ file, hash, principles: rows.length, remarks }, lines.join("\n"));
}

/** @param kind of remark, where nothing before it says so */
function remarkText(
  file: string,
  { level, line, what, hint }: ConstitutionRemark,
  kind = `${level}: `,
): string {
  return (
    `${file}${line === undefined ? "" : `:${line}`}: ` +
    `${kind}${what}${hint === undefined ? "" : `\n  try: ${hint}`}`
  );
}

function init(file: string, { reporter }: CommandContext): void {
  if (existsSync(file))
    throw new AttuneError("usage", "the file exists already", { file, hint: "name another one" });
  if (!existsSync(dirname(file)))
    throw new AttuneError("usage", "the folder does not exist", { file: dirname(file) });
  const schema = join(dirname(file), SCHEMA_FILE);
  writeFileAtomic(file, DEFAULT_CONSTITUTION, { access: "shared" });
  writeFileAtomic(schema, constitutionSchemaText(), { access: "shared" });
  reporter.result({ file, schema }, `wrote ${file}, and ${schema} from which editors complete`);
}

/** `attune constitution report RUN...`: text, and one HTML file. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import type { AiComparison } from "../../constitution/compare.ts";
import { RESULTS, readChains } from "../../constitution/results.ts";
import { AttuneError } from "../../core/errors.ts";
import { constitutionReport } from "../../report/constitution-report.ts";
import { madeFacts, runFacts } from "../../report/made.ts";
import type { Fact } from "../../report/made.ts";
import { writeReport } from "../../report/report.ts";
import { readJsonLines } from "../../runs/json-lines.ts";
import { readRunInfo } from "../../runs/run-folder.ts";
import type { Bind, CommandContext } from "../command.ts";
import { commandLine } from "../display/words.ts";

interface ReportOptions {
  html?: string;
  examples?: number;
}

export function configureReport(command: Command, bind: Bind): void {
  command
    .argument("<run...>", "run folders of revise and compare")
    .option("--html <file>", "also write the report as one HTML file")
    .option("--examples <number>", "examples of each kind", natural, 4)
    .action(
      bind<ReportOptions>(async ({ values, options, context }) =>
        report(
          values.flat().filter((value) => value !== undefined),
          options,
          context,
        ),
      ),
    );
}

async function report(
  runs: readonly string[],
  { html, examples = 4 }: ReportOptions,
  { reporter, argv }: CommandContext,
): Promise<void> {
  const chains = runs.flatMap(readChains);
  const comparisons = runs.flatMap(
    (run) => read(run, "comparisons.jsonl") as unknown as AiComparison[],
  );
  const empty = runs.find(
    (run) =>
      !existsSync(join(run, RESULTS, "steps.jsonl")) &&
      !existsSync(join(run, RESULTS, "comparisons.jsonl")),
  );
  if (empty !== undefined)
    throw new AttuneError("run", "the run has no revisions and no comparisons", {
      file: empty,
      expected: "a finished run of `attune constitution revise` or `compare`",
      hint: `\`attune resume ${empty}\` goes on with one that was stopped`,
    });
  const made = constitutionReport(
    { chains, comparisons: renumbered(comparisons), examples },
    madeOf(runs, argv),
  );
  if (html !== undefined) await writeReport(html, made.report);
  const { drift, labels } = made;
  reporter.result(
    {
      ...(drift ? { drift } : {}),
      ...(labels ? { labels } : {}),
      ...(html === undefined ? {} : { html }),
    },
    `${made.text}${html === undefined ? "" : `\n\nalso written: ${html}`}`,
  );
}

/** Of each run what its folder says, and of all together what was typed. */
function madeOf(runs: readonly string[], argv: readonly string[]): Fact[] {
  const each = runs.map((folder) => runFacts({ folder, info: readRunInfo(folder) }, commandLine));
  return madeFacts({
    command: commandLine(argv),
    date: new Date(),
    more: each.flatMap(({ more }) => more),
    hashes: each.flatMap(({ hashes }, i) =>
      hashes.map(
        ([name, hash]) => [runs.length > 1 ? `${name}, ${runs[i]!}` : name, hash] as const,
      ),
    ),
  });
}

const read = (run: string, name: string): Record<string, unknown>[] =>
  readJsonLines(join(run, RESULTS, name));

/** Numbers of several runs together. */
const renumbered = (comparisons: readonly AiComparison[]): AiComparison[] =>
  comparisons.map((comparison, id) => ({ ...comparison, id }));

function natural(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0)
    throw new InvalidArgumentError("a whole number from 0 on is needed");
  return number;
}

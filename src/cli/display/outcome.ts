/**
 * What becomes of findings, the same for every command that evaluates: the terminal or `--json`,
 * findings.json and findings.html in the run folder, JUnit, and the exit status.
 */
import { dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { parseConfig } from "../../config/sources.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { findingsJson, plainFindings } from "../../evaluation/findings-json.ts";
import type { Findings } from "../../evaluation/findings.ts";
import { writeItems } from "../../evaluation/items-file.ts";
import { junitReport } from "../../evaluation/junit.ts";
import type { OutcomeConfig } from "../../evaluation/outcome.config.ts";
import { outcomeDefinition } from "../../evaluation/outcome.config.ts";
import type { Requirement } from "../../evaluation/thresholds.ts";
import { checkRequirements, judgeFindings } from "../../evaluation/thresholds.ts";
import { makeFolder, writeFileAtomic } from "../../runs/files.ts";
import { addConfigOptions, readConfigFlags } from "../config-options.ts";
import { findingsText } from "./findings.ts";
import { writeFindingsPage } from "../../report/findings-page.ts";
import type { Reporter } from "./reporter.ts";
import { shellWord } from "./words.ts";

/** The files that findings are kept in. */
export const FINDINGS_JSON = "findings.json";
export const FINDINGS_PAGE = "findings.html";

export interface OutcomeInput {
  findings: Findings;
  /** `compare`, `eval`. */
  command: string;
  config: OutcomeConfig;
  /** Where findings.json and findings.html go. */
  folder: string;
  /** When the run began, ISO 8601. */
  created: string;
  /** What else `--json` tells. */
  more?: Readonly<Record<string, unknown>>;
}

/** Findings that are told; what was asked of them is judged last. */
export interface Outcome {
  /** @throws AttuneError `threshold` where something that was asked is not reached */
  decide(): void;
}

/**
 * Writes the files and prints the findings. The caller finishes its run, and then asks for the
 * decision: a run that fell short has been completed all the same.
 * @throws AttuneError `disk`; `usage` for a measure that there is not
 */
export async function tellFindings(
  { findings, command, config, folder, created, more = {} }: OutcomeInput,
  { reporter, columns }: { reporter: Reporter; columns: number | undefined },
): Promise<Outcome> {
  makeFolder(folder, "shared");
  writeItems(folder, findings);
  writeFileAtomic(join(folder, FINDINGS_JSON), findingsJson(findings));
  const page = join(folder, FINDINGS_PAGE);
  return tellFileFindings(
    { findings, command, config, page, created, more },
    { reporter, columns },
  );
}

/**
 * The same for a command without a run folder.
 * @param input its page, or an empty text for none
 */
export async function tellFileFindings(
  {
    findings,
    command,
    config,
    page,
    created,
    more = {},
  }: Omit<OutcomeInput, "folder"> & { page: string },
  { reporter, columns }: { reporter: Reporter; columns: number | undefined },
): Promise<Outcome> {
  if (page !== "") await writeFindingsPage(page, findings);
  const { requirements, decide } = askFindings({ findings, command, config, created });
  reporter.result(
    {
      ...plainFindings(findings),
      ...(requirements.length === 0 ? {} : { requirements }),
      ...(page === "" ? {} : { page }),
      ...more,
    },
    [findingsText(findings, columns), ...requirements.map(requirementText)].join("\n"),
  );
  if (page !== "") reporter.note(`the page to send on: ${shellWord(page)}`);
  return { decide };
}

/**
 * What was asked of findings, into JUnit too; the caller tells it, and decides last.
 * @returns what is known where a measure is asked for that there is not: `decide` refuses it
 */
export function askFindings({
  findings,
  command,
  config,
  created,
}: Pick<OutcomeInput, "findings" | "command" | "config" | "created">): Outcome & {
  requirements: Requirement[];
} {
  let refused: unknown;
  let requirements: Requirement[] = [];
  try {
    requirements = judgeFindings(findings, config);
  } catch (error) {
    // what was found is told all the same
    refused = error;
  }
  if (config.junit !== "") {
    makeFolder(dirname(resolve(config.junit)), "shared");
    writeFileAtomic(
      resolve(config.junit),
      junitReport(findings, { requirements, command: `attune ${command}`, created }),
    );
  }
  return {
    requirements,
    decide() {
      if (refused !== undefined) throw refused;
      const missed = requirements.filter(({ met }) => !met);
      if (missed.length === 0) return;
      throw new AttuneError(
        "threshold",
        `${countOf(missed.length, "requirement")} of ${requirements.length} not reached`,
        { got: missed.map(({ sentence }) => sentence).join("\n       ") },
      );
    },
  };
}

/** Adds `--fail-under`, `--fail-on` and `--junit` to a command without a definition of options. */
export const addOutcomeOptions = (command: Command): void =>
  addConfigOptions(command, outcomeDefinition);

/**
 * What {@link addOutcomeOptions} was given, before anything costs time.
 * @param part whose measures may be asked for, by its name in measure-ids.ts
 * @throws AttuneError `usage`
 */
export function readOutcomeOptions(
  options: Readonly<Record<string, unknown>>,
  part: string,
): OutcomeConfig {
  const { resolved } = parseConfig(outcomeDefinition, {
    flags: readConfigFlags(outcomeDefinition, options),
  });
  checkRequirements(resolved, [part]);
  return resolved;
}

/** A line for each requirement, reached or not. */
export const requirementLines = (requirements: readonly Requirement[]): string[] =>
  requirements.map(requirementText);

const requirementText = ({ name, met, sentence }: Requirement): string =>
  `\n${met ? "reached" : "NOT reached"}: ${name}\n  ${sentence}`;

/** `attune eval helpful`: instructions that a program can check, and a judge of the rest. */
import type { ConfigOf } from "../../config/config.ts";
import { isComparisonPrinciple, principlesFor } from "../../constitution/constitution.ts";
import type { Constitution } from "../../constitution/constitution.ts";
import type { Critic } from "../../constitution/critic.ts";
import type { Estimate } from "../../constitution/estimate.ts";
import { CHARACTERS, estimateComparisons, timesEstimate } from "../../constitution/estimate.ts";
import { constitutionJudge } from "../../constitution/judge.ts";
import { AttuneError } from "../../core/errors.ts";
import type { Row } from "../../data/readers/row.ts";
import type { Measured } from "../../evaluation/behaviour/measured.ts";
import { Remarks } from "../../evaluation/behaviour/measured.ts";
import { readEvaluationRows } from "../../evaluation/behaviour/rows.ts";
import { againstReferences, referencePairs } from "../../evaluation/helpful/against-references.ts";
import type { helpfulConfig } from "../../evaluation/helpful/helpful.config.ts";
import { instructionFollowing } from "../../evaluation/helpful/instruction-following.ts";
import {
  hasReference,
  isInstructed,
  readReferences,
} from "../../evaluation/helpful/reference-rows.ts";
import type { CommandContext } from "../command.ts";
import { loadConstitution } from "../constitution/constitution-file.ts";
import { adviseOnLetterCosts, letterRequests } from "../constitution/costs.ts";
import type { OpenedCritic } from "../constitution/critics.ts";
import { openCritics } from "../constitution/critics.ts";
import type { Judge } from "../../training/rollout/judge.ts";
import type { NamedRows } from "./asking-part.ts";
import { prepareAsking } from "./asking-part.ts";
import type { EvaluationPart, PartWork } from "./part.ts";

type Config = ConfigOf<typeof helpfulConfig>;

export const part: EvaluationPart<typeof helpfulConfig> = {
  async prepare(input) {
    const { config, context } = input;
    const files = await Promise.all(config.data.map((file) => readEvaluationRows(file)));
    const judge = await openJudge(config, context, files.flat().some(hasReference));
    if (judge) adviseOnLetterCosts(config.judge, config, context);
    return prepareAsking(input, {
      ...(judge ? { judging: (data) => estimateJudging(config, judge.constitution, data) } : {}),
      async measure(measuring, data, { ask, part: work }) {
        const found: Measured[] = [];
        const { references: rows, others } = partedRows(data);
        if (others.length > 0) found.push(await instructionFollowing(measuring, others, ask));
        if (judge && rows.length > 0) {
          const compare = (by: Judge): Promise<Measured> =>
            againstReferences(measuring, rows, {
              ask,
              judge: { judge: by, kind: "critic", name: config.judge },
            });
          found.push(
            work
              ? await withCritic(judge.opened, work, (critic) => {
                  const { tags, principles, seed } = config;
                  return compare(
                    constitutionJudge(critic, judge.constitution, { tags, principles, seed }),
                  );
                })
              : await compare(UNDECIDED),
          );
        }
        return {
          findings: found.flatMap(({ findings }) => findings),
          warnings: found.flatMap(({ warnings }) => warnings),
        };
      },
    });
  },
};

/** Rows for the judge, and those whose instructions a program checks; a file may hold both. */
function partedRows(files: readonly NamedRows[]): { references: Row[]; others: Row[] } {
  const parted: { references: Row[]; others: Row[] } = { references: [], others: [] };
  for (const { rows } of files) {
    const judged = rows.some(hasReference);
    // a row of neither kind is told with those of its file
    for (const row of rows)
      parted[judged && !isInstructed(row) ? "references" : "others"].push(row);
  }
  return parted;
}

/** Closes it, whatever happens. */
async function withCritic<T>(
  opened: OpenedCritic,
  { cache }: PartWork,
  use: (critic: Critic) => Promise<T>,
): Promise<T> {
  const critic = await opened.open(cache);
  try {
    return await use(critic);
  } finally {
    await critic.close();
  }
}

async function openJudge(
  config: Config,
  context: CommandContext,
  needed: boolean,
): Promise<{ opened: OpenedCritic; constitution: Constitution } | undefined> {
  if (needed !== (config.judge !== ""))
    throw new AttuneError(
      "usage",
      needed ? "reference answers need a judge" : "a judge needs data with reference answers",
      {
        hint: needed
          ? "--judge MODEL, or --judge openai:NAME behind a server"
          : "a file with prompt and output, or no --judge",
      },
    );
  if (config.judge === "") return undefined;
  const { constitution } = loadConstitution(config.constitution);
  principlesFor(constitution, isComparisonPrinciple, config.tags);
  const [opened] = await openCritics(
    [config.judge],
    { ...config, template: "auto", maxNewTokens: 256 },
    context,
  );
  return { opened: opened!, constitution };
}

/**
 * What the judge is asked about answers of any length: both orders, controls and probes. A control
 * that it prefers is tried against the model too: under a budget that counts.
 */
function estimateJudging(
  config: Config,
  constitution: Constitution,
  files: readonly NamedRows[],
): Estimate {
  const references = readReferences(partedRows(files).references, new Remarks());
  const longest = "x".repeat(CHARACTERS * config.maxNewTokens);
  const { tags, principles, judge, seed, budget } = config;
  const once = estimateComparisons(
    references.map(({ prompt, reference }) => ({ prompt, first: reference, second: longest })),
    constitution,
    { tags, principles, reasoning: false, maxNewTokens: 256 },
    letterRequests(judge, config),
  );
  const { planned, most } = referencePairs(references, longest, seed);
  const times = references.length === 0 ? 0 : (budget > 0 ? most : planned) / references.length;
  return timesEstimate(once, times);
}

/** Stands in for the judge where only the model's requests are counted. */
const UNDECIDED: Judge = { name: "nobody", compare: () => Promise.resolve(0.5) };

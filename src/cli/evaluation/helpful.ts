/** `attune eval helpful`: instructions that a program can check, and a judge of the rest. */
import type { ConfigOf } from "../../config/config.ts";
import { isComparisonPrinciple, principlesFor } from "../../constitution/constitution.ts";
import type { Constitution } from "../../constitution/constitution.ts";
import { estimateComparisons } from "../../constitution/estimate.ts";
import { constitutionJudge } from "../../constitution/judge.ts";
import { AttuneError } from "../../core/errors.ts";
import type { Measured } from "../../evaluation/behaviour/measured.ts";
import { Remarks } from "../../evaluation/behaviour/measured.ts";
import { readEvaluationRows } from "../../evaluation/behaviour/rows.ts";
import { againstReferences } from "../../evaluation/helpful/against-references.ts";
import type { helpfulConfig } from "../../evaluation/helpful/helpful.config.ts";
import { instructionFollowing } from "../../evaluation/helpful/instruction-following.ts";
import { hasReference, readReferences } from "../../evaluation/helpful/reference-rows.ts";
import type { CommandContext } from "../command.ts";
import { loadConstitution } from "../constitution/constitution-file.ts";
import { adviseOnLetterCosts, announceCosts, letterRequests } from "../constitution/costs.ts";
import type { OpenedCritic } from "../constitution/critics.ts";
import { openCritics } from "../constitution/critics.ts";
import { prepareAsking } from "./asking-part.ts";
import type { EvaluationPart } from "./part.ts";

type Config = ConfigOf<typeof helpfulConfig>;

export const part: EvaluationPart<typeof helpfulConfig> = {
  async prepare(input) {
    const { config, context } = input;
    const files = await Promise.all(config.data.map((file) => readEvaluationRows(file)));
    const judged = files.filter((rows) => rows.some(hasReference));
    const judge = await openJudge(config, context, judged.length > 0);
    if (judge) announce(config, judge.constitution, { rows: judged.flat(), context });
    return prepareAsking(input, {
      async measure(measuring, data, { ask, part: work }) {
        const found: Measured[] = [];
        const references = data.filter(({ rows }) => rows.some(hasReference));
        const instructed = data.filter((file) => !references.includes(file));
        if (instructed.length > 0)
          found.push(
            await instructionFollowing(
              measuring,
              instructed.flatMap(({ rows }) => rows),
              ask,
            ),
          );
        if (judge && references.length > 0) {
          const critic = await judge.opened.open(work.cache);
          const { tags, principles, seed } = config;
          found.push(
            await againstReferences(
              measuring,
              references.flatMap(({ rows }) => rows),
              {
                ask,
                judge: {
                  judge: constitutionJudge(critic, judge.constitution, { tags, principles, seed }),
                  kind: "critic",
                  name: config.judge,
                },
              },
            ),
          );
          await critic.close();
        }
        return {
          findings: found.flatMap(({ findings }) => findings),
          warnings: found.flatMap(({ warnings }) => warnings),
        };
      },
    });
  },
};

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

/** What the judge will be asked, before anything is: the controls double it. */
function announce(
  config: Config,
  constitution: Constitution,
  { rows, context }: { rows: Parameters<typeof readReferences>[0]; context: CommandContext },
): void {
  const all = readReferences(rows, new Remarks());
  const references = config.limit > 0 ? all.slice(0, config.limit) : all;
  const longest = "x".repeat(4 * config.maxNewTokens);
  const { tags, principles, judge } = config;
  const once = estimateComparisons(
    references.map(({ prompt, reference }) => ({ prompt, first: reference, second: longest })),
    constitution,
    { tags, principles, reasoning: false, maxNewTokens: 256 },
    letterRequests(judge, config),
  );
  adviseOnLetterCosts(judge, config, context);
  announceCosts(
    {
      requests: 2 * once.requests,
      inputTokens: 2 * once.inputTokens,
      outputTokens: 2 * once.outputTokens,
    },
    config,
    context,
  );
}

/** Judges that are models: a reward model by its score head, else a critic. */
import type { Constitution } from "../../constitution/constitution.ts";
import { isComparisonPrinciple, principlesFor } from "../../constitution/constitution.ts";
import type { Critic } from "../../constitution/critic.ts";
import { constitutionJudge } from "../../constitution/judge.ts";
import { existsSync, statSync } from "node:fs";
import { AttuneError } from "../../core/errors.ts";
import { modelScorer } from "../../evaluation/answer-scorer.ts";
import { rubricConstitution } from "../../evaluation/judges/rubric.ts";
import { scoredJudge } from "../../evaluation/judges/scored-judge.ts";
import type { OpenedModel } from "../../models/open.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import { answerTo } from "../../text/messages.ts";
import { rewardEncoder } from "../../training/open-encoder.ts";
import type { CommandContext } from "../command.ts";
import { loadConstitution, readText } from "../constitution/constitution-file.ts";
import { adviseOnLetterCosts } from "../constitution/costs.ts";
import type { OpenedCritic } from "../constitution/critics.ts";
import { openCritics } from "../constitution/critics.ts";
import { findModel } from "../inputs/find-model.ts";
import { readModelOf } from "../inputs/read-model.ts";
import type { JudgingConfig, OpenedJudge } from "./opened-judge.ts";
import type { Source } from "./sources.ts";
import { isOptimised } from "./trained-for.ts";

interface Opening {
  config: JudgingConfig;
  context: CommandContext;
}

/** Padded tokens that a reward model reads at once. */
const REWARD_TOKENS = 2048;

/** A model's folder, file, run or id: what it is shows once it is read. */
export async function openModelJudge(
  judge: string,
  name: string,
  { sources, ...opening }: Opening & { sources: readonly Source[] },
): Promise<OpenedJudge> {
  const opened = await readModelOf(judge, await findModel(judge, opening.context), {
    precision: "float32",
    merge: false,
    reporter: opening.context.reporter,
  });
  const optimised = isOptimised(judge, sources);
  return opened.model.scoreHead
    ? openReward(opened, name, { ...opening, optimised })
    : openCritic(judge, name, { ...opening, optimised, known: new Map([[judge, opened]]) });
}

/** `openai:NAME`. */
export const openServerCritic = (
  judge: string,
  name: string,
  opening: Opening,
): Promise<OpenedJudge> =>
  openCritic(judge, name, { ...opening, optimised: false, known: new Map() });

function openReward(
  opened: OpenedModel,
  name: string,
  { config, context, optimised }: Opening & { optimised: boolean },
): OpenedJudge {
  const maxLength = Math.min(config.contextLength, opened.model.config.maxPositions);
  const encoder = rewardEncoder(opened, {
    maxLength,
    trustText: false,
    templateTime: context.templateTime,
  });
  const fingerprint = jointHash(opened.fingerprint, encoder.fingerprint);
  const scorer = modelScorer(
    { model: opened.model, encoder },
    {
      name,
      fingerprint,
      microBatchTokens: REWARD_TOKENS,
      plan: "auto",
      recompute: "all",
      maxLength,
    },
  );
  return {
    name,
    kind: "reward",
    chosen:
      "a reward model, by its score head; the higher score wins" +
      (optimised ? ", and one of the models was trained to please it" : ""),
    fingerprint,
    begin: ({ cache }) =>
      Promise.resolve({
        kind: "reward",
        name,
        symmetric: true,
        optimised,
        judge: scoredJudge({
          name,
          kept: { cache, fingerprint },
          score: async (answers) => {
            const scores = await scorer.score(
              answers.map(({ prompt, text }) => ({ prompt, completion: answerTo(prompt, text) })),
            );
            return scores.map(({ score, cut }) =>
              cut
                ? {
                    refused: `prompt and answer do not fit into the ${maxLength} tokens of ${name}`,
                  }
                : score,
            );
          },
        }),
      }),
    close: () => scorer.close(),
  };
}

async function openCritic(
  judge: string,
  name: string,
  {
    config,
    context,
    optimised,
    known,
  }: Opening & { optimised: boolean; known: ReadonlyMap<string, OpenedModel> },
): Promise<OpenedJudge> {
  const { constitution, told } = readConstitution(config);
  principlesFor(constitution, isComparisonPrinciple, config.tags);
  adviseOnLetterCosts(judge, config, context);
  const [opened] = (await openCritics(
    [judge],
    { ...config, template: "auto", maxNewTokens: config.thoughts.maxNewTokens },
    context,
    known,
  )) as [OpenedCritic];
  let critic: Critic | undefined;
  const { principles, tags, reasoning, seed } = config;
  return {
    name,
    kind: "critic",
    chosen:
      `a critic (${opened.isServer ? "behind a server" : "no score head"}) with ${told}, asked in ` +
      "both orders",
    fingerprint: jointHash(
      opened.fingerprint,
      constitution.hash,
      JSON.stringify([principles, tags, reasoning, config.thoughts]),
    ),
    ...(opened.isServer ? { constitution } : {}),
    async begin({ cache }) {
      critic = await opened.open(cache);
      return {
        kind: "critic",
        name,
        optimised,
        judge: constitutionJudge(critic, constitution, {
          principles,
          tags,
          reasoning,
          maxNewTokens: config.thoughts.maxNewTokens,
          seed,
        }),
      };
    },
    critic: () => critic,
    async close() {
      await critic?.close();
    },
  };
}

/** @throws AttuneError `usage` for a rubric and a constitution at once */
function readConstitution({ rubric, constitution }: JudgingConfig): {
  constitution: Constitution;
  told: string;
} {
  if (rubric === "") {
    const read = loadConstitution(constitution);
    return {
      constitution: read.constitution,
      told:
        constitution === ""
          ? "attune's own constitution (--rubric or --constitution name another)"
          : `the constitution ${constitution}`,
    };
  }
  if (constitution !== "")
    throw new AttuneError("usage", "a critic judges by a rubric or by a constitution", {
      got: "--rubric and --constitution",
      hint: "one of the two",
    });
  const isFile = existsSync(rubric) && statSync(rubric).isFile();
  return {
    constitution: rubricConstitution(isFile ? readText(rubric) : rubric).constitution,
    told: isFile ? `the rubric ${rubric}` : "your rubric",
  };
}

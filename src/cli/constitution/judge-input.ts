/**
 * A judge for online DPO from its options: a critic with a constitution, whose answers stay in the
 * run folder.
 */
import { join } from "node:path";
import { AnswerCache } from "../../constitution/answer-cache.ts";
import type { Constitution } from "../../constitution/constitution.ts";
import { isComparisonPrinciple, principlesFor } from "../../constitution/constitution.ts";
import type { Critic } from "../../constitution/critic.ts";
import type { Estimate } from "../../constitution/estimate.ts";
import { estimateComparisons } from "../../constitution/estimate.ts";
import type { JudgeOptions } from "../../constitution/judge.ts";
import { constitutionJudge } from "../../constitution/judge.ts";
import { AttuneError } from "../../core/errors.ts";
import type { OpenedModel } from "../../models/open.ts";
import { writeFileAtomic } from "../../runs/files.ts";
import type { Prompt } from "../../text/messages.ts";
import { SERVER_PREFIX, clampOf } from "../../training/online/judge.config.ts";
import type { OnlineDpoConfig } from "../../training/online/online-dpo.ts";
import type { CommandContext } from "../command.ts";
import type { OpenedCritic } from "./critics.ts";
import { adviseOnLetterCosts, announceCosts, letterRequests, usageText } from "./costs.ts";
import { loadConstitution } from "./constitution-file.ts";
import { openCritics } from "./critics.ts";
import type { ExtraInput } from "../inputs/extra-input.ts";

/** Prompts that the estimate looks at. */
const LOOKED_AT = 500;

/**
 * Options of a judge, wherever they stand; without a clamp where its verdicts are counted and not
 * learned from.
 */
type JudgeConfig = Omit<Parameters<typeof openCritics>[1], "batchSize"> &
  Pick<
    OnlineDpoConfig,
    | "judge"
    | "judgeBatch"
    | "maxNewTokens"
    | "principles"
    | "tags"
    | "reasoning"
    | "thoughts"
    | "letters"
    | "letterSamples"
    | "budget"
    | "seed"
  > & { clamp?: readonly number[] };

export const judgeOptions = ({
  principles,
  tags,
  reasoning,
  thoughts,
  seed,
  clamp = [],
}: JudgeConfig): JudgeOptions & {
  principles: number;
  tags: readonly string[];
  reasoning: boolean;
  maxNewTokens: number;
} => ({ principles, tags, reasoning, ...thoughts, clamp: clampOf({ clamp }), seed });

/** @returns undefined where the options ask for no judge */
export async function openJudge(
  config: OnlineDpoConfig,
  context: CommandContext,
): Promise<ExtraInput | undefined> {
  if (config.judge === "") return undefined;
  const { constitution, text } = loadConstitution(config.constitution);
  const options = judgeOptions(config);
  principlesFor(constitution, isComparisonPrinciple, options.tags);
  const behindServer = config.judge.startsWith(SERVER_PREFIX);
  let [opened, cache, critic]: [
    OpenedCritic | undefined,
    AnswerCache | undefined,
    Critic | undefined,
  ] = [undefined, undefined, undefined];
  return {
    dataHash: constitution.hash,
    async open(policy) {
      // a policy that judges its own answers does so as it was at the beginning, with the same
      // weights in memory
      const shared =
        config.judge === config.model &&
        config.precision === "float32" &&
        policy.model.adapter === undefined;
      opened = await openJudgeCritic(
        config,
        context,
        new Map(shared ? [[config.judge, policy]] : []),
      );
      return {
        fingerprint: opened!.fingerprint,
        note: behindServer
          ? "the judge is behind a server"
          : `the judge has ${shared ? "the same base" : "a base of its own"}`,
      };
    },
    announce({ prompts, asked, dryRun }) {
      if (!dryRun && !behindServer) return {};
      adviseOnLetterCosts(config.judge, config, context);
      const estimate = estimateJudge(config, constitution, {
        prompts: prompts.map(({ prompt }) => prompt),
        pairs: asked,
      });
      announceCosts(estimate, config, context);
      return { judge: estimate };
    },
    async begin(run) {
      if (run === undefined)
        return {
          judge: {
            name: config.judge,
            compare: () =>
              Promise.reject(new AttuneError("internal", "internal: a dry run asked its judge")),
          },
        };
      cache = AnswerCache.open(run.folder, config.reuse);
      critic = await opened!.open(cache);
      writeFileAtomic(join(run.folder, "constitution.yaml"), text);
      return { judge: constitutionJudge(critic, constitution, options) };
    },
    // a run whose judge has answered is kept, also where it has done no step
    keeps: () => (cache?.size ?? 0) > 0,
    done: () => context.reporter.note(usageText([critic!], config)),
    async close() {
      await critic?.close();
      cache?.close();
    },
  };
}

/** Who judges by these options: what it writes itself are its thoughts. */
export async function openJudgeCritic(
  config: JudgeConfig,
  context: CommandContext,
  known?: ReadonlyMap<string, OpenedModel>,
): Promise<OpenedCritic> {
  // the policy's texts may be plain; its judge is asked in turns all the same
  const template = config.template === "none" ? "auto" : config.template;
  const [opened] = await openCritics(
    [config.judge],
    {
      ...config,
      ...(template === undefined ? {} : { template }),
      batchSize: config.judgeBatch,
      maxNewTokens: config.thoughts.maxNewTokens,
    },
    context,
    known,
  );
  return opened!;
}

/**
 * So many pairs of answers to these prompts, both as long as they may be; equal answers, which are
 * not asked, count too.
 */
export function estimateJudge(
  config: JudgeConfig,
  constitution: Constitution,
  { prompts, pairs }: { prompts: readonly Prompt[]; pairs: number },
): Estimate {
  const longest = "x".repeat(4 * config.maxNewTokens);
  const looked = prompts.slice(0, LOOKED_AT);
  const estimate = estimateComparisons(
    looked.map((prompt) => ({ prompt, first: longest, second: longest })),
    constitution,
    judgeOptions(config),
    letterRequests(config.judge, config),
  );
  const times = pairs / looked.length;
  return {
    requests: Math.round(times * estimate.requests),
    inputTokens: Math.round(times * estimate.inputTokens),
    outputTokens: Math.round(times * estimate.outputTokens),
  };
}

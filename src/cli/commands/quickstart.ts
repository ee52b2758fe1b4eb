/** `attune quickstart`: the whole pipeline on the built-in world, judged by its gold scorer. */
import { AttuneError } from "../../core/errors.ts";
import { goldTable } from "../../evaluation/gold-table.ts";
import type { PipelineResult } from "../../evaluation/world-pipeline.ts";
import { runWorldPipeline } from "../../evaluation/world-pipeline.ts";
import type { CommandModule } from "../command.ts";

export const command: CommandModule = {
  configure(command, bind) {
    command.option("--seed <number>", "of the world and of training", "1").action(
      bind<{ seed: string }>(async ({ options, context: { reporter, signal } }) => {
        const seed = Number(options.seed);
        if (!Number.isSafeInteger(seed) || seed < 0) throw new AttuneError("usage", "--seed takes a whole number", { got: options.seed });
        reporter.note("A model of about a million parameters is trained from scratch in a small made-up village, aligned, and judged.");
        const result = await runWorldPipeline(seed, { signal, onStage: (name) => reporter.note(`\n${STAGES[name] ?? name}`), onEvent: (event) => reporter.event(event) });
        if (signal.aborted) throw new AttuneError("interrupted", "stopped before the end");
        reporter.result(asData(result), asText(result));
      }),
    );
  },
};

const STAGES: Readonly<Record<string, string>> = {
  raw: "1. Raw: pre-training on the village's talk, with its rumours and bad manners",
  SFT: "2. SFT: imitating demonstrations",
  "reward model": "3. Reward model: learning what people prefer",
  DPO: "4. DPO: preferring what people prefer",
  evaluation: "5. Evaluation: held-out requests, judged by the gold scorer that no trainer has seen",
};

/** Three requests of different kinds, with every model's answer. */
function examples({ world, answers, models }: PipelineResult): string {
  return (["question", "pushed", "harmful"] as const)
    .map((kind) => {
      const index = world.evaluation.findIndex((request) => request.kind === kind);
      return [`> ${world.evaluation[index]!.text}`, ...models.map(({ name }) => `  ${name.padEnd(4)} ${answers[name]![index]!}`)].join("\n");
    })
    .join("\n\n");
}

function asText(result: PipelineResult): string {
  const { rewardAccuracy: accuracy } = result;
  return [
    "",
    goldTable(result.models),
    "",
    `Reward model: right on ${(100 * accuracy.estimate).toFixed(1)}% [${(100 * accuracy.low).toFixed(1)}, ${(100 * accuracy.high).toFixed(1)}] of ${accuracy.n} held-out pairs (noiseless preference)`,
    "",
    examples(result),
  ].join("\n");
}

function asData({ models, rewardAccuracy, differences }: PipelineResult): Record<string, unknown> {
  return { models: models.map(({ name, scores }) => ({ name, total: scores.reduce((sum, { total }) => sum + total, 0) / scores.length })), rewardAccuracy, differences };
}

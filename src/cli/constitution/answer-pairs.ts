/** Pairs of answers to be compared: those of the data, or new ones of a model. */
import type { AnswerPair } from "../../constitution/compare.ts";
import type { Critic } from "../../constitution/critic.ts";
import { isRefused } from "../../constitution/critic.ts";
import { inParallel } from "../../constitution/in-parallel.ts";
import { turnsOf } from "../../constitution/prompts.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import type { SeenAnswer } from "../../text/answer-faults.ts";
import type { Prompt } from "../../text/messages.ts";
import { completionText } from "../../text/messages.ts";
import type { CommandContext } from "../command.ts";
import { warnOfAnswers } from "../display/answer-warnings.ts";

/**
 * Pairs of the data, each turned by chance, so that the place says nothing about people's choice.
 */
export function pairsOf(records: readonly PreferenceRecord[], seed: number): AnswerPair[] {
  return records.map(({ prompt, chosen, rejected, p, cluster, models, annotator }, index) => {
    const turned = Random.for(seed, "side", index).chance(0.5);
    const [first, second] = turned ? [rejected, chosen] : [chosen, rejected];
    const people = annotator === "revision over first answer" ? {} : { human: turned ? 1 - p : p };
    return {
      prompt,
      first: completionText(first),
      second: completionText(second),
      ...people,
      ...(cluster === undefined ? {} : { cluster }),
      ...(models === undefined
        ? {}
        : {
            models: turned
              ? { first: models.rejected, second: models.chosen }
              : { first: models.chosen, second: models.rejected },
          }),
    };
  });
}

interface SamplingConfig {
  maxNewTokens: number;
  temperature: number;
  topP: number;
  seed: number;
}

/**
 * Two answers of a model to every prompt; prompts whose answers are refused or equal are left out,
 * and counted.
 */
export async function samplePairs(
  prompts: readonly Prompt[],
  model: Critic,
  { maxNewTokens, temperature, topP, seed }: SamplingConfig,
  { reporter, signal }: CommandContext,
): Promise<AnswerPair[]> {
  const shown = reporter.progress({ title: "answering", total: prompts.length, unit: "prompts" });
  const seen: SeenAnswer[] = [];
  const answered = await inParallel(
    prompts,
    { limit: model.concurrency, signal, onDone: (done) => shown.update(done) },
    async (prompt, id): Promise<AnswerPair[]> => {
      const ask = (sample: number) =>
        model.write(
          {
            messages: turnsOf(prompt),
            maxNewTokens,
            temperature,
            topP,
            seed,
            stream: ["pair", id, sample],
          },
          signal,
        );
      const [first, second] = await Promise.all([ask(0), ask(1)]);
      for (const each of [first, second])
        if (!isRefused(each))
          seen.push({ text: each.text, stopped: each.finish === "stop", prompt: id });
      if (
        isRefused(first) ||
        isRefused(second) ||
        first.text.trim() === second.text.trim() ||
        first.text.trim() === "" ||
        second.text.trim() === ""
      )
        return [];
      return [
        {
          prompt,
          first: first.text.trim(),
          second: second.text.trim(),
          cluster: `prompt ${id}`,
          models: { first: model.name, second: model.name },
        },
      ];
    },
  );
  shown.end();
  warnOfAnswers(seen, reporter);
  const pairs = answered.flat();
  if (pairs.length < prompts.length)
    reporter.warn(
      "pairs-left-out",
      `${prompts.length - pairs.length} of ${countOf(prompts.length, "prompt")} left out: two ` +
        "equal answers, an empty one, or none",
    );
  if (pairs.length === 0)
    throw new AttuneError("data", "no prompt got two different answers", {
      hint: "a higher --temperature, or another model",
    });
  return pairs;
}

/** Asks a model, and scores answers with a reward model. */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { Answer, GenerateOptions } from "../sampling/generate.ts";
import { GREEDY, generate } from "../sampling/generate.ts";
import { createEncoder } from "../text/encoder.ts";
import type { Completion, Prompt } from "../text/messages.ts";
import type { PlanChoice } from "../training/choose-plan.ts";
import { PlanOnDemand } from "../training/choose-plan.ts";
import { groupByLength, joinRows, layAtEnd } from "../training/layout.ts";
import { encoderByTemplate, holdConversations } from "../training/open-encoder.ts";
import type { LanguageModel } from "./models.ts";

/** How answers are drawn; the most likely tokens where nothing is said. */
export interface AskOptions extends Partial<GenerateOptions> {
  /** As the option of trainings: `auto`, `none`, a name or a Jinja file. Default auto. */
  template?: string;
}

/**
 * Answers to prompts, as the model was trained to give them: through its chat template where it has
 * one; without one, messages meet the template `plain`.
 * @returns texts without special tokens, in the order of the prompts; with `samples` above 1 those
 * to one prompt together
 * @throws AttuneError `model` or `config`; `data` for a prompt that cannot be encoded; `usage` for one
 * that leaves no room for an answer
 */
export async function ask(
  { model, tokenizer }: LanguageModel,
  prompts: readonly Prompt[],
  { template = "auto", ...options }: AskOptions = {},
): Promise<string[]> {
  const { encoder } = encoderByTemplate(tokenizer, {
    maxLength: model.config.maxPositions,
    template,
    conversations: holdConversations(prompts.map((prompt) => ({ prompt }))),
  });
  const ids = prompts.map((prompt) => encoder.encodePrompt(prompt));
  const answers = await generate(model, encoder, ids, { ...GREEDY, ...options });
  const order = (a: Answer, b: Answer): number => a.prompt - b.prompt || a.sample - b.sample;
  return answers.toSorted(order).map(({ text }) => text);
}

/** A prompt with an answer. */
export interface AnsweredPrompt {
  /** What was asked: a text, or messages that end before the answer. */
  prompt: Prompt;
  /** What was answered: a text, or the assistant's messages. */
  completion: Completion;
}

/** How answers are scored. */
export interface ScoreOptions {
  /** Longest prompt and answer together, tokens; the model's context where left out. */
  maxLength?: number;
  /**
   * What becomes of an answer that does not fit. `refuse` (default), or `cut`: scored where it was
   * cut, as trainings do.
   */
  tooLong?: "refuse" | "cut";
  /** Told of every answer that was cut. */
  onCut?: (answer: number) => void;
}

/** Tokens that are computed together. */
const BATCH_TOKENS = 4096;

/**
 * What a reward model says of answers, at their last token. Only differences between answers to the
 * same prompt mean something.
 * @returns one number for each answer, in order, without a unit
 * @throws AttuneError `model` for a model that gives no scores; `data` for an answer that cannot be
 * encoded, or does not fit into the model's context
 */
export async function score(
  { model, tokenizer }: LanguageModel,
  answers: readonly AnsweredPrompt[],
  { maxLength = model.config.maxPositions, tooLong = "refuse", onCut }: ScoreOptions = {},
): Promise<number[]> {
  if (!model.scoreHead)
    throw new AttuneError("model", "the model has no score head, so it is no reward model", {
      hint: "rewardModel trains one",
    });
  const encoder = createEncoder(tokenizer, { maxLength });
  const rows = answers.map(({ prompt, completion }, place) => {
    const { ids, cut } = encoder.encodeExample(prompt, completion);
    if (cut && tooLong === "cut") onCut?.(place);
    else if (cut)
      throw new AttuneError("data", "an answer with its prompt does not fit into the context", {
        got: `answer ${place + 1}, ${countOf(cut.tokens, "token")} too long`,
        expected: `${countOf(maxLength, "token")} at most`,
      });
    return { place, row: layAtEnd(ids) };
  });
  const choice: PlanChoice = { plan: "auto", recompute: "all", maxLength };
  const sessions = new PlanOnDemand({ model, reads: "scores" }, choice);
  const scores: number[] = [];
  try {
    for (const group of groupByLength(rows, ({ row }) => row.ids.length, BATCH_TOKENS)) {
      const { batch } = joinRows(
        group.map(({ row }) => row),
        { padId: encoder.padId },
      );
      const { readout } = await sessions.plan.score(batch);
      group.forEach(({ place }, i) => (scores[place] = readout[i]!));
    }
  } finally {
    await sessions.close();
  }
  return scores;
}

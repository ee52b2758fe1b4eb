/**
 * What `attune plan` reads of the data: how long prompts and answers are, and how many steps a run
 * would take.
 */
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { recordsAs, splitDataset } from "../../data/dataset.ts";
import type { DataRecord } from "../../data/records.ts";
import { completionText, promptText } from "../../text/messages.ts";
import type { MeasuredData } from "../../planning/method-config.ts";
import type { Method } from "../../planning/work.ts";
import { rollsOut } from "../../planning/work.ts";
import type { Encoder } from "../../text/encoder.ts";
import { totalSteps } from "../../training/passes.ts";
import type { SftRecord } from "../../training/demonstrations.ts";
import { encodeSftRecord } from "../../training/offline/sft.ts";
import type { CommandContext } from "../command.ts";
import type { DataConfig } from "./data-input.ts";
import { loadTrainingData } from "./data-input.ts";
import { recordsFor } from "../../training/trainer.ts";
import { TRAINERS } from "../../training/trainers.ts";
import { largestOf } from "../../core/extremes.ts";

/** Rows whose lengths are measured; of more, these many, evenly spaced. */
const MOST_MEASURED = 512;
/** Guess where a shape has no tokenizer: English text in vocabularies of 50,000. */
const CHARACTERS_OF_A_TOKEN = 4;

export interface DataOptions extends DataConfig {
  epochs: number;
  maxSteps: number;
  batchSize: number;
  heldOut?: number;
  samples?: number;
  maxLength: number;
  maxNewTokens?: number;
  loss?: unknown;
}

interface Lengths {
  prompt: number;
  answer: number;
}

function lengthsOf(record: DataRecord, encoder: Encoder, loss: unknown): Lengths {
  switch (record.kind) {
    case "preference": {
      const { prompt, chosen, rejected } = encoder.encodePair(
        record.prompt,
        record.chosen,
        record.rejected,
        record,
      );
      return { prompt: prompt.length, answer: (chosen.length + rejected.length) / 2 };
    }
    case "unpaired": {
      const { ids, promptLength } = encoder.encodeExample(record.prompt, record.completion, record);
      return { prompt: promptLength, answer: ids.length - promptLength };
    }
    case "prompt":
      return { prompt: encoder.encodePrompt(record.prompt, record).length, answer: 0 };
    default: {
      const examples = encodeSftRecord(
        record as SftRecord,
        encoder,
        loss === "full" ? "full" : "completion",
      );
      const answer = examples
        .flatMap(({ supervised }) => [...supervised])
        .filter((flag) => flag === 1).length;
      return {
        prompt: examples.reduce((total, { ids }) => total + ids.length, 0) - answer,
        answer,
      };
    }
  }
}

/** Lengths that are guessed from characters, where there is no tokenizer. */
function guessedLengths(record: DataRecord, maxLength: number): Lengths {
  const tokens = (text: string): number =>
    Math.min(maxLength, Math.ceil(text.length / CHARACTERS_OF_A_TOKEN));
  switch (record.kind) {
    case "preference":
      return {
        prompt: tokens(promptText(record.prompt)),
        answer:
          (tokens(completionText(record.chosen)) + tokens(completionText(record.rejected))) / 2,
      };
    case "unpaired":
    case "demonstration":
      return {
        prompt: tokens(promptText(record.prompt)),
        answer: tokens(completionText(record.completion)),
      };
    case "conversation":
      return {
        prompt: tokens(promptText(record.messages.filter(({ role }) => role !== "assistant"))),
        answer: tokens(completionText(record.messages.filter(({ role }) => role === "assistant"))),
      };
    case "text":
      return { prompt: 0, answer: tokens(record.text) };
    default:
      return { prompt: tokens(promptText(record.prompt)), answer: 0 };
  }
}

/**
 * Reads the data as the method would.
 * @param encoder of the model; undefined for a shape, whose lengths are then guessed, which is said
 */
export async function measureData(
  method: Method,
  config: DataOptions,
  { encoder, context }: { encoder: Encoder | undefined; context: CommandContext },
): Promise<MeasuredData> {
  const { reporter } = context;
  const { learnsFrom } = TRAINERS[method];
  const needs = learnsFrom === "answers" ? "prompt" : learnsFrom;
  const dataset = await loadTrainingData(config, needs, {
    context,
    keepColumns: rollsOut(method),
  });
  const records: readonly DataRecord[] =
    learnsFrom === "answers" ? recordsAs(dataset, "prompt") : recordsFor(learnsFrom, dataset);
  const train =
    config.heldOut === undefined
      ? records
      : splitDataset({ records }, { heldOut: config.heldOut, seed: config.seed }).train;
  if (train.length === 0)
    throw new AttuneError("data", "there is nothing to learn from", {
      got: `${countOf(records.length, "record")}, all held out`,
      hint: "a smaller --held-out",
    });
  const count = Math.min(MOST_MEASURED, train.length);
  const lengths: Lengths[] = [];
  let refused: AttuneError | undefined;
  for (let i = 0; i < count; i++) {
    const record = train[Math.floor((i * train.length) / count)]!;
    try {
      lengths.push(
        encoder
          ? lengthsOf(record, encoder, config.loss)
          : guessedLengths(record, config.maxLength),
      );
    } catch (error) {
      if (!(error instanceof AttuneError) || error.code !== "data") throw error;
      refused ??= error;
    }
  }
  if (lengths.length === 0) throw refused!;
  if (refused)
    reporter.warn(
      "rows-not-encoded",
      `left out of the plan, since they cannot be encoded: ${count - lengths.length} of ` +
        `${countOf(count, "row")}; the first: ${refused.message.split("\n")[0]}`,
    );
  if (!encoder)
    reporter.warn(
      "guessed-lengths",
      `a shape has no tokenizer: ${CHARACTERS_OF_A_TOKEN} characters are taken for a token; a ` +
        "folder or a GGUF file would be measured",
    );
  const mean = (of: (each: Lengths) => number): number =>
    Math.max(1, Math.round(lengths.reduce((total, each) => total + of(each), 0) / lengths.length));
  const longest = largestOf(lengths.map(({ prompt, answer }) => Math.round(prompt + answer)));
  const steps = totalSteps(train.length, {
    ...config,
    batchSize: config.batchSize / (config.samples ?? 1),
  });
  const answerTokens = rollsOut(method) ? config.maxNewTokens! : mean(({ answer }) => answer);
  reporter.note(
    `${countOf(train.length, "row")}, ${countOf(steps, "step")}; prompts of ` +
      `${mean(({ prompt }) => prompt)} tokens and answers of ` +
      `${rollsOut(method) ? "at most " : ""}${answerTokens} on ` +
      `average${count < train.length ? ` (${countOf(count, "row")} measured)` : ""}, the longest ` +
      `row ${rollsOut(method) ? longest + answerTokens : longest}`,
  );
  return { promptTokens: mean(({ prompt }) => prompt), answerTokens, steps };
}

/** `attune generate`: answers to prompts. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import type { PromptRecord } from "../../data/records.ts";
import { defineConfig, field, requiredField } from "../../config/config.ts";
import { parseConfig } from "../../config/sources.ts";
import { contextNote, modelForContext } from "../../models/context.ts";
import { shortenedNote } from "../../sampling/answer-limit.ts";
import type { GenerateOptions } from "../../sampling/generate.ts";
import { generate } from "../../sampling/generate.ts";
import { precisionField } from "../../sampling/precision.config.ts";
import { templateField } from "../../sampling/template.config.ts";
import type { EncodingRow } from "../../text/encoder.ts";
import type { Prompt } from "../../text/messages.ts";
import { promptText } from "../../text/messages.ts";
import { noteCutAnswers, warnOfAnswers, warnOfLostCharacters } from "../display/answer-warnings.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { addConfigOptions, readConfigFlags } from "../config-options.ts";
import { remoteData } from "../inputs/find-data.ts";
import { openForGeneration } from "../inputs/model-to-answer.ts";
import { largestOf } from "../../core/extremes.ts";

export const generationFields = {
  model: requiredField({
    type: z.string().min(1),
    description: "a folder of safetensors, a GGUF file, an adapter or a run folder",
    group: "Input",
  }),
  precision: precisionField("Input"),
  system: field({
    type: z.string(),
    default: "",
    source: "no system message",
    description: "system message before the conversation",
    group: "Input",
  }),
  raw: field({
    type: z.boolean(),
    default: false,
    source: "chat models want their template",
    description: "continue the prompt as plain text, without any template",
    group: "Input",
  }),
  template: { ...templateField, appliesWhen: { raw: [false] } },
  maxNewTokens: field({
    type: z.int().min(1),
    default: 256,
    source: "common practice",
    description: "longest answer",
    group: "Sampling",
    unit: "tokens",
  }),
  temperature: field({
    type: z.number().min(0),
    default: 0.7,
    source: "trl chat",
    description: "temperature of the distribution; 0 takes the most likely token",
    group: "Sampling",
  }),
  topK: field({
    type: z.int().min(0),
    default: 0,
    source: "all tokens",
    description: "keep the k most likely tokens",
    group: "Sampling",
    appliesWhen: {
      says: "with a temperature above 0",
      test: (config) => config("temperature") !== 0,
    },
  }),
  topP: field({
    type: z.number().gt(0).max(1),
    default: 1,
    source: "all tokens",
    description: "keep the most likely tokens up to this probability",
    group: "Sampling",
    appliesWhen: {
      says: "with a temperature above 0",
      test: (config) => config("temperature") !== 0,
    },
  }),
  minP: field({
    type: z.number().min(0).max(1),
    default: 0,
    source: "all tokens",
    description: "keep the tokens that are at least this share as likely as the most likely one",
    group: "Sampling",
    appliesWhen: {
      says: "with a temperature above 0",
      test: (config) => config("temperature") !== 0,
    },
  }),
  stop: field({
    type: z.array(z.string()),
    default: [],
    source: "the model's own stop tokens always count",
    description: "further texts at which an answer ends",
    group: "Sampling",
  }),
  seed: field({
    type: z.int().min(0),
    default: 42,
    source: "transformers TrainingArguments.seed",
    description: "of sampling",
    group: "Sampling",
    appliesWhen: {
      says: "with a temperature above 0",
      test: (config) => config("temperature") !== 0,
    },
  }),
};

export const generateConfig = defineConfig({
  name: "generate",
  fields: {
    ...generationFields,
    samples: field({
      type: z.int().min(1),
      default: 1,
      source: "one answer",
      description: "answers to each prompt",
      group: "Sampling",
    }),
    batchSize: field({
      type: z.int().min(1),
      default: 16,
      source: "measured: bench/, decoding",
      description: "answers that are decoded together",
      group: "Sampling",
    }),
  },
});

/** A prompt with what its row gives the template besides. */
type GivenPrompt = Pick<PromptRecord, "prompt"> & EncodingRow;

/** Prompts from the command line, a data set, or standard input. */
async function readPrompts(
  texts: readonly string[],
  data: string | undefined,
  context: CommandContext,
): Promise<GivenPrompt[]> {
  const { input } = context;
  if (data !== undefined && texts.length > 0)
    throw new AttuneError("usage", "prompts are given twice", {
      got: `--data ${data} and ${texts.length} on the command line`,
      hint: "one of the two",
    });
  if (data !== undefined)
    return recordsAs(
      await loadDataset(data, { signal: context.signal, resolveRemote: remoteData(context) }),
      "prompt",
    );
  if (texts.length > 0) return texts.map((prompt) => ({ prompt }));
  const prompt = input.isTTY ? "" : readFileSync(0, "utf8").trimEnd();
  if (prompt === "")
    throw new AttuneError("usage", "there is no prompt", {
      hint: 'attune generate --model M "a prompt", or --data FILE, or a prompt on standard input',
    });
  return [{ prompt }];
}

/**
 * A text stays one, to be a turn or plain as the template says, unless a system message goes before
 * it.
 */
function asAsked(prompt: Prompt, { system, raw }: { system: string; raw: boolean }): Prompt {
  if (raw) return typeof prompt === "string" ? prompt : promptText(prompt);
  if (system === "") return prompt;
  return [
    { role: "system", content: system },
    ...(typeof prompt === "string" ? [{ role: "user" as const, content: prompt }] : prompt),
  ];
}

export const command: CommandModule = {
  stopping: "answers that are done are printed",
  endsWithReader: true,
  configure(command, bind) {
    command
      .argument("[prompt...]", "prompts; standard input where left out")
      .option("--data <data>", "prompts from a data file, a folder or a Hugging Face id");
    addConfigOptions(command, generateConfig);
    command.action(
      bind<Record<string, unknown> & { data?: string }>(async ({ values, options, context }) => {
        const { resolved: config } = parseConfig(generateConfig, {
          flags: readConfigFlags(generateConfig, options),
        });
        const texts = values.flat().filter((value): value is string => value !== undefined);
        const given = (await readPrompts(texts, options.data, context)).map((each) => ({
          ...each,
          prompt: asAsked(each.prompt, config),
        }));
        const prompts = given.map(({ prompt }) => prompt);
        const { opened, encoder } = await openForGeneration(
          { ...config, template: config.raw ? "none" : config.template },
          { conversations: prompts.some(Array.isArray) },
          context,
        );
        const sampling: GenerateOptions = { ...config, stopTexts: config.stop };
        const ids = given.map((each) => encoder.encodePrompt(each.prompt, each));
        warnOfLostCharacters(prompts, encoder.tokenizer, context.reporter);
        const lengths = ids.map(({ length }) => length);
        const model = modelForContext(opened.model, largestOf(lengths) + 1);
        const { maxPositions } = model.config;
        for (const note of [
          contextNote(model.config),
          shortenedNote(lengths, { ...config, maxLength: maxPositions }),
        ])
          if (note !== undefined) context.reporter.note(note);
        const total = ids.length * config.samples;
        const single = total === 1 && !context.json;
        const progress = single
          ? undefined
          : context.reporter.progress({ title: "generating", total, unit: "answers" });
        let [done, shown] = [0, 0];
        const answers = await generate(model, encoder, ids, sampling, {
          signal: context.signal,
          onAnswer: () => progress?.update(++done),
          ...(single
            ? {
                onToken: ({ text }) => (
                  context.reporter.write(text.slice(shown)),
                  (shown = text.length)
                ),
              }
            : {}),
        });
        progress?.end();
        if (single) context.reporter.write("\n");
        else
          for (const answer of answers)
            context.reporter.result(
              { ...answer, promptText: prompts[answer.prompt] },
              `--- ${promptLabel(prompts[answer.prompt]!)}\n${answer.text}\n`,
            );
        const seen = answers
          .filter(({ finish }) => finish !== "cancelled")
          .map(({ text, finish, prompt }) => ({ text, stopped: finish === "stop", prompt }));
        warnOfAnswers(seen, context.reporter);
        noteCutAnswers(seen, context.reporter);
        if (context.signal.aborted)
          throw new AttuneError("interrupted", "stopped before the end", {
            got: `${answers.length} of ${countOf(total, "answer")}`,
          });
      }),
    );
  },
};

function promptLabel(prompt: Prompt): string {
  const text = typeof prompt === "string" ? prompt : (prompt.at(-1)?.content ?? "");
  return text.length > 72 ? `${text.slice(0, 71)}…` : text;
}

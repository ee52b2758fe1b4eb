/** `attune generate`: answers to prompts. `attune chat`: a conversation in the terminal. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { AttuneError } from "../../core/errors.ts";
import { wallClock } from "../../core/wall-clock.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import type { OpenedModel } from "../../models/open.ts";
import { openModel } from "../../models/open.ts";
import type { Precision } from "../../models/precision.ts";
import { defineConfig, field, requiredField } from "../../runs/config.ts";
import { parseConfig } from "../../runs/config-sources.ts";
import { checkDecodable } from "../../sampling/decoder-graph.ts";
import type { GenerateOptions } from "../../sampling/generate.ts";
import { generate } from "../../sampling/generate.ts";
import { precisionField } from "../../sampling/precision.config.ts";
import type { Encoder } from "../../text/encoder.ts";
import { createEncoder } from "../../text/encoder.ts";
import type { Prompt } from "../../text/messages.ts";
import { promptText } from "../../text/messages.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { addConfigOptions, readConfigFlags } from "../config-options.ts";
import { remoteData } from "./find-data.ts";
import { findModel } from "./find-model.ts";

export const generationFields = {
  model: requiredField({ type: z.string().min(1), description: "a folder of safetensors, a GGUF file, an adapter or a run folder", group: "Input" }),
  precision: precisionField("Input"),
  system: field({ type: z.string(), default: "", source: "none", description: "system message before the conversation", group: "Input" }),
  raw: field({ type: z.boolean(), default: false, source: "chat models want their template", description: "continue the prompt as plain text, without the chat template", group: "Input" }),
  maxNewTokens: field({ type: z.int().min(1), default: 256, source: "common practice", description: "longest answer", group: "Sampling", unit: "tokens" }),
  temperature: field({ type: z.number().min(0), default: 0.7, source: "trl chat; 0 takes the most likely token", description: "temperature of the distribution", group: "Sampling" }),
  topK: field({ type: z.int().min(0), default: 0, source: "0: all tokens", description: "keep the k most likely tokens", group: "Sampling", appliesWhen: { says: "with a temperature above 0", test: (config) => config("temperature") !== 0 } }),
  topP: field({ type: z.number().gt(0).max(1), default: 1, source: "1: all tokens", description: "keep the most likely tokens up to this probability", group: "Sampling", appliesWhen: { says: "with a temperature above 0", test: (config) => config("temperature") !== 0 } }),
  minP: field({
    type: z.number().min(0).max(1), default: 0, source: "0: all tokens", description: "keep the tokens that are at least this share as likely as the most likely one", group: "Sampling",
    appliesWhen: { says: "with a temperature above 0", test: (config) => config("temperature") !== 0 },
  }),
  stop: field({ type: z.array(z.string()), default: [], source: "the model's own stop tokens always count", description: "further texts at which an answer ends", group: "Sampling" }),
  seed: field({ type: z.int().min(0), default: 42, source: "transformers", description: "of sampling", group: "Sampling", appliesWhen: { says: "with a temperature above 0", test: (config) => config("temperature") !== 0 } }),
};

export const generateConfig = defineConfig({
  name: "generate",
  fields: {
    ...generationFields,
    samples: field({ type: z.int().min(1), default: 1, source: "one answer", description: "answers to each prompt", group: "Sampling" }),
    batchSize: field({ type: z.int().min(1), default: 16, source: "bench/: decoding", description: "answers that are decoded together", group: "Sampling" }),
  },
});

interface Opened {
  opened: OpenedModel;
  encoder: Encoder;
}

export async function openForGeneration({ model: name, precision }: { model: string; precision: Precision }, context: CommandContext): Promise<Opened> {
  const { reporter } = context;
  const path = await findModel(name, context);
  const progress = reporter.progress({ title: `reading ${name}`, unit: "weights" });
  const opened = await openModel(path, { precision, onProgress: (done) => progress.update(done) });
  progress.end();
  checkDecodable(opened.model);
  return { opened, encoder: createEncoder(opened.tokenizer, { maxLength: opened.model.config.maxPositions, templateTime: () => wallClock() }) };
}

/** Prompts from the command line, a data set, or standard input. */
async function readPrompts(texts: readonly string[], data: string | undefined, context: CommandContext): Promise<Prompt[]> {
  const { input } = context;
  if (data !== undefined && texts.length > 0) throw new AttuneError("usage", "prompts are given twice", { got: `--data ${data} and ${texts.length} on the command line`, hint: "one of the two" });
  if (data !== undefined) return recordsAs(await loadDataset(data, { signal: context.signal, resolveRemote: remoteData(context) }), "prompt").map(({ prompt }) => prompt);
  if (texts.length > 0) return [...texts];
  if (input.isTTY) throw new AttuneError("usage", "there is no prompt", { hint: 'attune generate --model M "a prompt", or --data FILE, or a prompt on standard input' });
  return [readFileSync(0, "utf8").trimEnd()];
}

function toChat(prompt: Prompt, system: string, raw: boolean): Prompt {
  if (raw) return typeof prompt === "string" ? prompt : promptText(prompt);
  const turns = typeof prompt === "string" ? [{ role: "user" as const, content: prompt }] : prompt;
  return system === "" ? turns : [{ role: "system" as const, content: system }, ...turns];
}

export const command: CommandModule = {
  endsWithReader: true,
  configure(command, bind) {
    command.argument("[prompt...]", "prompts; standard input where left out").option("--data <data>", "prompts from a data file, a folder or a Hugging Face id");
    addConfigOptions(command, generateConfig);
    command.action(
      bind<Record<string, unknown> & { data?: string }>(async ({ values, options, context }) => {
        const { resolved: config } = parseConfig(generateConfig, { flags: readConfigFlags(generateConfig, options) });
        const texts = values.flat().filter((value): value is string => value !== undefined);
        const prompts = (await readPrompts(texts, options.data, context)).map((prompt) => toChat(prompt, config.system, config.raw));
        const { opened, encoder } = await openForGeneration(config, context);
        const sampling: GenerateOptions = { ...config, stopTexts: config.stop };
        const ids = prompts.map((prompt) => encoder.encodePrompt(prompt));
        const total = ids.length * config.samples;
        const single = total === 1 && !context.json;
        const progress = single ? undefined : context.reporter.progress({ title: "generating", total, unit: "answers" });
        let [done, shown] = [0, 0];
        const answers = await generate(opened.model, encoder, ids, sampling, {
          signal: context.signal,
          onAnswer: () => progress?.update(++done),
          ...(single ? { onToken: ({ text }) => (context.reporter.write(text.slice(shown)), (shown = text.length)) } : {}),
        });
        progress?.end();
        if (single) context.reporter.write("\n");
        else for (const answer of answers) context.reporter.result({ ...answer, promptText: prompts[answer.prompt] }, `--- ${promptLabel(prompts[answer.prompt]!)}\n${answer.text}\n`);
        if (context.signal.aborted) throw new AttuneError("interrupted", "stopped before the end", { got: `${answers.length} of ${total} answers` });
      }),
    );
  },
};

function promptLabel(prompt: Prompt): string {
  const text = typeof prompt === "string" ? prompt : (prompt.at(-1)?.content ?? "");
  return text.length > 72 ? `${text.slice(0, 71)}…` : text;
}

/**
 * Opens the model of `generate`, `chat`, `serve` and critics: one that answers, with its encoder.
 */
import { wallClock } from "../../core/wall-clock.ts";
import { longestContext } from "../../models/context.ts";
import type { OpenedModel } from "../../models/open.ts";
import type { Precision } from "../../models/precision.ts";
import { checkDecodable } from "../../sampling/decoder-graph.ts";
import type { Encoder } from "../../text/encoder.ts";
import type { CommandContext } from "../command.ts";
import { findModel } from "./find-model.ts";
import { readModelOf } from "./read-model.ts";
import { openEncoder } from "./template-input.ts";

export interface ModelToAnswer {
  opened: OpenedModel;
  encoder: Encoder;
}

/**
 * @param config.room longest prompt and answer together, where it is known beforehand, tokens
 * @throws AttuneError `model` for a model that does not answer, such as a reward model
 */
export async function openModelToAnswer(
  { model: name, precision, room }: { model: string; precision: Precision; room?: number },
  context: CommandContext,
): Promise<OpenedModel> {
  const opened = await readModelOf(name, await findModel(name, context), {
    precision,
    ...(room === undefined ? {} : { context: room }),
    reporter: context.reporter,
  });
  checkDecodable(opened.model);
  return opened;
}

/** @param conversations whether it is given messages, and not only texts */
export async function openForGeneration(
  config: { model: string; precision: Precision; template: string; room?: number },
  { conversations }: { conversations: boolean },
  context: CommandContext,
): Promise<ModelToAnswer> {
  const opened = await openModelToAnswer(config, context);
  const encoder = openEncoder(
    opened.tokenizer,
    {
      template: config.template,
      conversations,
      maxLength: longestContext(opened.model.config),
      templateTime: () => wallClock(),
    },
    context,
  );
  return { opened, encoder };
}

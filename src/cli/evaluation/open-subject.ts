/** Opens the model that is evaluated, in this process or behind a server. */
import type { AnswerCache } from "../../constitution/answer-cache.ts";
import { LocalSubject } from "../../evaluation/subjects/local-subject.ts";
import { ServerSubject } from "../../evaluation/subjects/server-subject.ts";
import type { Subject } from "../../evaluation/subject.ts";
import { readServerSettings } from "../../constitution/server-settings.ts";
import { AttuneError } from "../../core/errors.ts";
import { longestContext } from "../../models/context.ts";
import type { Precision } from "../../models/precision.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import { SERVER_PREFIX } from "../../training/online/judge.config.ts";
import type { CommandContext } from "../command.ts";
import { serverModel } from "../constitution/critics.ts";
import { formatDuration } from "../display/words.ts";
import { openModelToAnswer } from "../inputs/model-to-answer.ts";
import { openEncoder } from "../inputs/template-input.ts";

/** What a model in this process is opened by. */
export interface LocalSubjectConfig {
  readonly model: string;
  readonly template: string;
  readonly precision: Precision;
  readonly batchSize: number;
  readonly contextLength: number;
}

/** The options of subjectFields (evaluation/subject.config.ts). */
export interface SubjectConfig extends LocalSubjectConfig {
  readonly reuse: readonly string[];
  readonly criticSettings: string;
  readonly concurrency: number;
  readonly timeout: number;
  readonly retries: number;
  readonly priceInput: number;
  readonly priceOutput: number;
  readonly budget: number;
}

/** A model that is found and read; it answers once there is a cache for its answers. */
export interface OpenedSubject {
  readonly name: string;
  readonly fingerprint: string;
  readonly isServer: boolean;
  open(cache: AnswerCache): Promise<Subject>;
}

/** What a subject is asked, where its template depends on it. */
export interface SubjectUse {
  /** Whether it is given messages; default true, so that texts are turns of a chat model. */
  conversations?: boolean;
}

/** @throws AttuneError as openModelToAnswer, openEncoder, readServerSettings */
export function openSubject(
  config: SubjectConfig,
  context: CommandContext,
  use: SubjectUse = {},
): Promise<OpenedSubject> {
  return config.model.startsWith(SERVER_PREFIX)
    ? Promise.resolve(openServed(config, context))
    : openLocalSubject(config, context, use);
}

/** @throws AttuneError as openModelToAnswer, openEncoder; `usage` for one behind a server */
export async function openLocalSubject(
  { model: name, template, precision, batchSize, contextLength }: LocalSubjectConfig,
  context: CommandContext,
  { conversations = true }: SubjectUse = {},
): Promise<OpenedSubject> {
  if (name.startsWith(SERVER_PREFIX))
    throw new AttuneError("usage", "this is asked of a model here, not of one behind a server", {
      got: name,
      hint: "a folder, a GGUF file, a run or a Hugging Face id",
    });
  const {
    model,
    tokenizer,
    fingerprint: weights,
  } = await openModelToAnswer({ model: name, precision }, context);
  const encoder = openEncoder(
    tokenizer,
    {
      template,
      conversations,
      role: name,
      maxLength: longestContext(model.config),
      templateTime: context.templateTime,
    },
    context,
  );
  const fingerprint = jointHash(weights, precision, encoder.fingerprint);
  return {
    name,
    fingerprint,
    isServer: false,
    open: (cache) =>
      Promise.resolve(
        new LocalSubject({ name, model, encoder, fingerprint, cache, batchSize, contextLength }),
      ),
  };
}

function openServed(
  { model: name, criticSettings, concurrency, timeout, retries }: SubjectConfig,
  { reporter }: CommandContext,
): OpenedSubject {
  const model = serverModel(name);
  const settings = readServerSettings(criticSettings === "" ? undefined : criticSettings);
  const fingerprint = jointHash(settings.baseUrl, model);
  return {
    name,
    fingerprint,
    isServer: true,
    open: (cache) =>
      ServerSubject.create({
        name,
        fingerprint,
        settings,
        model,
        cache,
        concurrency,
        timeout: 1000 * timeout,
        retry: { retries },
        onRetry: (why, wait) =>
          reporter.note(`trying again in ${formatDuration(wait / 1000)}: ${why.split("\n")[0]!}`),
      }),
  };
}

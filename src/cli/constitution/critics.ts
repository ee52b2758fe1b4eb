/** Critics from their options: models and servers that are found and opened. */
import { createHash } from "node:crypto";
import type { AnswerCache } from "../../constitution/answer-cache.ts";
import type { Critic } from "../../constitution/critic.ts";
import type { LocalCriticOptions } from "../../constitution/local-critic.ts";
import { LocalCritic } from "../../constitution/local-critic.ts";
import { ServerCritic } from "../../constitution/server-critic.ts";
import type { ServerCriticOptions } from "../../constitution/server-critic.ts";
import { readServerSettings } from "../../constitution/server-settings.ts";
import { AttuneError } from "../../core/errors.ts";
import type { OpenedModel } from "../../models/open.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import { checkDecodable } from "../../sampling/decoder-graph.ts";
import { SERVER_PREFIX } from "../../training/online/judge.config.ts";
import type { CommandContext } from "../command.ts";
import { formatDuration } from "../display/words.ts";
import { openModelToAnswer } from "../inputs/model-to-answer.ts";
import { openEncoder } from "../inputs/template-input.ts";

export interface CriticConfig {
  batchSize: number;
  contextLength: number;
  /** Default `auto`. */
  template?: string;
  maxNewTokens: number;
  criticSettings: string;
  concurrency: number;
  timeout: number;
  retries: number;
  letters?: ServerCriticOptions["letters"];
  letterSamples?: number;
}

/** A model that is found and read, and becomes a critic once there is a folder for its answers. */
export interface OpenedCritic {
  isServer: boolean;
  fingerprint: string;
  open(cache: AnswerCache): Promise<Critic>;
}

/**
 * Opens models before the run folder is made: a mistake there should leave none. The same name
 * twice is the same critic.
 * @param known models that are open already, by name
 */
export async function openCritics(
  names: readonly string[],
  config: CriticConfig,
  context: CommandContext,
  known: ReadonlyMap<string, OpenedModel> = new Map(),
): Promise<OpenedCritic[]> {
  if (config.template === "none" && names.some((name) => !name.startsWith(SERVER_PREFIX))) {
    throw new AttuneError(
      "usage",
      "a critic is asked in turns, which --template none does not have",
      {
        hint:
          "--template plain writes turns as plain text (User: ... Assistant: ...); without " +
          "--template the model's own is used",
      },
    );
  }
  const opened = new Map<string, OpenedCritic>();
  for (const name of names)
    if (!opened.has(name))
      opened.set(name, once(await openCritic(name, config, { context, known })));
  return names.map((name) => opened.get(name)!);
}

function once(critic: OpenedCritic): OpenedCritic {
  let made: Promise<Critic> | undefined;
  return { ...critic, open: (cache) => (made ??= critic.open(cache)) };
}

async function openCritic(
  name: string,
  config: CriticConfig,
  { context, known }: { context: CommandContext; known: ReadonlyMap<string, OpenedModel> },
): Promise<OpenedCritic> {
  if (name.startsWith(SERVER_PREFIX)) return openServer(serverModel(name), config, context);
  const opened =
    known.get(name) ?? (await openModelToAnswer({ model: name, precision: "float32" }, context));
  checkDecodable(opened.model);
  const { template = "auto" } = config;
  const encoder = openEncoder(
    opened.tokenizer,
    {
      template,
      conversations: true,
      role: name,
      maxLength: opened.model.config.maxPositions,
      templateTime: context.templateTime,
    },
    context,
  );
  // what is kept of a model's answers depends on its template too, where that is not its own
  const fingerprint =
    template === "auto" ? opened.fingerprint : jointHash(opened.fingerprint, encoder.fingerprint);
  return {
    isServer: false,
    fingerprint,
    open: async (cache) =>
      localCritic({ model: opened.model, encoder, fingerprint }, name, config, cache),
  };
}

function localCritic(
  opened: Pick<LocalCriticOptions, "model" | "encoder" | "fingerprint">,
  name: string,
  { batchSize, contextLength, maxNewTokens }: CriticConfig,
  cache: AnswerCache,
): LocalCritic {
  return new LocalCritic({
    ...opened,
    name: name.split(/[\\/]/).at(-1)!,
    cache,
    slots: batchSize,
    room: contextLength,
    steps: maxNewTokens,
  });
}

/** The model of `openai:NAME`. @throws AttuneError `usage` where it has no name */
export function serverModel(critic: string): string {
  const model = critic.slice(SERVER_PREFIX.length);
  if (model === "")
    throw new AttuneError("usage", "the model behind the server has no name", {
      expected: `${SERVER_PREFIX}NAME`,
    });
  return model;
}

function openServer(
  model: string,
  config: CriticConfig,
  { reporter }: CommandContext,
): OpenedCritic {
  const settings = readServerSettings(
    config.criticSettings === "" ? undefined : config.criticSettings,
  );
  const { concurrency, timeout, retries, letters = "auto", letterSamples = 8 } = config;
  const onRetry = (why: string, wait: number): void =>
    reporter.note(`trying again in ${formatDuration(wait / 1000)}: ${why.split("\n")[0]!}`);
  return {
    isServer: true,
    fingerprint: createHash("sha256").update(`${settings.baseUrl} ${model}`).digest("hex"),
    open: (cache) =>
      ServerCritic.create({
        settings,
        model,
        cache,
        concurrency,
        timeout: 1000 * timeout,
        letters,
        letterSamples,
        retry: { retries },
        onRetry,
      }),
  };
}

/**
 * What revise and compare share: the constitution, the critics, the run folder with its answers,
 * and what it will cost.
 */
import { createHash } from "node:crypto";
import { AnswerCache } from "../../constitution/answer-cache.ts";
import type { Constitution } from "../../constitution/constitution.ts";
import { parseConstitution } from "../../constitution/constitution.ts";
import type { Critic, Usage } from "../../constitution/critic.ts";
import { DEFAULT_CONSTITUTION, DEFAULT_NAME } from "../../constitution/default-constitution.ts";
import type { Estimate } from "../../constitution/estimate.ts";
import { costOf } from "../../constitution/estimate.ts";
import type { LocalCriticOptions } from "../../constitution/local-critic.ts";
import { LocalCritic } from "../../constitution/local-critic.ts";
import { ServerCritic } from "../../constitution/server-critic.ts";
import type { ServerCriticOptions } from "../../constitution/server-critic.ts";
import { readServerSettings } from "../../constitution/server-settings.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { readRegularText } from "../../text/regular-file.ts";
import type { OpenedModel } from "../../models/open.ts";
import type { Run } from "../../runs/run.ts";
import { checkDecodable } from "../../sampling/decoder-graph.ts";
import { SERVER_PREFIX } from "../../training/online/judge.config.ts";
import type { CommandContext } from "../command.ts";
import { formatCount, formatDuration } from "../display/words.ts";
import { openModelToAnswer } from "../inputs/model-to-answer.ts";
import { openEncoder } from "../inputs/template-input.ts";

export interface ConstitutionText {
  constitution: Constitution;
  /** As written, for the run folder. */
  text: string;
}

/** @param path empty for attune's own. @throws AttuneError `config` with file and line */
export function loadConstitution(path: string): ConstitutionText {
  if (path === "")
    return {
      constitution: parseConstitution(DEFAULT_CONSTITUTION, DEFAULT_NAME),
      text: DEFAULT_CONSTITUTION,
    };
  const text = readText(path);
  return { constitution: parseConstitution(text, path), text };
}

/** @throws AttuneError `config` where the file cannot be read */
export function readText(path: string): string {
  try {
    return readRegularText(path, { code: "config" });
  } catch (cause) {
    if (cause instanceof AttuneError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new AttuneError(
      "config",
      missing ? "there is no such file" : "the file cannot be read as UTF-8 text",
      {
        file: path,
        cause,
        ...(missing ? { hint: "`attune constitution init` writes one to begin with" } : {}),
      },
    );
  }
}

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
    template === "auto" ? opened.fingerprint : hashOf(opened.fingerprint, encoder.fingerprint);
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

/** One hash for several things that a resumed run must find as they were. */
export const hashOf = (...parts: readonly string[]): string =>
  createHash("sha256").update(parts.join(" ")).digest("hex");

export interface CriticWork<T> {
  run: Run;
  critics: readonly OpenedCritic[];
  reuse: readonly string[];
  /** In the order of `critics`. */
  work: (critics: readonly Critic[]) => Promise<T>;
}

/**
 * Runs work that asks critics. Whatever ends it, what was answered stays in the run folder, and the
 * run can be resumed.
 */
export async function withCritics<T>({ run, critics, reuse, work }: CriticWork<T>): Promise<T> {
  const cache = AnswerCache.open(run.folder, reuse);
  const made: Critic[] = [];
  try {
    for (const each of critics) made.push(await each.open(cache));
    const result = await work(made);
    run.finish("completed");
    return result;
  } catch (error) {
    // before the command's own guard, which would take a run without steps back, and its answers
    // with it
    if (cache.size > 0) run.fail(error);
    if (!(error instanceof AttuneError) || error.code !== "interrupted") throw error;
    throw new AttuneError("interrupted", "stopped before the end", {
      got: `kept: ${countOf(cache.size, "answer")}`,
      hint: `\`attune resume ${run.folder}\` goes on from there`,
      cause: error,
    });
  } finally {
    for (const critic of new Set(made)) await critic.close();
    cache.close();
  }
}

export interface CostConfig {
  priceInput: number;
  priceOutput: number;
  budget: number;
}

interface LetterConfig {
  letters: NonNullable<ServerCriticOptions["letters"]>;
  letterSamples: number;
  budget: number;
}

/**
 * Requests for one letter. Whether a server gives log-probabilities is not known yet: under a
 * budget, the dearer way counts.
 */
export function letterRequests(
  critic: string,
  { letters, letterSamples, budget }: LetterConfig,
): number {
  if (!critic.startsWith(SERVER_PREFIX) || letters === "log-probabilities") return 1;
  return letters === "samples" || budget > 0 ? letterSamples : 1;
}

export function adviseOnLetters(
  critic: string,
  { letters, letterSamples, budget }: LetterConfig,
  { reporter }: CommandContext,
): void {
  if (critic.startsWith(SERVER_PREFIX) && letters === "auto" && budget === 0)
    reporter.note(
      "where the server gives no log-probabilities, each letter needs " +
        `${countOf(letterSamples, "request")} instead of one`,
    );
}

/** Says what lies ahead. @throws AttuneError `usage` where it costs more than the budget */
export function announce(
  estimate: Estimate,
  { priceInput, priceOutput, budget }: CostConfig,
  { reporter }: CommandContext,
): string {
  const priced = priceInput > 0 || priceOutput > 0;
  const cost = costOf(estimate, { input: priceInput, output: priceOutput });
  const text =
    `${countOf(estimate.requests, "request")}, about ${countOf(estimate.inputTokens, "token")} ` +
    `to read and at most ${formatCount(estimate.outputTokens)} to ` +
    `write${priced ? `: at most about ${cost.toFixed(2)} in your currency` : ""}`;
  if (budget > 0 && !priced)
    throw new AttuneError("usage", "a budget needs prices", {
      hint: "--price-input and --price-output, for a million tokens",
    });
  if (budget > 0 && cost > budget)
    throw new AttuneError("usage", "the run may cost more than the budget", {
      got: text,
      expected: `at most ${budget}`,
      hint: "fewer rows with --limit, or a higher --budget",
    });
  reporter.note(text);
  return text;
}

/**
 * Does the first item alone where a server is asked, and says how long the others will take; its
 * answers are kept, so nothing is asked twice. A local model works on many items at once, and the
 * display of its progress tells the time left.
 */
export async function pilot(
  items: number,
  critics: readonly Critic[],
  { reporter }: CommandContext,
  first: () => Promise<unknown>,
): Promise<void> {
  if (items < 2 || !critics.every((critic) => critic instanceof ServerCritic)) return;
  const asked = (): number => critics.reduce((total, { usage }) => total + usage.asked, 0);
  const [before, start] = [asked(), Date.now()];
  await first();
  if (asked() === before) return;
  const seconds = (Date.now() - start) / 1000;
  const together = Math.min(...critics.map(({ concurrency }) => concurrency));
  reporter.note(
    `the first of ${formatCount(items)} took ${formatDuration(seconds)}: the others take about ` +
      `${formatDuration((seconds * (items - 1)) / together)} at ${together} a time`,
  );
}

/** Words of the shell that may hold spaces. */
export const shellWord = (word: string): string =>
  /^[\w./:@=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** What was asked and spent, for the summary. */
export function usageText(
  critics: readonly Critic[],
  { priceInput, priceOutput }: CostConfig,
): string {
  const usages = [...new Set(critics)].map(({ usage }) => usage);
  const sum = (name: keyof Usage): number =>
    usages.reduce((total, usage) => total + usage[name], 0);
  const cost = costOf(
    { inputTokens: sum("inputTokens"), outputTokens: sum("outputTokens") },
    { input: priceInput, output: priceOutput },
  );
  return (
    `${formatCount(sum("asked"))} answers, ${formatCount(sum("reused"))} found ` +
    `again${sum("shortened") > 0 ? `, ${formatCount(sum("shortened"))} with less room than asked for at the end of the context` : ""}; ` +
    `${formatCount(sum("inputTokens"))} tokens read, ${formatCount(sum("outputTokens"))} ` +
    `written${cost > 0 ? `, ${cost.toFixed(2)} in your currency` : ""}`
  );
}

/** Opens the model that is evaluated, in this process or behind a server. */
import type { AnswerCache } from "../../constitution/answer-cache.ts";
import type { Critic } from "../../constitution/critic.ts";
import { isRefused } from "../../constitution/critic.ts";
import { inParallel } from "../../constitution/in-parallel.ts";
import type { AnswerRequest, Hooks, NoAnswer } from "../../evaluation/subject.ts";
import type { Subject, SubjectAnswer } from "../../evaluation/subject.ts";
import type { Message, Prompt } from "../../text/messages.ts";
import type { CommandContext } from "../command.ts";
import { openCritics } from "../constitution/critics.ts";

/** The options of subjectFields (evaluation/subject.config.ts). */
export interface SubjectConfig {
  readonly model: string;
  readonly template: string;
  readonly precision: "float32" | "int8";
  readonly batchSize: number;
  readonly contextLength: number;
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

/** @throws AttuneError as openCritics */
export async function openSubject(
  config: SubjectConfig,
  context: CommandContext,
): Promise<OpenedSubject> {
  const [opened] = await openCritics([config.model], { ...config, maxNewTokens: 256 }, context);
  const { fingerprint, isServer } = opened!;
  return {
    name: config.model,
    fingerprint,
    isServer,
    open: async (cache) =>
      criticSubject(await opened!.open(cache), { name: config.model, fingerprint }),
  };
}

function criticSubject(
  critic: Critic,
  { name, fingerprint }: { name: string; fingerprint: string },
): Subject {
  const answer = async (
    { prompt, sample = 0, stopTexts, ...request }: AnswerRequest,
    signal: AbortSignal | undefined,
  ): Promise<SubjectAnswer | NoAnswer> => {
    const written = await critic.write(
      {
        ...request,
        messages: messagesOf(prompt),
        topP: 1,
        stream: ["answer", sample],
        ...(stopTexts ? { stopTexts } : {}),
      },
      signal,
    );
    if (isRefused(written)) return { refused: written.refused };
    return { text: written.text, stopped: written.finish === "stop" };
  };
  return {
    name,
    fingerprint,
    answer: (requests: readonly AnswerRequest[], { signal, onDone }: Hooks = {}) =>
      inParallel(
        requests,
        { limit: critic.concurrency, signal, ...(onDone ? { onDone } : {}) },
        (request) => answer(request, signal),
      ),
    close: () => critic.close(),
  };
}

const messagesOf = (prompt: Prompt): readonly Message[] =>
  typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt;

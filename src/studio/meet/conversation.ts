/** Says something to one model, or to two at once, and tells what they answer as they write it. */
import { randomInt } from "node:crypto";
import type { Database } from "../../labelling/store/database.ts";
import { ApiError } from "../../server/api-error.ts";
import type { ToldEvent } from "../api/meet.ts";
import type { Chat, ChatTurn } from "./chats.ts";
import { isBlind, keepSettings, keepTurns, ownChat, samplingOf, shown } from "./chats.ts";
import { namesOf } from "./found-models.ts";
import { HiddenText } from "./hide-stream.ts";
import type { ModelHost, ModelLease } from "./model-host.ts";
import { ModelError } from "./model-host.ts";
import type { Sampling } from "./sampling.config.ts";
import { streamAnswer } from "./stream-answer.ts";
import { Side, together } from "./together.ts";

export interface Conversations {
  database: Database;
  models: ModelHost;
  /** For whoever runs the studio, not for whoever votes. */
  warn: (id: string, message: string) => void;
  /** Milliseconds between what is told; 0 in tests. */
  tick?: number;
}

export interface Saying {
  chat: string;
  person: string;
  text: string;
  keep: number;
  settings?: Record<string, unknown> | undefined;
  /** Aborted where the answers are to stop. */
  signal: AbortSignal;
}

/** Milliseconds that somebody who asks again waits for an answer that was just stopped. */
const PATIENCE = 5_000;
/** Of one of two: which it was, and why, would tell the model. */
const NO_ANSWER = "a side gave no answer";

/** Answers at work: by conversation, until they are kept. */
const atWork = new Map<string, Promise<void>>();

/** Never throws for what the person asks: it is told as refused. */
export async function* saying(
  conversations: Conversations,
  request: Saying,
): AsyncGenerator<ToldEvent> {
  const before = atWork.get(request.chat);
  if (before !== undefined && !(await inTime(before))) {
    yield { refused: "the answers before these are still being written", code: "busy" };
    return;
  }
  let done = (): void => undefined;
  const work = new Promise<void>((resolve) => (done = resolve));
  atWork.set(request.chat, work);
  try {
    yield* sayAll(conversations, request);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    yield { refused: error.message, code: error.facts.code ?? "refused" };
  } finally {
    if (atWork.get(request.chat) === work) atWork.delete(request.chat);
    done();
  }
}

async function inTime(work: Promise<void>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PATIENCE);
  });
  const ended = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return ended;
}

async function* sayAll(
  { database, models, warn, tick }: Conversations,
  { chat: id, person, text, keep, settings, signal }: Saying,
): AsyncGenerator<ToldEvent> {
  const found = await ownChat(database, id, person);
  if (found.vote !== null)
    throw new ApiError(409, "this was voted on: begin another conversation", { code: "voted" });
  if (settings !== undefined) await keepSettings(database, { id }, settings);
  const sampling = samplingOf(settings ?? found.settings);
  const chat = withQuestion(found, keep, text);
  await keepTurns(database, chat);
  yield { state: "opening" };
  const blind = isBlind(chat);
  const sides = chat.models.map(() => new Side());
  const answers = chat.models.map((): ChatTurn => ({ role: "assistant", content: "" }));
  const reasons = chat.models.map(() => "");
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const fail = (side: number, error: unknown): void => {
    const stopped = ended.aborted && !(error instanceof ModelError);
    sides[side]!.end = stopped ? "stopped" : "failed";
    if (stopped) return;
    reasons[side] = error instanceof Error ? error.message : String(error);
    warn("meet", `${chat.models[side]!}: ${reasons[side]}`);
  };
  const leases = await leaseAll(models, chat.models, { signal: ended, fail });
  let work: Promise<void>[] = [];
  try {
    yield { state: "answering" };
    work = leases.map((lease, side) =>
      lease === undefined
        ? Promise.resolve()
        : answerOf(lease, chat.turns[side]!, { sampling, signal: ended })(
            blind ? new HiddenText(chat.models.flatMap(namesOf)) : new HiddenText([]),
            sides[side]!,
            answers[side]!,
          ).catch((error: unknown) => fail(side, error)),
    );
    for await (const told of together(sides, {
      inStep: blind,
      ...(tick === undefined ? {} : { tick }),
    }))
      yield "end" in told && told.end === "failed"
        ? { ...told, message: blind ? NO_ANSWER : reasons[told.side]! }
        : told;
  } finally {
    // whoever leaves the stream stops the answers
    stop.abort(new Error("stopped"));
    await Promise.all(work);
    for (const lease of leases) lease?.release();
    for (const [side, answer] of answers.entries()) answer.end = sides[side]!.end ?? "stopped";
    await keepTurns(database, {
      id,
      turns: chat.turns.map((turns, side) => [...turns, answers[side]!]),
    });
  }
  yield { chat: shown(await ownChat(database, id, person)) };
}

/** The conversation up to what is said now. */
function withQuestion(chat: Chat, keep: number, text: string): Chat {
  const exchanges = Math.min(...chat.turns.map(({ length }) => Math.floor(length / 2)));
  if (keep > exchanges)
    throw new ApiError(409, "the conversation is shorter than that: load it again", {
      code: "out_of_step",
    });
  const question: ChatTurn = { role: "user", content: text };
  return { ...chat, turns: chat.turns.map((turns) => [...turns.slice(0, 2 * keep), question]) };
}

/** All at once, and none answers before all are open: opening one takes longer than another. */
function leaseAll(
  models: ModelHost,
  names: readonly string[],
  { signal, fail }: { signal: AbortSignal; fail: (side: number, error: unknown) => void },
): Promise<(ModelLease | undefined)[]> {
  return Promise.all(
    names.map((name, side) =>
      models.lease(name, signal).catch((error: unknown) => (fail(side, error), undefined)),
    ),
  );
}

const answerOf =
  (
    lease: ModelLease,
    turns: readonly ChatTurn[],
    { sampling, signal }: { sampling: Sampling; signal: AbortSignal },
  ) =>
  async (hidden: HiddenText, side: Side, answer: ChatTurn): Promise<void> => {
    const seed = sampling.seed >= 0 ? sampling.seed : randomInt(2 ** 31);
    const asked = turns.map(({ role, content }) => ({ role, content }));
    const pieces = streamAnswer(lease.address, asked, { sampling, seed, signal });
    for (;;) {
      const { value, done } = await pieces.next();
      if (done) {
        side.add(hidden.end());
        side.end = value;
        return;
      }
      answer.content += value;
      side.add(hidden.add(value));
    }
  };

/**
 * A vote: names are told, and the two answers become a task of the project `arena` with its
 * judgement, so that whatever is done with preferences (labels, export, reward models) is done with
 * votes too.
 */
import { createHash, randomUUID } from "node:crypto";
import { z } from "zod";
import { parseConfig } from "../../config/sources.ts";
import { readyTask } from "../../labelling/exchange/new-task.ts";
import { compare } from "../../labelling/kinds/compare.ts";
import type { Choice, TextOrTurns } from "../../labelling/kinds/kind.ts";
import { kindNamed } from "../../labelling/kinds/index.ts";
import { projectConfig } from "../../labelling/project.config.ts";
import type { Database, Queries } from "../../labelling/store/database.ts";
import { selectOne } from "../../labelling/store/database.ts";
import { ApiError } from "../../server/api-error.ts";
import type { Vote } from "../api/meet.ts";
import type { Chat, ChatTurn } from "./chats.ts";
import { isBlind, ownChat, samplingOf } from "./chats.ts";

export const ARENA = "arena";

const CHOICES: Readonly<Record<Vote, Choice>> = {
  left: 0,
  right: 1,
  tie: "tie",
  "both-bad": "both-bad",
};

const refuse = (message: string, code: string): ApiError => new ApiError(409, message, { code });

/**
 * @param chat as the person saw it
 * @throws ApiError 404, 409 where it was voted on, or there is nothing to vote on
 */
export async function castVote(
  database: Database,
  { chat: id, person, vote }: { chat: string; person: string; vote: Vote },
): Promise<Chat> {
  return database.transaction(async (queries) => {
    await queries.rows("SELECT id FROM chats WHERE id = $1 AND person = $2 FOR UPDATE", [
      z.uuid().safeParse(id).data ?? randomUUID(),
      person,
    ]);
    const chat = await ownChat(queries, id, person);
    if (!isBlind(chat))
      throw refuse("there is one model here, and nothing to vote on", "not_blind");
    if (chat.vote !== null) throw refuse("this was voted on, and votes do not change", "voted");
    checkAnswers(chat);
    await queries.rows("UPDATE chats SET vote = $2, voted = now() WHERE id = $1", [id, vote]);
    await keepAsPreference(queries, chat, vote);
    return { ...chat, vote };
  });
}

function checkAnswers({ turns }: Chat): void {
  const last = turns.map((side) => side.at(-1));
  if (last.some((each) => each === undefined || each.role !== "assistant"))
    throw refuse("there are no two answers to vote on yet", "no_answers");
  if (last.some((each) => each!.end === "failed"))
    throw refuse("a side gave no answer: ask again first", "no_answers");
  if (last.every((each) => each!.content.trim() === ""))
    throw refuse("both answers are empty: ask again first", "no_answers");
}

async function keepAsPreference(queries: Queries, chat: Chat, vote: Vote): Promise<void> {
  const project = await arenaProject(queries);
  await queries.rows(
    `INSERT INTO memberships (project, person, role) VALUES ($1, $2, 'owner')
     ON CONFLICT DO NOTHING`,
    [project, chat.person],
  );
  const ready = readyTask(
    {
      content: contentOf(chat),
      hidden: { models: chat.models, source: ARENA, chat: chat.id, sampling: sampled(chat) },
    },
    kindNamed("compare"),
  );
  // every vote is a judgement of its own, also where models say the same
  const digest = createHash("sha256").update(`chat ${chat.id}`).digest();
  const task = await selectOne(
    queries,
    z.object({ id: z.number() }),
    `INSERT INTO tasks (project, content, hidden, digest, rank, state, judged)
     VALUES ($1, $2, $3, $4, 0, 'full', 1) RETURNING id`,
    [project, ready.content, ready.hidden, digest],
  );
  const [left, right] = ready.moved as [number, number];
  const judgement = compare.reindex({ choice: CHOICES[vote] }, (side) => ready.moved[side]!);
  const [assignment, id] = [randomUUID(), randomUUID()];
  await queries.rows(
    `INSERT INTO assignments (id, project, task, person, state, sides, claimed, expires)
     VALUES ($1, $2, $3, $4, 'judged', ARRAY[$5::smallint, $6::smallint], $7, now())`,
    [assignment, project, task!.id, chat.person, left, right, chat.created],
  );
  await queries.rows(
    `INSERT INTO judgements
       (id, assignment, project, task, person, judgement, sides, shown_ms, state)
     VALUES ($1, $2, $3, $4, $5, $6, ARRAY[$7::smallint, $8::smallint], $9, 'counted')`,
    [id, assignment, project, task!.id, chat.person, judgement, left, right, shownFor(chat)],
  );
  await queries.rows(
    "INSERT INTO history (project, person, what, task, detail) VALUES ($1, $2, 'judged', $3, $4)",
    [project, chat.person, task!.id, { judgement: id, chat: chat.id, vote }],
  );
}

/** Milliseconds, as many as the store takes. */
const shownFor = ({ created }: Chat): number =>
  Math.min(2 ** 31 - 1, Math.max(0, Date.now() - created.getTime()));

const sampled = ({ settings }: Chat): object => {
  const { system: _system, ...sampling } = samplingOf(settings);
  return sampling;
};

/** What both sides share is the prompt, what follows is answered: one turn, or several. */
function contentOf({ turns, settings }: Chat): { prompt: TextOrTurns; answers: TextOrTurns[] } {
  const [left, right] = turns as [ChatTurn[], ChatTurn[]];
  const plain = ({ role, content }: ChatTurn) => ({ role, content });
  const shared = left.findIndex(
    (each, at) => each.role === "assistant" && each.content !== right[at]?.content,
  );
  const from = shared === -1 ? left.length - 1 : shared;
  const { system } = samplingOf(settings);
  return {
    prompt: [
      ...(system === "" ? [] : [{ role: "system" as const, content: system }]),
      ...left.slice(0, from).map(plain),
    ],
    answers: [left, right].map((side) => side.slice(from).map(plain)),
  };
}

/** @returns its number; it is made with the first vote */
async function arenaProject(queries: Queries): Promise<number> {
  const { resolved } = parseConfig(projectConfig, {
    values: {
      strength: false,
      guidelines: "Votes of the arena: two models, blind. They come from Meet, not from a queue.",
    },
  });
  await queries.rows(
    `INSERT INTO projects (slug, name, kind, settings, overlap, state)
     VALUES ($1, 'Arena', 'compare', $2, 1, 'closed') ON CONFLICT (slug) DO NOTHING`,
    [ARENA, resolved],
  );
  const found = await selectOne(
    queries,
    z.object({ id: z.number(), kind: z.string() }),
    "SELECT id, kind FROM projects WHERE slug = $1",
    [ARENA],
  );
  if (found?.kind !== "compare")
    throw refuse("the project called arena is of another kind: votes have no place", "no_arena");
  return found.id;
}

/** Conversations in the store: with one model, or with two whose names are not told before the vote. */
import { randomInt, randomUUID } from "node:crypto";
import { z } from "zod";
import { parseConfig } from "../../config/sources.ts";
import type { Database, Queries } from "../../labelling/store/database.ts";
import { select, selectOne } from "../../labelling/store/database.ts";
import { masker } from "../../labelling/masking.ts";
import { ApiError } from "../../server/api-error.ts";
import type { ChatAnswer } from "../api/meet.ts";
import { ENDS, VOTES } from "../api/meet.ts";
import { namesOf } from "./found-models.ts";
import type { Sampling } from "./sampling.config.ts";
import { samplingConfig } from "./sampling.config.ts";

const turn = z.object({
  role: z.enum(["user", "assistant"]),
  content: z.string(),
  end: z.enum(ENDS).optional(),
});
export type ChatTurn = z.output<typeof turn>;

const chatRow = z.object({
  id: z.string(),
  person: z.string(),
  models: z.array(z.string()).min(1).max(2),
  settings: z.record(z.string(), z.unknown()),
  turns: z.array(z.array(turn)),
  vote: z.enum(VOTES).nullable(),
  created: z.coerce.date(),
});
export type Chat = z.output<typeof chatRow>;

const COLUMNS = "id, person, models, settings, turns, vote, created";

export const isBlind = ({ models }: Pick<Chat, "models">): boolean => models.length === 2;

export const samplingOf = (settings: Readonly<Record<string, unknown>>): Sampling =>
  parseConfig(samplingConfig, { values: settings as never }).resolved;

/**
 * Begins a conversation.
 * @param models one that is known, or several of which chance draws two, and their sides
 */
export async function beginChat(
  database: Database,
  person: string,
  {
    models,
    blind,
    settings,
  }: { models: readonly string[]; blind: boolean; settings: Record<string, unknown> },
): Promise<Chat> {
  // what is wrong with them is told now
  samplingOf(settings);
  const pool = [...new Set(models)];
  if (blind ? pool.length < 2 : pool.length !== 1)
    throw new ApiError(400, blind ? "name two models or more" : "name one model", {
      code: "invalid_request",
      param: "models",
    });
  const drawn = blind ? drawTwo(pool) : pool;
  const id = randomUUID();
  const empty = drawn.map(() => []);
  await database.rows(
    `INSERT INTO chats (id, person, models, settings, turns)
     VALUES ($1, $2, $3::jsonb -> 'models', $4, $3::jsonb -> 'turns')`,
    [id, person, { models: drawn, turns: empty }, settings],
  );
  return ownChat(database, id, person);
}

/** By a generator that nobody can foretell. */
function drawTwo(pool: readonly string[]): [string, string] {
  const first = randomInt(pool.length);
  const second = (first + 1 + randomInt(pool.length - 1)) % pool.length;
  return [pool[first]!, pool[second]!];
}

/** @throws ApiError 404 for one that is not there, or another's */
export async function ownChat(queries: Queries, id: string, person: string): Promise<Chat> {
  const known = z.uuid().safeParse(id).success;
  const found = known
    ? await selectOne(
        queries,
        chatRow,
        `SELECT ${COLUMNS} FROM chats WHERE id = $1 AND person = $2`,
        [id, person],
      )
    : undefined;
  if (found === undefined)
    throw new ApiError(404, "there is no such conversation", { code: "unknown_chat" });
  return found;
}

/** The newest first. */
export const ownChats = (queries: Queries, person: string, limit: number): Promise<Chat[]> =>
  select(
    queries,
    chatRow,
    `SELECT ${COLUMNS} FROM chats WHERE person = $1 ORDER BY created DESC, id LIMIT $2`,
    [person, limit],
  );

export async function keepTurns(
  queries: Queries,
  { id, turns }: Pick<Chat, "id" | "turns">,
): Promise<void> {
  // what is voted on does not change any more
  await queries.rows(
    "UPDATE chats SET turns = $2::jsonb -> 'turns' WHERE id = $1 AND vote IS NULL",
    [id, { turns }],
  );
}

export async function keepSettings(
  queries: Queries,
  { id }: Pick<Chat, "id">,
  settings: Record<string, unknown>,
): Promise<void> {
  samplingOf(settings);
  await queries.rows("UPDATE chats SET settings = $2 WHERE id = $1 AND vote IS NULL", [
    id,
    settings,
  ]);
}

/** What a person sees of it: names and what they hide only where that is due. */
export function shown(chat: Chat): ChatAnswer {
  const told = !isBlind(chat) || chat.vote !== null;
  const mask = told ? undefined : masker(chat.models.flatMap(namesOf));
  return {
    id: chat.id,
    blind: isBlind(chat),
    settings: chat.settings,
    sides: chat.turns.map((turns, side) => ({
      model: told ? chat.models[side]! : null,
      turns: turns.map((each) => ({
        role: each.role,
        content: mask && each.role === "assistant" ? mask(each.content).text : each.content,
        end: each.end ?? null,
      })),
    })),
    vote: chat.vote,
    created: chat.created.toISOString(),
  };
}

/** Models that conversations were begun with, the newest first; those of open battles are left out. */
export async function metModels(queries: Queries): Promise<string[]> {
  const rows = await select(
    queries,
    z.object({ model: z.string() }),
    `SELECT m.model, max(c.created) AS last FROM chats c,
       jsonb_array_elements_text(c.models) AS m(model)
     WHERE jsonb_array_length(c.models) = 1 OR c.vote IS NOT NULL
     GROUP BY m.model ORDER BY last DESC LIMIT 50`,
  );
  return rows.map(({ model }) => model);
}

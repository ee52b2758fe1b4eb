/** Meeting models. */
import { getChat, getRatings, listChats, listModels, say, startChat, vote } from "../api/meet.ts";
import type { FoundModel } from "../api/meet.ts";
import { handle } from "../http/handler.ts";
import { beginChat, metModels, ownChat, ownChats, shown } from "../meet/chats.ts";
import { saying } from "../meet/conversation.ts";
import { foundModels } from "../meet/found-models.ts";
import { loadVotes, ratingsOf } from "../meet/ratings.ts";
import { ARENA, castVote } from "../meet/votes.ts";

const CONFIDENCE = 0.95;

export const meetHandlers = [
  handle(listModels, async (_, { studio }) => {
    const found = foundModels(studio.runs);
    const known = new Set(found.map(({ model }) => model));
    const met = (await metModels(studio.database)).filter((model) => !known.has(model));
    return [
      ...found,
      ...met.map((model): FoundModel => ({ model, name: model, kind: "met", by: null })),
    ];
  }),
  handle(listChats, async ({ query }, { studio, person }) =>
    (await ownChats(studio.database, person.id, query.limit)).map(shown),
  ),
  handle(startChat, async ({ body }, { studio, person }) =>
    shown(await beginChat(studio.database, person.id, body)),
  ),
  handle(getChat, async ({ params }, { studio, person }) =>
    shown(await ownChat(studio.database, params.chat, person.id)),
  ),
  handle(say, async function* ({ params, body }, { studio, person, signal }) {
    const { database, models, warn } = studio;
    const request = { ...body, chat: params.chat, person: person.id, signal };
    for await (const data of saying({ database, models, warn }, request)) yield { data };
  }),
  handle(vote, async ({ params, body }, { studio, person }) =>
    shown(
      await castVote(studio.database, { chat: params.chat, person: person.id, vote: body.vote }),
    ),
  ),
  handle(getRatings, async (_, { studio }) => {
    const votes = await loadVotes(studio.database);
    return {
      ratings: ratingsOf(votes ?? [], CONFIDENCE),
      votes: votes?.length ?? 0,
      confidence: CONFIDENCE,
      project: votes === undefined ? null : ARENA,
    };
  }),
];

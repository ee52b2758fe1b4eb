/** Meeting models: conversations with one, or blind with two, votes, and ratings made of them. */
import { z } from "zod";
import { intervalSchema, time } from "./common.ts";
import { events, json, route } from "./route.ts";

/** Why an answer ended; `stopped` by the person. */
export const ENDS = ["stop", "length", "stopped", "failed"] as const;
/** By sides as they are shown. */
export const VOTES = ["left", "right", "tie", "both-bad"] as const;
export type Vote = (typeof VOTES)[number];

const settings = z.record(z.string(), z.unknown());
const model = z.string().trim().min(1).max(1000);

const foundModel = z.object({
  /** As `attune serve --model` takes it, and as a conversation is begun with it. */
  model: z.string(),
  /** As people read it. */
  name: z.string(),
  kind: z.enum(["run", "gguf", "folder", "met"]),
  /** Command that made it; null where nobody knows. */
  by: z.string().nullable(),
});
export type FoundModel = z.output<typeof foundModel>;

export const listModels = route({
  method: "GET",
  path: "/api/models",
  summary: "models that can be met: policies of runs, GGUF files, folders, and those met before",
  access: "host",
  answer: json(z.array(foundModel)),
});

const chatTurn = z.object({
  role: z.enum(["user", "assistant"]),
  /** Names of models are hidden before the vote. */
  content: z.string(),
  /** Of an answer: why it ended. */
  end: z.enum(ENDS).nullable(),
});

const chatAnswer = z.object({
  id: z.uuid(),
  /** With two models, whose names are told after the vote. */
  blind: z.boolean(),
  settings,
  /** One, or left and right. */
  sides: z.array(z.object({ model: z.string().nullable(), turns: z.array(chatTurn) })),
  vote: z.enum(VOTES).nullable(),
  created: time,
});
export type ChatAnswer = z.output<typeof chatAnswer>;

export const listChats = route({
  method: "GET",
  path: "/api/chats",
  summary: "my conversations, the newest first",
  access: "host",
  query: z.object({ limit: z.coerce.number().int().min(1).max(200).default(50) }),
  answer: json(z.array(chatAnswer)),
});

export const startChat = route({
  method: "POST",
  path: "/api/chats",
  summary: "begin a conversation with a model, or blind with two that chance draws of those named",
  access: "host",
  body: z.object({
    models: z.array(model).min(1).max(100),
    blind: z.boolean().default(false),
    settings: settings.default({}),
  }),
  answer: json(chatAnswer),
});

export const getChat = route({
  method: "GET",
  path: "/api/chats/:chat",
  summary: "a conversation of mine",
  access: "host",
  answer: json(chatAnswer),
});

const toldEvent = z.union([
  /** The models are being opened, which may take a while. */
  z.object({ state: z.enum(["opening", "answering"]) }),
  z.object({ side: z.int().min(0).max(1), text: z.string() }),
  z.object({
    side: z.int().min(0).max(1),
    end: z.enum(ENDS),
    /** What went wrong; never told of one of two before the vote. */
    message: z.string().optional(),
  }),
  /** The conversation as it is now. */
  z.object({ chat: chatAnswer }),
  z.object({ refused: z.string(), code: z.string() }),
]);
export type ToldEvent = z.output<typeof toldEvent>;

export const say = route({
  method: "POST",
  path: "/api/chats/:chat/say",
  summary:
    "say something behind the first exchanges that are kept: all of them to go on, fewer to edit " +
    "or ask again; whoever leaves the stream stops the answers",
  access: "host",
  body: z.object({
    text: z.string().min(1).max(200_000),
    /** Exchanges that stay. */
    keep: z.int().min(0).max(10_000),
    /** From here on; what they were where left out. */
    settings: settings.optional(),
  }),
  answer: events(toldEvent),
});

export const vote = route({
  method: "POST",
  path: "/api/chats/:chat/vote",
  summary: "which side was better; then the names are told, and nothing changes any more",
  access: "host",
  body: z.object({ vote: z.enum(VOTES) }),
  answer: json(chatAnswer),
});

const rating = z.object({
  model: z.string(),
  /** On the scale of 400 / ln 10 per log-odds, 1000 for the first. */
  rating: intervalSchema,
  votes: z.int(),
  wins: z.int(),
  losses: z.int(),
  /** Ties, both bad included. */
  ties: z.int(),
  bothBad: z.int(),
  /** Of those linked with it by votes, whom it cannot be told from. */
  notToldFrom: z.array(z.string()),
  /** Models that no chain of votes links have no scale in common. */
  group: z.int(),
});
export type RatingAnswer = z.output<typeof rating>;

export const getRatings = route({
  method: "GET",
  path: "/api/arena/ratings",
  summary: "what the votes say of the models, with intervals",
  access: "host",
  answer: json(
    z.object({
      ratings: z.array(rating),
      votes: z.int(),
      confidence: z.number(),
      /** Slug of the project that holds the votes as preferences; null before the first. */
      project: z.string().nullable(),
    }),
  ),
});

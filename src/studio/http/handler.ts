/** What answers a route: a function of the request, of who asks, and of the studio. */
import type { Readable } from "node:stream";
import type { AnswerOf, RequestOf, RouteDefinition } from "../api/route.ts";
import type { Studio } from "../studio.ts";
import type { Membership, Person } from "./caller.ts";

/** A file that a route answers with. */
export interface FileAnswer {
  /** As it is called when it is saved. */
  name: string;
  type: string;
  body: Readable | Uint8Array | string;
  /** For pages that are opened in place; a file that is saved where left out. */
  inline?: { contentSecurityPolicy: string };
}

/** One server-sent event. */
export interface ServerEvent<Data> {
  /** Where to go on from, as `Last-Event-ID` or the query's cursor. */
  id?: string;
  data: Data;
}

type Answer<R extends RouteDefinition> = R["answer"]["form"] extends "json"
  ? Promise<AnswerOf<R>>
  : R["answer"]["form"] extends "events"
    ? AsyncIterable<ServerEvent<AnswerOf<R>>>
    : Promise<FileAnswer>;

export interface CallContext {
  readonly studio: Studio;
  /** Who asks; routes for `anyone` may have nobody. */
  readonly person: Person;
  /** In the project that the path names; the host is an owner everywhere. */
  readonly membership: Membership;
  /** Aborted where nobody reads the answer any more, or the server stops. */
  readonly signal: AbortSignal;
  /** The file of an upload. */
  readonly upload: Readable;
  /** Value of the header Last-Event-ID. */
  readonly lastEventId: string | undefined;
  /** Sets or ends the browser's session. */
  setSession(token: string | null): void;
  /** Whose request this is, where there is a session; for routes of `anyone`. */
  readonly visitor: Person | undefined;
  /** Its token; '' where there is none. */
  readonly session: string;
}

export interface Handled {
  readonly route: RouteDefinition;
  readonly answer: (
    request: RequestOf<RouteDefinition>,
    context: CallContext,
  ) => Promise<unknown> | AsyncIterable<ServerEvent<unknown>>;
}

/** A route with what answers it; what it answers is checked by the route's schema. */
export const handle = <R extends RouteDefinition>(
  route: R,
  answer: (request: RequestOf<R>, context: CallContext) => Answer<R>,
): Handled => ({ route, answer: answer as Handled["answer"] });

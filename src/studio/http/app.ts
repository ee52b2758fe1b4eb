/**
 * The studio's HTTP: what stands before every route (names, origins, sessions, roles, sizes, forms)
 * and the page. What a handler answers goes through the route's schema, so nothing leaves that the
 * schema does not name.
 */
import { Readable } from "node:stream";
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { Hono } from "hono";
import { AttuneError } from "../../core/errors.ts";
import { Refused } from "../../labelling/queue/refused.ts";
import { ApiError, serverStopping, toApiError } from "../../server/api-error.ts";
import { parseBody, readBody } from "../../server/body.ts";
import { Guard } from "../../server/guard.ts";
import type { GuardOptions } from "../../server/guard.ts";
import { BODY_LIMIT } from "../api/route.ts";
import type { RequestOf, RouteDefinition } from "../api/route.ts";
import type { Studio } from "../studio.ts";
import { checkAccess, personOf, sessionCookie, sessionToken } from "./caller.ts";
import { eventStream } from "./event-stream.ts";
import type { CallContext, FileAnswer, Handled, ServerEvent } from "./handler.ts";
import { checkKeepable } from "./keepable.ts";
import type { ServePage } from "./page.ts";
import { boundedUpload } from "./upload.ts";

export interface StudioAppOptions extends Pick<
  GuardOptions,
  "host" | "allowHosts" | "allowOrigins"
> {
  studio: Studio;
  handlers: readonly Handled[];
  /** Answers what is no route: the page and its files. */
  page: ServePage;
  /** Aborted where the server stops. */
  stop: AbortSignal;
  onRequest?: (line: { method: string; path: string; status: number }) => void;
}

type Env = { Bindings: HttpBindings };
type AppContext = Context<Env>;

/** No script but the page's own files, nothing from elsewhere, and nobody frames it. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "frame-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export function createStudioApp(options: StudioAppOptions): Hono<Env> {
  const app = new Hono<Env>();
  const guard = new Guard({ ...options, token: undefined });
  const { studio, onRequest } = options;
  const refuse = (c: AppContext, error: unknown): Response => {
    const known = knownError(error);
    if (known !== error && known.status >= 500)
      studio.warn("studio", error instanceof Error ? (error.stack ?? error.message) : "unknown");
    const details = error instanceof AttuneError ? error.details : {};
    const body = { error: { message: known.message, code: known.facts.code ?? null, ...details } };
    return c.json(known.status < 500 ? body : known.body, known.status as 400, known.headers);
  };
  app.onError((error, c) => refuse(c, error));
  app.use(async (c, next) => {
    c.header("x-content-type-options", "nosniff");
    c.header("referrer-policy", "no-referrer");
    c.header("cross-origin-opener-policy", "same-origin");
    c.header("cross-origin-resource-policy", "same-origin");
    c.header("content-security-policy", CONTENT_SECURITY_POLICY);
    c.header("cache-control", "no-store");
    guard.checkHost(c.req.header("host"));
    // the page itself is opened by links in letters and on a crowd's platform, and says nothing
    if (c.req.path.startsWith("/api/"))
      guard.checkOrigin(foreignOrigin(c, options.allowHosts), c.req.header("sec-fetch-site"));
    if (options.stop.aborted) throw serverStopping();
    await next();
    onRequest?.({ method: c.req.method, path: c.req.path, status: c.res.status });
  });
  for (const handled of options.handlers)
    app.on(handled.route.method, handled.route.path, (c) => answer(c, handled, options));
  app.all("/api/*", () => {
    throw new ApiError(404, "there is no such route", { code: "unknown_url" });
  });
  app.get("*", (c) => {
    const response = options.page(c.req.path, c.req.header("accept-encoding"));
    if (response === undefined)
      throw new ApiError(404, "there is no such page", { code: "unknown_url" });
    return c.newResponse(response.body, response);
  });
  return app;
}

/** The origin that a request names; undefined where it is the page's own, as browsers send too. */
function foreignOrigin(c: AppContext, names: readonly string[]): string | undefined {
  const origin = c.req.header("origin");
  if (origin === undefined || !URL.canParse(origin)) return origin;
  const { host, port, hostname } = new URL(origin);
  // the name was checked: a page of a rebound one has not come so far
  const own = host === c.req.header("host") || (port === "" && names.includes(hostname));
  return own ? undefined : origin;
}

/** What the queue refuses, and settings that are wrong, are for whoever asks to mend. */
function knownError(error: unknown): ApiError {
  if (error instanceof Refused)
    return new ApiError(error.status, error.message, { code: error.code });
  if (error instanceof AttuneError && error.code === "config")
    return new ApiError(400, error.message, { code: "invalid_settings" });
  return toApiError(error);
}

async function answer(
  c: AppContext,
  { route, answer }: Handled,
  { studio, stop }: StudioAppOptions,
): Promise<Response> {
  const host = c.req.header("host");
  const session = sessionToken({
    host,
    cookie: c.req.header("cookie"),
    authorization: c.req.header("authorization"),
  });
  const visitor = await personOf(studio.database, session);
  const params = c.req.param() as Record<string, string>;
  checkKeepable([params, c.req.query()], "the address");
  const membership = await checkAccess(studio.database, route.access, {
    person: visitor,
    slug: params["project"],
  });
  const request = { params, query: queryOf(c, route), body: await bodyOf(c, route, stop) };
  const context: CallContext = {
    studio,
    person: visitor!,
    membership: membership!,
    signal: AbortSignal.any([c.req.raw.signal, stop]),
    upload: route.upload ? uploadOf(c, route) : Readable.from([]),
    lastEventId: c.req.header("last-event-id"),
    setSession: (token) => c.header("set-cookie", sessionCookie(host, token)),
    visitor,
    session,
  };
  const result = answer(request as unknown as RequestOf<RouteDefinition>, context);
  if (route.answer.form === "events")
    return eventStream(c, result as AsyncIterable<ServerEvent<unknown>>, route.answer.schema);
  const value = await (result as Promise<unknown>);
  if (route.answer.form === "file") return fileResponse(c, value as FileAnswer);
  return c.json(route.answer.schema.parse(value) as object);
}

function queryOf(c: AppContext, { query }: RouteDefinition): unknown {
  if (query === undefined) return undefined;
  const parsed = query.strict().safeParse(c.req.query());
  if (parsed.success) return parsed.data;
  throw malformed("the address", parsed.error);
}

async function bodyOf(c: AppContext, route: RouteDefinition, stop: AbortSignal): Promise<unknown> {
  if (route.body === undefined) return undefined;
  // a form, which a page of any origin may send without asking first, has another type
  if (!/^application\/json\s*(;|$)/i.test(c.req.header("content-type") ?? ""))
    throw new ApiError(415, "send JSON, with Content-Type: application/json", {
      code: "unsupported_media_type",
    });
  const limit = route.bodyLimit ?? BODY_LIMIT;
  const body = parseBody(await readBody(c.env.incoming, { limit, stop }));
  checkKeepable(body, "the body");
  const parsed = route.body.safeParse(body);
  if (parsed.success) return parsed.data;
  throw malformed("the body", parsed.error);
}

function uploadOf(c: AppContext, route: RouteDefinition): Readable {
  if (!/^application\/octet-stream\s*(;|$)/i.test(c.req.header("content-type") ?? ""))
    throw new ApiError(415, "send the file, with Content-Type: application/octet-stream", {
      code: "unsupported_media_type",
    });
  return boundedUpload(c.env.incoming, route.bodyLimit ?? BODY_LIMIT);
}

function malformed(
  what: string,
  error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] },
): ApiError {
  const { path, message } = error.issues[0]!;
  const at = path.length === 0 ? "" : ` at ${path.join(".")}`;
  return new ApiError(400, `${what} is not as it should be${at}: ${message}`, {
    code: "invalid_request",
    param: path.join("."),
  });
}

function fileResponse(c: AppContext, { name, type, body, inline }: FileAnswer): Response {
  c.header("content-type", type);
  if (inline === undefined)
    c.header("content-disposition", `attachment; filename*=UTF-8''${encodeURIComponent(name)}`);
  else c.header("content-security-policy", inline.contentSecurityPolicy);
  return c.body(
    body instanceof Readable
      ? (Readable.toWeb(body) as ReadableStream)
      : (body as Uint8Array<ArrayBuffer> | string),
  );
}

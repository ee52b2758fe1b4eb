/** The routes, and what stands before them: names, origins, token, sizes. */
import { Hono } from "hono";
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { preview } from "../core/errors.ts";
import { ApiError, stopping, toApiError } from "./api-error.ts";
import type { Kind } from "./choices.ts";
import { CHAT, TEXT } from "./choices.ts";
import type { EndpointContext } from "./endpoint.ts";
import { answer, parseBody } from "./endpoint.ts";
import type { ServedModel } from "./engines.ts";
import { Guard } from "./guard.ts";
import type { GuardOptions } from "./guard.ts";
import type { ChatRequest, TextRequest } from "./parameters.ts";

export interface AppOptions extends GuardOptions, EndpointContext {
  /** Largest body, bytes. */
  bodyLimit: number;
  /** Seconds since 1970 that models are said to be made at. */
  created: number;
  /** No more requests are taken. */
  refusing: AbortSignal;
  /** After every request: never what it said. */
  onRequest?: (line: RequestLine) => void;
}

export interface RequestLine {
  method: string;
  path: string;
  status: number;
  milliseconds: number;
}

export function createApp(options: AppOptions): Hono {
  const app = new Hono();
  const guard = new Guard(options);
  const refuse = (c: Context, error: unknown): Response => {
    const known = toApiError(error);
    if (known !== error && known.status >= 500) options.onError(error);
    return c.json(known.body, known.status as 400, known.headers);
  };
  app.onError((error, c) => refuse(c, error));
  app.notFound((c) => refuse(c, new ApiError(404, `there is no ${c.req.method} ${preview(c.req.path)}`, { code: "unknown_url" })));
  if (options.onRequest) app.use(logged(options.onRequest));
  app.use(async (c, next) => {
    c.header("x-content-type-options", "nosniff");
    guard.checkHost(c.req.header("host"));
    const origin = guard.checkOrigin(c.req.header("origin"), c.req.header("sec-fetch-site"));
    if (origin !== undefined) allowOrigin(c, origin);
    // a preflight carries no token
    if (origin !== undefined && c.req.method === "OPTIONS") return c.body(null, 204);
    if (options.refusing.aborted) throw stopping();
    if (c.req.path !== "/health") guard.checkToken(c.req.header("authorization"));
    return next();
  });
  app.get("/health", (c) => c.json({ status: "ok" }));
  app.get("/v1/models", (c) => c.json({ object: "list", data: options.engines.list.map((model) => modelObject(model, options)) }));
  // names may hold slashes
  app.get("/v1/models/:id{.+}", (c) => c.json(modelObject(options.engines.find(c.req.param("id")), options)));
  const limit = bodyLimit({ maxSize: options.bodyLimit, onError: (c) => refuse(c, new ApiError(413, `the body is larger than ${options.bodyLimit} bytes`, { code: "body_too_large" })) });
  app.post("/v1/chat/completions", limit, (c) => post(c, CHAT, options));
  app.post("/v1/completions", limit, (c) => post(c, TEXT, options));
  return app;
}

async function post<Request extends ChatRequest | TextRequest>(c: Context, kind: Kind<Request>, context: EndpointContext): Promise<Response> {
  // without this check a web page could post a form, which browsers send without asking first
  if (!/^application\/json\s*(;|$)/i.test(c.req.header("content-type") ?? "")) throw new ApiError(415, "send JSON, with Content-Type: application/json", { code: "unsupported_media_type" });
  const body = parseBody(await c.req.text());
  const response = await answer(kind, body, { left: c.req.raw.signal, context });
  // with the headers that the guard has set
  return c.newResponse(response.body as ReadableStream, response);
}

/** Tells what was asked for, and how it went. */
function logged(onRequest: NonNullable<AppOptions["onRequest"]>) {
  return async (c: Context, next: () => Promise<void>): Promise<void> => {
    const began = performance.now();
    await next();
    onRequest({ method: c.req.method, path: c.req.path.slice(0, 100), status: c.res.status, milliseconds: Math.round(performance.now() - began) });
  };
}

function allowOrigin(c: Context, origin: string): void {
  c.header("access-control-allow-origin", origin);
  c.header("vary", "Origin");
  c.header("access-control-allow-headers", "authorization, content-type");
  c.header("access-control-allow-methods", "GET, POST");
}

function modelObject({ name, parent }: ServedModel, { created, engines }: AppOptions): Record<string, unknown> {
  return { id: name, object: "model", created, owned_by: "attune", parent: parent ?? null, max_model_len: engines.limits.room };
}

/** The routes, and what stands before them: names, origins, token, sizes. */
import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import type { Context } from "hono";
import { ApiError, serverStopping, toApiError } from "./api-error.ts";
import { readBody } from "./body.ts";
import type { EndpointKind } from "./choices.ts";
import { CHAT, TEXT } from "./choices.ts";
import { ClientLeft } from "./slice-queue.ts";
import type { EndpointContext } from "./endpoint.ts";
import { answer } from "./endpoint.ts";
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

/** nginx's status of a client that closed its connection. */
const LEFT = 499;

type Env = { Bindings: HttpBindings };
type AppContext = Context<Env>;

export function createApp(options: AppOptions): Hono<Env> {
  const app = new Hono<Env>();
  const guard = new Guard(options);
  const refuse = (c: AppContext, error: unknown): Response => {
    // nobody reads it
    if (error instanceof ClientLeft) return c.body(null, LEFT as 400);
    const known = toApiError(error);
    if (known !== error && known.status >= 500) options.onError(error);
    return c.json(known.body, known.status as 400, known.headers);
  };
  app.onError((error, c) => refuse(c, error));
  app.notFound((c) =>
    refuse(
      c,
      new ApiError(404, `there is no ${c.req.method} ${pathOf(c)}`, { code: "unknown_url" }),
    ),
  );
  if (options.onRequest) app.use(logged(options.onRequest));
  app.use(async (c, next) => {
    c.header("x-content-type-options", "nosniff");
    guard.checkHost(c.req.header("host"));
    const origin = guard.checkOrigin(c.req.header("origin"), c.req.header("sec-fetch-site"));
    if (origin !== undefined) allowOrigin(c, origin);
    // a preflight carries no token
    if (origin !== undefined && c.req.method === "OPTIONS") return c.body(null, 204);
    if (options.refusing.aborted) throw serverStopping();
    if (c.req.path !== "/health") guard.checkToken(c.req.header("authorization"));
    return next();
  });
  app.get("/health", (c) => c.json({ status: "ok" }));
  app.get("/metrics", (c) =>
    c.body(options.metrics.text(options.engines.load), 200, {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
    }),
  );
  app.get("/v1/models", (c) =>
    c.json({
      object: "list",
      data: options.engines.list.map((model) => modelObject(model, options)),
    }),
  );
  // names may hold slashes
  app.get("/v1/models/:id{.+}", (c) =>
    c.json(modelObject(options.engines.find(c.req.param("id")), options)),
  );
  app.post("/v1/chat/completions", (c) => post(c, CHAT, options));
  app.post("/v1/completions", (c) => post(c, TEXT, options));
  app.all("/v1/embeddings", () => {
    throw new ApiError(
      404,
      "attune serves no embeddings: its models write text, and their hidden states were not " +
        "trained to be compared. Use a server with an embedding model",
      { code: "unsupported_endpoint" },
    );
  });
  return app;
}

async function post<Request extends ChatRequest | TextRequest>(
  c: AppContext,
  kind: EndpointKind<Request>,
  context: AppOptions,
): Promise<Response> {
  // without this check a web page could post a form, which browsers send without asking first
  if (!/^application\/json\s*(;|$)/i.test(c.req.header("content-type") ?? ""))
    throw new ApiError(415, "send JSON, with Content-Type: application/json", {
      code: "unsupported_media_type",
    });
  const response = await answered(c, kind, context).catch((error: unknown) => {
    context.metrics.answered(
      kind.endpoint,
      error instanceof ClientLeft ? LEFT : toApiError(error).status,
    );
    throw error;
  });
  // with the headers that the guard has set
  return c.newResponse(response.body as ReadableStream, response);
}

async function answered<Request extends ChatRequest | TextRequest>(
  c: AppContext,
  kind: EndpointKind<Request>,
  context: AppOptions,
): Promise<Response> {
  const body = await readBody(c.env.incoming, { limit: context.bodyLimit, stop: context.stop });
  return answer(kind, body, {
    caller: { client: c.env.incoming.socket.remoteAddress ?? "", left: c.req.raw.signal },
    context,
  });
}

/** The path as it was sent, cut, in characters that move no cursor and end no line. */
const pathOf = (c: AppContext): string =>
  (c.env.incoming.url ?? "")
    .replace(/\?.*$/s, "")
    .slice(0, 100)
    .replaceAll(/[^!-~]/g, "?");

/** Tells what was asked for, and how it went. */
function logged(onRequest: NonNullable<AppOptions["onRequest"]>) {
  return async (c: AppContext, next: () => Promise<void>): Promise<void> => {
    const began = performance.now();
    await next();
    onRequest({
      method: c.req.method,
      path: pathOf(c),
      status: c.res.status,
      milliseconds: Math.round(performance.now() - began),
    });
  };
}

function allowOrigin(c: AppContext, origin: string): void {
  c.header("access-control-allow-origin", origin);
  c.header("vary", "Origin");
  c.header("access-control-allow-headers", "authorization, content-type");
  c.header("access-control-allow-methods", "GET, POST");
}

function modelObject(
  { name, parent }: ServedModel,
  { created, engines }: AppOptions,
): Record<string, unknown> {
  return {
    id: name,
    object: "model",
    created,
    owned_by: "attune",
    parent: parent ?? null,
    max_model_len: engines.limits.room,
  };
}

/** The server as a whole: it listens, bounds time and connections, and stops in order. */
import type { Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { setMaxListeners } from "node:events";
import type { HttpBindings } from "@hono/node-server";
import { createAdaptorServer } from "@hono/node-server";
import { AttuneError } from "../core/errors.ts";
import type { Encoder } from "../text/encoder.ts";
import type { AppOptions } from "./app.ts";
import { createApp } from "./app.ts";
import type { ConnectionLimits } from "./connections.ts";
import { Connections } from "./connections.ts";
import { SliceQueue } from "./slice-queue.ts";
import type { EngineLimits, ServedModel } from "./engines.ts";
import { Engines } from "./engines.ts";
import { Grammars } from "./grammars.ts";
import { isLoopback } from "./guard.ts";
import { ServerMetrics } from "./metrics.ts";
import { AnswerParser } from "./answer-parser.ts";
import { TokenTexts } from "./tokens.ts";

export interface ServerOptions
  extends
    Pick<AppOptions, "host" | "allowHosts" | "allowOrigins" | "token" | "bodyLimit" | "maxTokens">,
    Partial<Pick<AppOptions, "onError" | "onRequest">> {
  /** 0 for a free one. */
  port: number;
  limits: EngineLimits;
  /** Default {@link CONNECTIONS}. */
  connections?: Partial<ConnectionLimits>;
  /**
   * Milliseconds in which a request's head must have come, and the whole of it. Default {@link
   * HEAD_TIME}, {@link REQUEST_TIME}.
   */
  headTime?: number;
  requestTime?: number;
}

export interface RunningServer {
  /** Address of the API, `/v1` included. */
  readonly baseUrl: string;
  readonly engines: Engines;
  /**
   * Takes no more requests, waits for the open ones, then cancels them.
   * @param patience milliseconds
   */
  close(patience?: number): Promise<void>;
}

/**
 * Milliseconds: a request's head, the whole of it, an idle connection. One that seems late while a
 * graph runs is looked at again.
 */
const HEAD_TIME = 10_000;
const REQUEST_TIME = 60_000;
const IDLE_TIME = 15_000;
/**
 * Milliseconds between looks for connections that are late, as a share of the head's time, and at
 * most.
 */
const LOOK_SHARE = 1 / 4;
const LOOK_TIME = 2_000;
/** Half of them for one address: see {@link Connections}. */
const CONNECTIONS: ConnectionLimits = { total: 1024, ofAddress: 512 };
const PATIENCE = 3_000;
/**
 * For cancelled requests to say so: a step of decoding, or the reading of a part of a prompt, is
 * not broken off.
 */
const FAREWELL = 10_000;
const LOOK_AGAIN = 20;
/** Least length of a token. */
export const TOKEN_LENGTH = 16;

/**
 * @throws AttuneError `usage` where others could reach the server without a token, or the port is
 * taken
 */
export async function startServer(
  models: readonly ServedModel[],
  encoder: Encoder,
  options: ServerOptions,
): Promise<RunningServer> {
  checkOpenness(options);
  let connections: Connections | undefined;
  const engines = new Engines(models, encoder, {
    ...options.limits,
    between: async () => connections?.letIn(),
  });
  const [refusing, cancelling] = [new AbortController(), new AbortController()];
  setMaxListeners(0, cancelling.signal);
  const open = new Set<ServerResponse>();
  const parser = new AnswerParser(encoder);
  const slices = new SliceQueue(cancelling.signal, () => engines.isDecoding);
  const { headTime = HEAD_TIME, requestTime = REQUEST_TIME } = options;
  const app = createApp({
    ...options,
    engines,
    slices,
    parser,
    grammars: new Grammars(encoder, parser, slices),
    words: {
      turns: new TokenTexts(encoder, parser.reader.marks),
      texts: new TokenTexts(encoder),
    },
    metrics: new ServerMetrics(),
    stop: cancelling.signal,
    refusing: refusing.signal,
    created: Math.floor(Date.now() / 1000),
    onError: options.onError ?? (() => undefined),
  });
  const server = createAdaptorServer({
    fetch: (request, bindings) => app.fetch(request, bindings as HttpBindings),
    // what a refused request goes on sending is read by `readBody`, or thrown away by Node itself
    autoCleanupIncoming: false,
    serverOptions: {
      headersTimeout: headTime,
      requestTimeout: requestTime,
      keepAliveTimeout: IDLE_TIME,
      connectionsCheckingInterval: Math.min(LOOK_TIME, headTime * LOOK_SHARE),
    },
  }) as Server;
  connections = new Connections(server, { ...CONNECTIONS, ...options.connections });
  server.on("request", (_request, response) => {
    open.add(response);
    response.once("close", () => open.delete(response));
    if (refusing.signal.aborted) response.setHeader("connection", "close");
  });
  // the first client shall not wait for it, and what cannot be opened is told at once
  (await engines.lease(models[0]!.name, { answers: 0, client: "" })).release();
  const { port } = await listen(server, options).catch(async (error: unknown) => {
    await engines.close();
    throw error;
  });
  let closing: Promise<void> | undefined;
  const close = async (patience: number): Promise<void> => {
    refusing.abort();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const settled = async (within: number): Promise<void> => {
      for (const end = Date.now() + within; open.size > 0 && Date.now() < end;)
        await sleep(LOOK_AGAIN);
    };
    await settled(patience);
    cancelling.abort();
    // what was cancelled still says so to its client
    await settled(FAREWELL);
    server.closeAllConnections();
    await closed;
    await engines.close();
  };
  const name = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    baseUrl: `http://${name}:${port}/v1`,
    engines,
    close: (patience = PATIENCE) => (closing ??= close(patience)),
  };
}

/**
 * @throws AttuneError `usage` where others could reach the server without a token, or by one that
 * can be guessed
 */
export function checkOpenness({ host, token }: Pick<ServerOptions, "host" | "token">): void {
  if (token !== undefined && (token.length < TOKEN_LENGTH || /\s/.test(token)))
    throw new AttuneError("usage", "the token is too easy to guess", {
      expected: `at least ${TOKEN_LENGTH} characters without spaces`,
      hint: "openssl rand -hex 32",
    });
  if (token !== undefined || isLoopback(host)) return;
  throw new AttuneError("usage", "a server that others can reach needs a token", {
    got: `--host ${host}`,
    hint:
      "--token-file FILE or ATTUNE_SERVE_TOKEN; or leave --host out, to serve this machine " +
      "alone",
  });
}

async function listen(server: Server, { host, port }: ServerOptions): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const hint =
        error.code === "EADDRINUSE"
          ? "another --port, or --port 0 for a free one"
          : "an address of this machine";
      reject(
        new AttuneError("usage", "the server cannot listen", {
          got: `${host}:${port}: ${error.code ?? error.message}`,
          hint,
          cause: error,
        }),
      );
    };
    server.once("error", fail);
    // what comes while a graph runs waits here, and more than is waited for would be lost
    server.listen(port, host, CONNECTIONS.total, () => (server.off("error", fail), resolve()));
  });
  return server.address() as AddressInfo;
}

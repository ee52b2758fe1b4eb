/** A studio's server for tests, on a store that they have, and people who ask it. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { HttpBindings } from "@hono/node-server";
import type { Database } from "../labelling/store/database.ts";
import { allHandlers } from "./handlers/index.ts";
import { hostPerson } from "./handlers/session.ts";
import { createStudioApp } from "./http/app.ts";
import { newToken } from "./http/caller.ts";
import type { Studio } from "./studio.ts";

export interface Reply {
  status: number;
  /** As it came, byte by byte. */
  text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests say what they expect
  body: any;
  headers: Headers;
}

export interface Client {
  ask(method: string, path: string, body?: unknown): Promise<Reply>;
}

export interface ServedStudio {
  url: string;
  /** Whoever runs it. */
  host: Client;
  /** Everything that it warned of. */
  warnings: string[];
  /** Lines of its log of requests. */
  log: string[];
  /** Somebody in a browser of his own: cookies are kept. */
  visitor(): Client;
  close(): Promise<void>;
}

/** @param database stays open */
export async function serveStudio(database: Database): Promise<ServedStudio> {
  const warnings: string[] = [];
  const log: string[] = [];
  const token = newToken();
  const stopping = new AbortController();
  let url = "";
  const studio = {
    database,
    folder: "",
    runs: "",
    command: [],
    url: () => url,
    warn: (_: string, message: string) => void warnings.push(message),
  } as unknown as Studio;
  await hostPerson(database);
  const app = createStudioApp({
    studio,
    handlers: allHandlers(token),
    page: () => undefined,
    stop: stopping.signal,
    host: "127.0.0.1",
    allowHosts: [],
    allowOrigins: [],
    onRequest: ({ method, path, status }) => void log.push(`${method} ${path} ${status}`),
  });
  const server = createAdaptorServer({
    fetch: (request, bindings) => app.fetch(request, bindings as HttpBindings),
    autoCleanupIncoming: false,
  }) as Server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const host = clientOf(url);
  await host.ask("POST", "/api/session", { token });
  return {
    url,
    host,
    warnings,
    log,
    visitor: () => clientOf(url),
    async close() {
      stopping.abort();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function clientOf(url: string): Client {
  let cookie = "";
  return {
    async ask(method, path, body) {
      const response = await fetch(url + path, {
        method,
        headers: {
          ...(cookie === "" ? {} : { cookie }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const set = response.headers.get("set-cookie");
      if (set !== null) cookie = set.split(";")[0]!;
      const text = await response.text();
      const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
      return {
        status: response.status,
        text,
        body: isJson ? (JSON.parse(text) as unknown) : undefined,
        headers: response.headers,
      };
    },
  };
}

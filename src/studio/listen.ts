/** The studio as a whole: its store, its server, and the address by which its host comes in. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import type { HttpBindings } from "@hono/node-server";
import { AttuneError } from "../core/errors.ts";
import { writeFileAtomic } from "../runs/files.ts";
import { openStore } from "../labelling/store/open.ts";
import { allHandlers } from "./handlers/index.ts";
import { hostPerson } from "./handlers/session.ts";
import { sortWhenAsked } from "./asking/sort.ts";
import { createStudioApp } from "./http/app.ts";
import type { StudioAppOptions } from "./http/app.ts";
import { newToken } from "./http/caller.ts";
import { servePage } from "./http/page.ts";
import { Jobs } from "./jobs/jobs.ts";
import { RunWatch } from "./runs/run-watch.ts";
import type { ModelHost } from "./meet/model-host.ts";
import { ModelProcesses } from "./meet/model-processes.ts";
import type { Studio } from "./studio.ts";
import { beginWithVillage } from "./village-project.ts";

export interface StudioOptions
  extends
    Pick<StudioAppOptions, "host" | "allowHosts" | "allowOrigins">,
    Partial<Pick<StudioAppOptions, "onRequest">>,
    Pick<Studio, "folder" | "runs" | "command" | "warn"> {
  /** 0 for a free one. */
  port: number;
  /** Of a PostgreSQL server; '' for the embedded store. */
  databaseUrl: string;
  /** A store without projects begins with the built-in village's. */
  beginWithVillage?: boolean;
  /** Where models are met; processes of this program's where left out. */
  models?: ModelHost;
  /** Folder of the built page. */
  page: string;
}

export interface RunningStudio {
  /** `http://127.0.0.1:8090` */
  readonly url: string;
  /** With the token by which the host comes in, behind #. */
  readonly hostLink: string;
  readonly studio: Studio;
  close(): Promise<void>;
}

/** Milliseconds for open requests to end. */
const PATIENCE = 3_000;

/** @throws AttuneError `usage` where the port is taken, `run` where another studio has the store */
export async function startStudio(options: StudioOptions): Promise<RunningStudio> {
  const { folder, runs, command, warn } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = await openStore(options);
  const stopping = new AbortController();
  let url = "";
  const jobs = new Jobs({ database, folder, command, warn });
  const watch = new RunWatch({ runs, aside: join(folder, "aside"), warn });
  const models = options.models ?? new ModelProcesses({ command, warn });
  const parts = { database, folder, runs, command, warn, jobs, watch, models };
  const studio: Studio = { ...parts, url: () => url };
  const token = hostToken(folder);
  try {
    await hostPerson(database);
    if (options.beginWithVillage) await beginWithVillage(database);
    const app = createStudioApp({
      ...options,
      studio,
      handlers: allHandlers(token),
      page: servePage(options.page),
      stop: stopping.signal,
    });
    const server = createAdaptorServer({
      fetch: (request, bindings) => app.fetch(request, bindings as HttpBindings),
      autoCleanupIncoming: false,
    }) as Server;
    const { port } = await listen(server, options);
    const name = options.host.includes(":") ? `[${options.host}]` : options.host;
    url = `http://${name}:${port}`;
    // how other commands find the studio that has the store open
    writeFileAtomic(
      join(folder, "studio.json"),
      `${JSON.stringify({ url, pid: process.pid, token }, null, 2)}\n`,
    );
    sortWhenAsked(studio);
    jobs.begin();
    return {
      url,
      hostLink: `${url}/#/enter/${token}`,
      studio,
      async close() {
        stopping.abort();
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeIdleConnections();
        const timer = setTimeout(() => server.closeAllConnections(), PATIENCE);
        await closed;
        clearTimeout(timer);
        await watch.close();
        await Promise.all([jobs.close(), models.close()]);
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** The host's token, made once for a folder, readable by its user alone. */
function hostToken(folder: string): string {
  const file = join(folder, "host-token");
  if (existsSync(file)) {
    const token = readFileSync(file, "utf8").trim();
    if (token.length >= 40) return token;
  }
  const token = newToken();
  writeFileAtomic(file, `${token}\n`);
  return token;
}

async function listen(
  server: Server,
  { host, port }: Pick<StudioOptions, "host" | "port">,
): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void =>
      reject(
        new AttuneError("usage", "the studio cannot listen", {
          got: `${host}:${port}: ${error.code ?? error.message}`,
          hint: error.code === "EADDRINUSE" ? "another --port, or --port 0 for a free one" : "",
          cause: error,
        }),
      );
    server.once("error", fail);
    server.listen(port, host, () => (server.off("error", fail), resolve()));
  });
  return server.address() as AddressInfo;
}

/**
 * As much of W&B's server as `wandb sync` of client 0.31 asks for, on this machine: keeps what
 * arrives.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { numberFromJson } from "../../src/core/json.ts";

/** What the server was told of a run; later values replace earlier ones. */
export interface StoredRun {
  project: string;
  displayName: string;
  jobType: string;
  config: Record<string, { value: unknown }>;
  /** By their place. */
  history: Record<string, unknown>[];
  summary: Record<string, unknown>;
  exitCode?: number;
}

interface Upsert {
  name: string;
  project: string;
  displayName?: string;
  jobType?: string;
  config?: string;
}

interface FileStream {
  files?: Record<string, { offset: number; content: string[] }>;
  exitcode?: number;
}

export class WandbServer {
  /** By their ids. */
  readonly runs = new Map<string, StoredRun>();
  /** What was asked and is not known here. */
  readonly unknown: string[] = [];
  private readonly server: Server;

  private constructor() {
    this.server = createServer((request, response) => {
      const reply = (status: number, value: unknown): void =>
        void response
          .writeHead(status, { "content-type": "application/json" })
          .end(JSON.stringify(value));
      bodyOf(request)
        .then((body) => reply(200, this.answer(request, body)))
        .catch((error: unknown) => {
          // the client gives up on this status, and asks again for ever on others
          this.unknown.push(`${request.method} ${request.url}: ${String(error)}`);
          reply(400, {});
        });
    });
  }

  static async start(): Promise<WandbServer> {
    const server = new WandbServer();
    await new Promise<void>((resolve) => server.server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer({ method, url = "" }: IncomingMessage, body: Buffer): unknown {
    if (url === "/graphql")
      return {
        data: this.query(
          JSON.parse(body.toString()) as { operationName: string; variables: never },
        ),
      };
    const stream = /^\/files\/[^/]+\/[^/]+\/([^/]+)\/file_stream$/.exec(url);
    if (stream) return this.take(stream[1]!, JSON.parse(body.toString()) as FileStream);
    // the client's own telemetry, and files of what has arrived already
    if (!url.startsWith("/sdk/otel/") && !url.startsWith("/upload/"))
      this.unknown.push(`${method} ${url}`);
    return {};
  }

  private query({
    operationName,
    variables,
  }: {
    operationName: string;
    variables: Upsert & { files: string[] };
  }): unknown {
    if (operationName === "CreateRunFiles")
      return {
        createRunFiles: {
          runID: "1",
          uploadHeaders: [],
          files: variables.files.map((name) => ({ name, uploadUrl: `${this.url}/upload/${name}` })),
        },
      };
    if (operationName !== "UpsertBucket") {
      this.unknown.push(operationName);
      return {};
    }
    const { name, project, displayName, jobType, config } = variables;
    const run = this.run(name);
    run.project = project;
    run.displayName = displayName ?? run.displayName;
    run.jobType = jobType ?? run.jobType;
    if (config) run.config = readJson(config) as StoredRun["config"];
    const bucket = {
      id: name,
      name,
      displayName: run.displayName,
      description: null,
      config: "{}",
      sweepName: null,
      historyLineCount: 0,
      project: { id: "1", name: project, entity: { id: "1", name: "somebody" } },
    };
    return { upsertBucket: { inserted: true, bucket } };
  }

  private take(id: string, { files = {}, exitcode }: FileStream): unknown {
    const run = this.run(id);
    for (const [name, { offset, content }] of Object.entries(files)) {
      const lines = content.map((line) => readJson(line) as Record<string, unknown>);
      if (name === "wandb-history.jsonl")
        lines.forEach((line, index) => void (run.history[offset + index] = line));
      else if (name === "wandb-summary.json") Object.assign(run.summary, ...lines);
      else if (name !== "wandb-events.jsonl") this.unknown.push(name);
    }
    if (exitcode !== undefined) run.exitCode = exitcode;
    return { exitcode: null, limits: {} };
  }

  private run(id: string): StoredRun {
    const run = this.runs.get(id) ?? {
      project: "",
      displayName: "",
      jobType: "",
      config: {},
      history: [],
      summary: {},
    };
    this.runs.set(id, run);
    return run;
  }
}

/** W&B's JSON has NaN and infinities as bare words; no text of the tests holds such a value. */
const readJson = (text: string): unknown =>
  JSON.parse(
    text.replace(/([:[,])(NaN|-?Infinity)(?=[,}\]])/g, '$1"$2"'),
    (_, value: unknown) => numberFromJson(value) ?? value,
  );

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  return request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
}

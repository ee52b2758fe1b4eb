/**
 * A chat server for tests that misbehaves as it is told, and counts what it was asked and what it
 * answered.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface ChatRequest {
  model: string;
  messages: { role: string; content: string }[];
  logprobs?: boolean;
  top_logprobs?: number;
  max_tokens?: number;
  max_completion_tokens?: number;
  seed?: number;
  temperature?: number;
}

/** What the server does with one request; undefined to answer well. */
export type ServerFault =
  | { status: number; headers?: Record<string, string>; body?: unknown }
  | { drop: "at once" | "in the middle" }
  | { body: string; type?: string }
  | { delay: number }
  | { endless: string }
  | undefined;

export interface MockServer {
  baseUrl: string;
  /** How often each request was made, and answered well, by the hash of its body. */
  asked: Map<string, number>;
  answered: Map<string, number>;
  /** Requests open at once, at most. */
  mostOpen: number;
  headers: IncomingMessage["headers"][];
  requests: ChatRequest[];
  close(): Promise<void>;
}

export interface MockOptions {
  /** @param attempt from 1, of this very request */
  fault?: (request: ChatRequest, attempt: number, count: number) => ServerFault;
  reply?: (request: ChatRequest) => string;
  /** log p of tokens at the first place; undefined for a server without log-probabilities. */
  logprobs?: (request: ChatRequest) => Record<string, number> | undefined;
  /** Milliseconds before every answer. */
  delay?: number;
  port?: number;
}

export async function startMockServer(options: MockOptions = {}): Promise<MockServer> {
  const state = {
    asked: new Map<string, number>(),
    answered: new Map<string, number>(),
    mostOpen: 0,
    headers: [] as IncomingMessage["headers"][],
    requests: [] as ChatRequest[],
  };
  let open = 0;
  const server = createServer((incoming, outgoing) => {
    open++;
    state.mostOpen = Math.max(state.mostOpen, open);
    outgoing.on("close", () => open--);
    void handle(incoming, outgoing, options, state);
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    close: () => stop(server),
  });
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

const wait = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

type State = Pick<MockServer, "asked" | "answered" | "headers" | "requests">;

async function handle(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { fault, reply, logprobs, delay = 0 }: MockOptions,
  { asked, answered, headers, requests }: State,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const request = JSON.parse(text) as ChatRequest;
  const key = createHash("sha256").update(text).digest("hex");
  const attempt = (asked.get(key) ?? 0) + 1;
  asked.set(key, attempt);
  headers.push(incoming.headers);
  requests.push(request);
  const wrong = fault?.(request, attempt, requests.length);
  await wait(wrong !== undefined && "delay" in wrong ? wrong.delay : delay);
  const send = (status: number, body: string, extra: Record<string, string> = {}): void =>
    void outgoing.writeHead(status, { "content-type": "application/json", ...extra }).end(body);
  if (wrong !== undefined && "status" in wrong)
    return send(
      wrong.status,
      JSON.stringify(wrong.body ?? { error: { message: `status ${wrong.status}` } }),
      wrong.headers,
    );
  if (wrong !== undefined && "endless" in wrong) {
    outgoing
      .writeHead(200, { "content-type": "application/json" })
      .write('{"choices": [{"finish_reason": "stop", "message": {"content": "');
    while (!outgoing.destroyed)
      if (!outgoing.write(wrong.endless))
        await Promise.race([once(outgoing, "drain"), once(outgoing, "close")]);
    return;
  }
  if (wrong !== undefined && "drop" in wrong) {
    if (wrong.drop === "in the middle") {
      outgoing
        .writeHead(200, { "content-type": "application/json", "content-length": "1000" })
        .write('{"choices": [{"mess');
      await wait(5);
    }
    incoming.socket.destroy();
    return;
  }
  if (wrong !== undefined && "body" in wrong)
    return send(200, wrong.body, wrong.type === undefined ? {} : { "content-type": wrong.type });
  const content = reply?.(request) ?? `reply ${key.slice(0, 8)}`;
  const top = request.logprobs ? logprobs?.(request) : undefined;
  const first =
    top === undefined ? undefined : Object.entries(top).toSorted((a, b) => b[1] - a[1])[0]!;
  const listed = top && {
    content: [
      {
        token: first![0],
        logprob: first![1],
        top_logprobs: Object.entries(top).map(([token, logprob]) => ({ token, logprob })),
      },
    ],
  };
  answered.set(key, (answered.get(key) ?? 0) + 1);
  send(
    200,
    JSON.stringify({
      id: "x",
      object: "chat.completion",
      model: "mock-1",
      choices: [
        {
          index: 0,
          finish_reason: "stop",
          message: { role: "assistant", content: first?.[0] ?? content },
          ...(listed ? { logprobs: listed } : {}),
        },
      ],
      usage: { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 },
    }),
  );
}

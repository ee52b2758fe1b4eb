/** Servers that answer like models, each with its name wherever a server could say it. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ModelHost, ModelLease } from "./model-host.ts";
import { ModelError } from "./model-host.ts";

export interface FakeRequest {
  messages: { role: string; content: string }[];
  temperature: number;
  top_p: number;
  max_tokens?: number;
  seed: number;
}

/** What a fake model does with a request. */
export type Behaviour =
  | { pieces: readonly string[]; finish?: "stop" | "length" | "never"; pause?: number }
  | { status: number; message: string; code?: string }
  /** Cuts the connection behind these. */
  | { cut: readonly string[] };

export interface FakeModel {
  name: string;
  requests: FakeRequest[];
  /** Requests whose client left before the end. */
  left: number;
  url: string;
  close(): Promise<void>;
}

export async function fakeModel(
  name: string,
  behave: (request: FakeRequest) => Behaviour,
): Promise<FakeModel> {
  const fake: Omit<FakeModel, "url" | "close"> = { name, requests: [], left: 0 };
  const server = createServer((incoming, outgoing) => {
    void answer(incoming, outgoing, { fake, behave }).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(fake, {
    url: `http://127.0.0.1:${port}/v1`,
    close: () => closed(server),
  });
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  {
    fake,
    behave,
  }: { fake: Omit<FakeModel, "url" | "close">; behave: (request: FakeRequest) => Behaviour },
): Promise<void> {
  let text = "";
  for await (const piece of incoming) text += String(piece);
  const request = JSON.parse(text) as FakeRequest;
  fake.requests.push(request);
  outgoing.once("close", () => (outgoing.writableFinished ? undefined : fake.left++));
  const does = behave(request);
  outgoing.setHeader("x-served-by", fake.name);
  if ("status" in does) {
    outgoing.statusCode = does.status;
    const error = { message: does.message, code: does.code ?? null };
    outgoing.end(JSON.stringify({ error }));
    return;
  }
  outgoing.setHeader("content-type", "text/event-stream");
  const say = (delta: object, finish: string | null): void => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    const about = { id: `chatcmpl-${fake.name}`, model: fake.name, system_fingerprint: fake.name };
    outgoing.write(`data: ${JSON.stringify({ ...about, choices })}\n\n`);
  };
  say({ role: "assistant", content: "" }, null);
  for (const content of "cut" in does ? does.cut : does.pieces) {
    say({ content }, null);
    if ("pause" in does && does.pause !== undefined) await sleep(does.pause);
    if (outgoing.destroyed) return;
  }
  if ("cut" in does) {
    // what was said is on its way
    await sleep(10);
    return void outgoing.destroy();
  }
  if (does.finish === "never") return;
  say({}, does.finish ?? "stop");
  outgoing.end("data: [DONE]\n\n");
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Opens fake models by their names; one that it does not know cannot be opened. */
export function fakeHost(models: readonly FakeModel[]): ModelHost & { held: number } {
  const host = {
    held: 0,
    lease(name: string): Promise<ModelLease> {
      const found = models.find((model) => model.name === name);
      if (found === undefined)
        return Promise.reject(new ModelError(`${name}/config.json: there is no such file`));
      host.held++;
      return Promise.resolve({
        address: { baseUrl: found.url, token: "a token of the tests", name: "model" },
        release: () => void host.held--,
      });
    },
    close: () => Promise.resolve(),
  };
  return host;
}

/** A server with a tiny model, and requests to it, for the tests of this room. */
import { request } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { createAdapter } from "../models/adapter.ts";
import { Random } from "../core/random.ts";
import type { Model } from "../models/model.ts";
import { TINY_CONFIGS, randomModel } from "../models/testing.ts";
import type { Encoder } from "../text/encoder.ts";
import { createEncoder } from "../text/encoder.ts";
import { byteTokenizer } from "../text/testing.ts";
import type { EngineLimits, ServedModel } from "./engines.ts";
import type { RunningServer, ServerOptions } from "./listen.ts";
import { startServer } from "./listen.ts";

const CONTEXT = 256;
export const encoder = createEncoder(byteTokenizer(), { maxLength: CONTEXT });

/** A tiny model of another vocabulary. */
export const tinyOf = ({ tokenizer }: Encoder, context = CONTEXT): Model =>
  randomModel(
    {
      ...TINY_CONFIGS["llama"]!,
      hidden_size: 64,
      vocab_size: tokenizer.vocabularySize,
      max_position_embeddings: context,
    },
    3,
    0.15,
  );

export const tinyModel: Model = tinyOf(encoder);

/** The tiny model under an adapter that changes what it says. */
export function adaptedTinyModel(seed: number): Model {
  const adapter = createAdapter(
    tinyModel.family,
    tinyModel.config,
    {
      rank: 2,
      alpha: 4,
      rsLora: false,
      targets: Object.keys(tinyModel.family.projections(tinyModel.config)),
    },
    seed,
  );
  for (const [name, { data }] of adapter.weights)
    if (name.includes("lora_B")) Random.for(seed, name).fillNormal(data, 0.3);
  return { ...tinyModel, weights: new Map(tinyModel.weights), adapter };
}

export const BASE: ServedModel = {
  name: "tiny",
  model: tinyModel,
  fingerprint: "0123456789abcdef",
};
export const adapterOf = (name: string, seed: number): ServedModel => ({
  name,
  model: adaptedTinyModel(seed),
  fingerprint: `${seed}fedcba9876543210`,
  parent: "tiny",
});

type Options = Partial<Omit<ServerOptions, "limits">> & {
  limits?: Partial<EngineLimits>;
  models?: readonly ServedModel[];
  speaks?: Encoder;
};

export function startTiny({
  models = [BASE],
  limits,
  speaks = encoder,
  ...options
}: Options = {}): Promise<RunningServer> {
  return startServer(models, speaks, {
    host: "127.0.0.1",
    port: 0,
    allowHosts: [],
    allowOrigins: [],
    token: undefined,
    bodyLimit: 65_536,
    maxTokens: 16,
    ...options,
    limits: { slots: 4, room: CONTEXT, queue: 64, openModels: 2, prepack: false, ...limits },
  });
}

/** What of an endpoint's objects the tests look at. */
export interface ApiObject {
  id: string;
  model: string;
  error: { message: string; type: string; param: string | null; code: string | null };
  choices: [
    {
      index: number;
      delta: { content?: string };
      logprobs?: { content: { token: string; logprob: number; bytes: number[] }[] } | null;
    },
  ];
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json: () => ApiObject;
}

interface Sent {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal;
  onData?: (text: string) => void;
}

/** One request with exactly these headers: `fetch` would set a Host of its own. */
export function send(
  { baseUrl }: RunningServer,
  path: string,
  { method, headers = {}, body, signal, onData }: Sent = {},
): Promise<Reply> {
  const payload =
    body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const made = request(
      new URL(path, baseUrl),
      {
        method: method ?? (payload === undefined ? "GET" : "POST"),
        headers: {
          ...(payload === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(signal ? { signal } : {}),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
          onData?.(text);
        });
        response.on("end", () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            text,
            json: () => JSON.parse(text) as ApiObject,
          }),
        );
        response.on("error", reject);
      },
    );
    made.on("error", reject);
    made.end(payload);
  });
}

/** Objects of a stream, without the `[DONE]` that must end it. */
export function events(text: string): ApiObject[] {
  const lines = text
    .trimEnd()
    .split("\n\n")
    .map((line) => line.replace(/^data: /, ""));
  if (lines.pop() !== "[DONE]") throw new Error("the stream has no end");
  return lines.map((line) => JSON.parse(line) as ApiObject);
}

/** Waits until something holds, however long that takes. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

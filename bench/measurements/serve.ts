/**
 * The HTTP server under many clients against one client, as `attune serve` starts it: default
 * slots, weights packed where that pays.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { peakMemory } from "../../src/runtime/peak-memory.ts";
import { weightCount, worthPacking } from "../../src/sampling/packing.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { startServer } from "../../src/server/listen.ts";
import type { Encoder } from "../../src/text/encoder.ts";
import { createEncoder } from "../../src/text/encoder.ts";
import { byteTokenizer } from "../../src/text/testing.ts";
import type { Figure } from "../measure.ts";
import { disturbance, inTurns, median, ratios, rounded, seconds, spread } from "../measure.ts";
import { benchModel, randomIds } from "../model.ts";

const CLIENTS = 64;
const PROMPT = 32;
const ANSWER = 64;
const SLOTS = 32;
const ROOM = 2048;

/** Prompts are ids, and no answer ends before its limit. */
function endlessEncoder(vocabularySize: number): Encoder {
  const encoder = createEncoder(byteTokenizer(), { maxLength: ROOM });
  return { ...encoder, stopIds: [], tokenizer: { ...encoder.tokenizer, vocabularySize } };
}

async function ask({ baseUrl }: RunningServer, prompt: number[]): Promise<void> {
  const body = JSON.stringify({ model: "bench", prompt, max_tokens: ANSWER, temperature: 1 });
  const reply = await fetch(`${baseUrl}/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const { usage } = (await reply.json()) as { usage?: { completion_tokens: number } };
  if (usage?.completion_tokens !== ANSWER)
    throw new Error(`the server answered ${reply.status} with ${usage?.completion_tokens} tokens`);
}

/** Clients and server share a process, so what the clients cost counts against the server. */
export async function serve(rounds: number): Promise<Figure[]> {
  const model = await benchModel();
  const prepack = worthPacking({ weights: weightCount(model), rows: SLOTS, steps: ROOM });
  const server = await startServer(
    [{ name: "bench", model, fingerprint: "bench" }],
    endlessEncoder(model.config.vocabularySize),
    {
      host: "127.0.0.1",
      port: 0,
      allowHosts: [],
      allowOrigins: [],
      token: undefined,
      bodyLimit: 2 ** 20,
      maxTokens: ANSWER,
      limits: { slots: SLOTS, room: ROOM, queue: CLIENTS, openModels: 1, prepack },
    },
  );
  let seed = 0;
  const prompt = (): number[] => [...randomIds(PROMPT, seed++)];
  const rate = (clients: number) => async (): Promise<number> =>
    (clients * ANSWER) /
    (await seconds(() =>
      Promise.all(Array.from({ length: clients }, () => ask(server, prompt()))),
    ));
  const waits = monitorEventLoopDelay({ resolution: 1 });
  try {
    await rate(SLOTS)();
    waits.enable();
    const turns = await inTurns({ subject: rate(CLIENTS), limit: rate(1), rounds });
    waits.disable();
    const details = {
      [`tokens/s, ${CLIENTS} clients`]: rounded(median(turns.subject)),
      "tokens/s, one client": rounded(median(turns.limit)),
      "prompt and answer, tokens": `${PROMPT} + ${ANSWER}`,
      "longest wait of the event loop, ms": rounded(waits.max / 1e6),
      "peak memory, MB": rounded(peakMemory() / 1e6),
      "others busy": disturbance(turns),
    };
    return [
      {
        name: "serve",
        title: `attune serve: tokens/s of ${CLIENTS} clients over one client`,
        ratio: spread(ratios(turns.subject, turns.limit)),
        target: { atLeast: 5 },
        details,
      },
    ];
  } finally {
    await server.close();
  }
}

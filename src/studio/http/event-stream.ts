/** Server-sent events: each checked by its schema, with a sign of life while nothing happens. */
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import type { z } from "zod";
import type { ServerEvent } from "./handler.ts";

/** Milliseconds. */
const SIGN_OF_LIFE = 15_000;

export function eventStream(
  c: Context,
  events: AsyncIterable<ServerEvent<unknown>>,
  schema: z.ZodType,
): Response {
  return streamSSE(
    c,
    async (stream) => {
      const timer = setInterval(() => void stream.write(": still here\n\n"), SIGN_OF_LIFE);
      try {
        for await (const { id, data } of events) {
          if (stream.aborted) break;
          await stream.writeSSE({
            data: JSON.stringify(schema.parse(data)),
            ...(id === undefined ? {} : { id }),
          });
        }
      } finally {
        clearInterval(timer);
      }
    },
    async (_error, stream) => {
      // the log has the reason; what went wrong is not for everybody
      await stream.writeSSE({ event: "failed", data: JSON.stringify("the server failed here") });
    },
  );
}

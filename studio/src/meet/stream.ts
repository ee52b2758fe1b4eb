/** What models answer, as it comes: server-sent events over POST. */
import type { ToldEvent } from "../../../src/studio/api/meet.ts";
import { say } from "../../../src/studio/api/meet.ts";
import type { CallOf } from "../../../src/studio/api/route.ts";
import { addressOf, CallError } from "../api.ts";

/** @throws CallError where the server refuses, TypeError where it is not reached */
export async function* sayTo(
  request: CallOf<typeof say>,
  signal: AbortSignal,
): AsyncGenerator<ToldEvent> {
  const response = await fetch(addressOf(say, request), {
    method: say.method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request.body),
    signal,
  });
  if (!response.ok || response.body === null)
    throw new CallError(response.status, `the server answered ${response.status}`, null);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop()!;
    for (const part of parts) {
      const data = /^data: ?(.*)$/m.exec(part)?.[1];
      if (data === undefined) continue;
      if (/^event: failed$/m.test(part)) throw new CallError(500, JSON.parse(data) as string, null);
      yield JSON.parse(data) as ToldEvent;
    }
  }
}

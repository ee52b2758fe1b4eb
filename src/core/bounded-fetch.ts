/**
 * Replies of a server, read up to a limit: one without an end would fill the memory before any
 * deadline.
 */

export class ReplyTooLong extends Error {
  /** @param most bytes */
  constructor(most: number) {
    super(`a reply of more than ${(most / 2 ** 20).toFixed(0)} MiB`);
    this.name = "ReplyTooLong";
  }
}

/**
 * `fetch` whose replies fail with {@link ReplyTooLong} behind `most` bytes, after whatever
 * compression they came in.
 * @param inner what asks; for tests
 */
export function boundedFetch(most: number, inner: typeof fetch = fetch): typeof fetch {
  return async (input, init) => {
    const response = await inner(input, init);
    if (response.body === null) return response;
    let read = 0;
    const counted = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        read += chunk.byteLength;
        if (read > most) controller.error(new ReplyTooLong(most));
        else controller.enqueue(chunk);
      },
    });
    const { status, statusText, headers } = response;
    return new Response(response.body.pipeThrough(counted), { status, statusText, headers });
  };
}

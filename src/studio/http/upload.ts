/** A file that is sent: read as it comes, and no further than its bound. */
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { ApiError } from "../../server/api-error.ts";

/** @throws ApiError 413, when it is read, where it is larger */
export function boundedUpload(incoming: IncomingMessage, limit: number): Readable {
  return Readable.from(bounded(incoming, limit));
}

async function* bounded(incoming: IncomingMessage, limit: number): AsyncGenerator<Buffer> {
  const refuse = (): ApiError =>
    new ApiError(413, `the file is larger than ${limit} bytes`, { code: "body_too_large" });
  if (Number(incoming.headers["content-length"] ?? 0) > limit) throw refuse();
  let size = 0;
  for await (const piece of incoming) {
    size += (piece as Buffer).length;
    if (size > limit) throw refuse();
    yield piece as Buffer;
  }
}

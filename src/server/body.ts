/** The body of a request: read within its bounds, and parsed. */
import type { IncomingMessage } from "node:http";
import { ApiError, serverStopping } from "./api-error.ts";

/**
 * Bytes beyond the limit that are read and thrown away, so that a client that is still sending gets
 * its answer: a closed connection would take it.
 */
const THROWN_AWAY = 64 * 2 ** 20;
/** Lists in lists: far more than any schema has, and far fewer than a stack. */
const DEEPEST = 100;

const tooLarge = (limit: number): ApiError =>
  new ApiError(413, `the body is larger than ${limit} bytes`, { code: "body_too_large" });

/**
 * @throws ApiError 413 where it is larger than the limit, 503 where the server stops before it has
 * come
 */
export function readBody(
  incoming: IncomingMessage,
  { limit, stop }: { limit: number; stop: AbortSignal },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const fail = (error: ApiError): void => {
      stop.removeEventListener("abort", stopped);
      pieces.length = 0;
      reject(error);
    };
    const stopped = (): void => fail(serverStopping());
    if (stop.aborted) return fail(serverStopping());
    stop.addEventListener("abort", stopped, { once: true });
    const declared = Number(incoming.headers["content-length"] ?? 0);
    if (declared > limit) fail(tooLarge(limit));
    incoming.on("data", (piece: Buffer) => {
      size += piece.length;
      if (size > limit + THROWN_AWAY) incoming.destroy();
      else if (size > limit || declared > limit) fail(tooLarge(limit));
      else pieces.push(piece);
    });
    incoming.once("end", () => {
      stop.removeEventListener("abort", stopped);
      resolve(Buffer.concat(pieces).toString("utf8"));
    });
    incoming.once("error", () =>
      fail(new ApiError(400, "the body did not come to its end", { code: "invalid_request" })),
    );
  });
}

/** The JSON of a request's body. @throws ApiError 400 */
export function parseBody(text: string): unknown {
  // before it is parsed, which takes long where much lies deep
  if (isDeep(text))
    throw new ApiError(400, `lists and objects lie more than ${DEEPEST} deep in each other`, {
      code: "invalid_json",
    });
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(400, "the body is no JSON", { code: "invalid_json" });
  }
}

/** Whether lists and objects in JSON lie too deep in each other. */
function isDeep(json: string): boolean {
  let [depth, quoted] = [0, false];
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (quoted) {
      if (code === 0x5c) at++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > DEEPEST) return true;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return false;
}

/** What the hub's and the network's errors mean for the user. */
import { AttuneError, preview } from "../../core/errors.ts";
import type { Hub } from "./hub-access.ts";

interface HttpError {
  statusCode?: unknown;
  message?: unknown;
  cause?: { code?: unknown; message?: unknown };
}

/**
 * Whether nothing came back that would tell about the repository: no network, no answer, or a
 * server in trouble.
 */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof AttuneError) return false;
  const { statusCode } = error as HttpError;
  if (typeof statusCode === "number") return statusCode >= 500 || statusCode === 429;
  const { name, message } = error as Error;
  return (
    name === "TimeoutError" ||
    (name === "TypeError" && /fetch failed|terminated|network/i.test(message))
  );
}

/**
 * An AttuneError for whatever went wrong with the hub; one that already is one stays.
 * @param cache what the cache has in its place
 */
export function hubError(error: unknown, hub: Hub, cache?: string): AttuneError {
  if (error instanceof AttuneError) return error;
  const { id, kind, url, revision, options } = hub;
  if (options.signal?.aborted)
    return new AttuneError("interrupted", `the download of ${id} was stopped`, {
      hint: "start it again: it goes on where it stopped",
      cause: error,
    });
  const { statusCode } = error as HttpError;
  const details = { got: `${describe(error)}${cache ? `; ${cache}` : ""}`, cause: error };
  if (statusCode === 401 || statusCode === 403) {
    return new AttuneError("network", `the hub gives no access to the ${kind} ${id}`, {
      ...details,
      hint: hub.accessToken
        ? "accept its terms on its page, or check the spelling and that the token may read it"
        : "check the spelling; for a private or gated one accept its terms on its page and set " +
          "HF_TOKEN",
    });
  }
  if (statusCode === 404) {
    const where = revision === "main" ? "" : ` with the revision ${revision}`;
    return new AttuneError("network", `the hub has no ${kind} ${id}${where}`, {
      ...details,
      hint: "check the spelling, or give the path of a local copy",
    });
  }
  if (isUnreachable(error)) {
    return new AttuneError("network", `${url} cannot be reached, and ${id} is not in the cache`, {
      ...details,
      hint: "check the connection (HF_ENDPOINT names another hub), or give the path of a local copy",
    });
  }
  return new AttuneError("network", `the hub's answer about ${id} is of no use`, {
    ...details,
    hint: "try again later",
  });
}

function describe(error: unknown): string {
  const { statusCode, message, cause } = error as HttpError;
  if (typeof statusCode === "number") return `HTTP status ${statusCode}`;
  const code = typeof cause?.code === "string" ? `: ${cause.code}` : "";
  return `${preview(String(message)).slice(1, -1)}${code}`;
}

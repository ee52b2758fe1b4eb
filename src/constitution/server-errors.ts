/** What a server's error means for the request: try it again, give it up, or give up altogether. */
import { AttuneError } from "../core/errors.ts";
import { retryAfter } from "./retry.ts";
import type { ServerClient } from "./server-client.ts";
import { withoutSecrets } from "./server-settings.ts";

export type ServerFault =
  | { again: string; after?: number | undefined }
  /** This request gets no answer, whatever is tried; others may. */
  | { refused: string; status: number };

const GOES_ON = "`attune resume` goes on from what was answered";

/** Statuses after which no request of this run is answered, with what to try. */
const HOPELESS: Readonly<Record<number, string>> = {
  401: `check the key; ${GOES_ON}`,
  402: `the account has to be paid for; then ${GOES_ON}`,
  403: `check the key and what it may be used for; ${GOES_ON}`,
};
/** The same where it is the address that is wrong. */
const NOT_THERE: Readonly<Record<number, string>> = {
  404: "check the model's name and the base URL",
  405: "check the base URL",
};

/**
 * @param notThere whether a path that is not there ends the run, rather than this request
 * @throws AttuneError `network` where no request is worth asking any more
 */
export function judgeServerError(
  error: unknown,
  {
    errors,
    apiKey,
    notThere,
  }: { errors: ServerClient["errors"]; apiKey: string; notThere: "ends" | "refuses" },
): ServerFault {
  const why = withoutSecrets(error instanceof Error ? error.message : String(error), apiKey).slice(
    0,
    500,
  );
  const { status, headers, code } = apiErrorOf(error, errors);
  // a connection that broke, or a reply that was no JSON
  if (status === undefined) return { again: why };
  if (code === "insufficient_quota")
    throw new AttuneError("network", "the account with the server has run out", {
      got: why,
      hint: GOES_ON,
    });
  if (status === 408 || status === 409 || status === 429 || status >= 500)
    return { again: why, after: retryAfter(headers) };
  const hint = HOPELESS[status] ?? (notThere === "ends" ? NOT_THERE[status] : undefined);
  if (hint !== undefined)
    throw new AttuneError("network", `the server turns requests down (${status})`, {
      got: why,
      hint,
    });
  return { refused: why, status };
}

function apiErrorOf(
  error: unknown,
  { APIError }: ServerClient["errors"],
): {
  status?: number | undefined;
  headers?: Headers | undefined;
  code?: string | null | undefined;
} {
  return error instanceof APIError
    ? (error as { status?: number; headers?: Headers; code?: string | null })
    : {};
}

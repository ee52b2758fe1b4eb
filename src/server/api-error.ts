/**
 * What goes wrong with a request, in the form that OpenAI's clients read:
 * `{ error: { message, type, param, code } }`.
 */
import { AttuneError } from "../core/errors.ts";

export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

interface ErrorFacts {
  /** Name of the request's field that is to blame: `messages[0].content`. */
  param?: string;
  code?: string;
  /** Seconds after which the client may try again. */
  retryAfter?: number;
}

export class ApiError extends Error {
  readonly status: number;
  readonly facts: ErrorFacts;

  constructor(status: number, message: string, facts: ErrorFacts = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.facts = facts;
  }

  get body(): ErrorBody {
    const { param = null, code = null } = this.facts;
    return { error: { message: this.message, type: typeOf(this.status), param, code } };
  }

  get headers(): Record<string, string> {
    const { retryAfter } = this.facts;
    return {
      ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
      ...(this.status === 401 ? { "www-authenticate": "Bearer" } : {}),
    };
  }
}

function typeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** The whole server is about to end. */
export const serverStopping = (): ApiError =>
  new ApiError(503, "the server is stopping", { code: "server_stopping", retryAfter: 5 });

/**
 * Errors of attune as answers: what the request's content caused is the client's, the rest is told
 * to the server's log alone.
 */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (
    error instanceof AttuneError &&
    (error.code === "data" || error.code === "usage" || error.code === "model")
  )
    return new ApiError(400, error.message, { code: "invalid_request" });
  return new ApiError(500, "the server failed at this request; its log says why", {
    code: "internal_error",
  });
}

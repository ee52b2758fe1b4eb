/** Texts that a store can keep: PostgreSQL holds no NUL and no half of a surrogate pair. */
import { ApiError } from "../../server/api-error.ts";

// oxlint-disable-next-line no-control-regex -- this is the character
const UNKEEPABLE = /\u0000|\p{Surrogate}/u;

/** @throws ApiError 400 where a text, at any depth, has characters that cannot be kept */
export function checkKeepable(value: unknown, what: string): void {
  if (typeof value === "string") {
    if (UNKEEPABLE.test(value))
      throw new ApiError(
        400,
        `${what} has a character that cannot be kept (U+0000, or half of one)`,
        {
          code: "invalid_request",
        },
      );
  } else if (Array.isArray(value)) for (const each of value) checkKeepable(each, what);
  else if (typeof value === "object" && value !== null)
    for (const [name, each] of Object.entries(value)) {
      checkKeepable(name, what);
      checkKeepable(each, what);
    }
}

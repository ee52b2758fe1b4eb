/** Calls of the studio's API, typed by its routes. */
import type { AnswerOf, CallOf, RouteDefinition } from "../../src/studio/api/route.ts";

/** What stands beside what went wrong, each where the server says it. */
export interface ErrorDetails {
  readonly got?: string;
  readonly expected?: string;
  readonly hint?: string;
}

/** What the server said is wrong. */
export class CallError extends Error {
  readonly status: number;
  readonly code: string | null;
  readonly details: ErrorDetails;

  constructor(status: number, message: string, code: string | null, details: ErrorDetails = {}) {
    super(message);
    this.name = "CallError";
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** A route's address with its parameters and query. */
export function addressOf<R extends RouteDefinition>(route: R, call: CallOf<R>): string {
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent(String((call.params as Record<string, string | number>)[name])),
  );
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries((call.query ?? {}) as Record<string, unknown>))
    if (value !== undefined && value !== "") query.set(name, String(value));
  return query.size === 0 ? path : `${path}?${query}`;
}

/** Asks a JSON route. @throws CallError for what the server refuses, TypeError where it is not reached */
export async function call<R extends RouteDefinition>(
  route: R,
  request: CallOf<R>,
  { signal, file }: { signal?: AbortSignal; file?: Blob } = {},
): Promise<AnswerOf<R>> {
  const response = await fetch(addressOf(route, request), {
    method: route.method,
    ...(signal === undefined ? {} : { signal }),
    ...(route.body !== undefined
      ? { body: JSON.stringify(request.body), headers: { "content-type": "application/json" } }
      : file !== undefined
        ? { body: file, headers: { "content-type": "application/octet-stream" } }
        : {}),
  });
  const value: unknown = await response.json().catch(() => undefined);
  if (response.ok) return value as AnswerOf<R>;
  const error = (value as { error?: { message?: string; code?: string } & ErrorDetails })?.error;
  throw new CallError(
    response.status,
    error?.message ?? `the server answered ${response.status}`,
    error?.code ?? null,
    error ?? {},
  );
}

/** Calls of the studio's API, typed by its routes. */
import type { AnswerOf, CallOf, RouteDefinition } from "../../src/studio/api/route.ts";

/** What the server said is wrong. */
export class CallError extends Error {
  readonly status: number;
  readonly code: string | null;
  readonly hint: string | undefined;

  constructor(status: number, message: string, more: { code: string | null; hint?: string }) {
    super(message);
    this.name = "CallError";
    this.status = status;
    this.code = more.code;
    this.hint = more.hint;
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
  const error = (value as { error?: { message?: string; code?: string; hint?: string } })?.error;
  throw new CallError(response.status, error?.message ?? `the server answered ${response.status}`, {
    code: error?.code ?? null,
    ...(error?.hint === undefined ? {} : { hint: error.hint }),
  });
}

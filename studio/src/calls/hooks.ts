/** Calls of the API for components. */
import { useCallback, useEffect, useRef, useState } from "react";
import type { AnswerOf, CallOf, RouteDefinition } from "../../../src/studio/api/route.ts";
import { addressOf } from "../api.ts";
import { patientCall, tryCall } from "./patient.ts";

export interface Answer<Value> {
  /** The newest answer; it stays while another is asked for. */
  value: Value | undefined;
  /** What the server refused with; a server that is away is waited for instead. */
  error: unknown;
  /** Nothing has been answered yet. */
  loading: boolean;
  reload: () => void;
  /** Puts in place what another call answered. */
  set: (value: Value) => void;
}

/**
 * What a route answers, again where the request changes. A server that is away is asked again until
 * it is there.
 * @param every milliseconds after which it is asked again; never where left out
 * @param when false: do not ask yet
 */
export function useAnswer<R extends RouteDefinition>(
  route: R,
  request: CallOf<R>,
  { every, when = true }: { every?: number; when?: boolean } = {},
): Answer<AnswerOf<R>> {
  const key = `${route.method} ${addressOf(route, request)} ${JSON.stringify(request.body ?? null)}`;
  const [state, setState] = useState<{ key: string; value?: AnswerOf<R>; error?: unknown }>({
    key,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(request);
  latest.current = request;
  useEffect(() => {
    if (!when) return undefined;
    const ending = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      try {
        const value = await patientCall(route, latest.current, ending.signal);
        if (!ending.signal.aborted) setState({ key, value });
      } catch (error) {
        if (!ending.signal.aborted)
          setState((old) => ({ ...(old.key === key ? old : {}), key, error }));
      }
      if (every !== undefined && !ending.signal.aborted)
        timer = setTimeout(() => void ask(), every);
    };
    void ask();
    return () => (clearTimeout(timer), ending.abort());
  }, [route, key, every, when, turn]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const set = useCallback((value: AnswerOf<R>) => setState({ key, value }), [key]);
  const { value, error } = state.key === key ? state : {};
  return { value, error, loading: value === undefined && error === undefined, reload, set };
}

export interface Caller<R extends RouteDefinition> {
  /** @returns the answer; undefined where it failed, which `error` then has */
  send: (request: CallOf<R>, options?: { file?: Blob }) => Promise<AnswerOf<R> | undefined>;
  busy: boolean;
  error: unknown;
  clear: () => void;
}

/** A call that somebody makes by hand; it ends with the component. */
export function useCall<R extends RouteDefinition>(route: R): Caller<R> {
  const [{ busy, error }, setState] = useState<{ busy: boolean; error?: unknown }>({ busy: false });
  const ending = useRef<AbortController>(undefined);
  useEffect(() => {
    const controller = new AbortController();
    ending.current = controller;
    return () => controller.abort();
  }, []);
  const send = useCallback(
    async (request: CallOf<R>, options: { file?: Blob } = {}) => {
      const { signal } = ending.current!;
      setState({ busy: true });
      try {
        const answer = await tryCall(route, request, { ...options, signal });
        if (!signal.aborted) setState({ busy: false });
        return answer;
      } catch (error) {
        if (!signal.aborted) setState({ busy: false, error });
        return undefined;
      }
    },
    [route],
  );
  const clear = useCallback(() => setState({ busy: false }), []);
  return { send, busy, error, clear };
}

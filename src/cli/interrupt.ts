/**
 * Ctrl-C and SIGTERM: the first asks the command to save a checkpoint and return, the second ends the process at once
 * with status 130. The run folder survives both.
 */
import { AttuneError } from "../core/errors.ts";

/** Status after the second signal, as shells report a process ended by SIGINT. */
export const INTERRUPTED_STATUS = 130;

/** The process, as far as signals are concerned. */
export interface SignalSource {
  on(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown;
  removeListener(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown;
  exit(status: number): void;
}

export interface Interrupt {
  readonly signal: AbortSignal;
  /** Stops listening. */
  dispose(): void;
}

/**
 * Listens until disposed.
 * @param onFirst called at the first signal, to tell the user what happens now
 * @param beforeExit called at the second, to leave the terminal tidy
 */
export function listenForInterrupt(source: SignalSource, { onFirst, beforeExit }: { onFirst: () => void; beforeExit: () => void }): Interrupt {
  const controller = new AbortController();
  const listener = (): void => {
    if (controller.signal.aborted) {
      beforeExit();
      source.exit(INTERRUPTED_STATUS);
      return;
    }
    onFirst();
    controller.abort(new AttuneError("interrupted", "stopped before the end"));
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) source.on(name, listener);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of ["SIGINT", "SIGTERM"] as const) source.removeListener(name, listener);
    },
  };
}

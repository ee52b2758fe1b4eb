/**
 * Being asked to stop: by Ctrl-C, SIGTERM, a terminal that is closed (SIGHUP), or a reader that has
 * left. The first asks the command to save a checkpoint and return; a second Ctrl-C or SIGTERM ends
 * the process at once with status 130. The run folder survives both.
 */
import { AttuneError } from "../core/errors.ts";

/** Status after the second signal, as shells report a process ended by SIGINT. */
export const INTERRUPTED_STATUS = 130;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Signal = (typeof SIGNALS)[number];

/** The process, as far as signals are concerned. */
export interface SignalSource {
  on(signal: Signal, listener: (signal: Signal) => void): unknown;
  removeListener(signal: Signal, listener: (signal: Signal) => void): unknown;
  exit(status: number): void;
}

export interface Interrupt {
  readonly signal: AbortSignal;
  /** Stops listening. */
  dispose(): void;
}

export interface InterruptOptions {
  /** Called when first asked, to tell the user what happens now. */
  onFirst: () => void;
  /** Called before the process ends, to leave the terminal tidy. */
  beforeExit: () => void;
  /** Aborted where nobody reads the output any more. */
  readerGone?: AbortSignal | undefined;
}

/** Listens until disposed. */
export function listenForInterrupt(
  source: SignalSource,
  { onFirst, beforeExit, readerGone }: InterruptOptions,
): Interrupt {
  const controller = new AbortController();
  const ask = (reason: unknown): void => {
    if (controller.signal.aborted) return;
    onFirst();
    controller.abort(reason);
  };
  let signalled = false;
  const listener = (name: Signal): void => {
    // a closing terminal, and a system that shuts down, send it beside another
    if (signalled && name !== "SIGHUP") {
      beforeExit();
      source.exit(INTERRUPTED_STATUS);
      return;
    }
    signalled ||= name !== "SIGHUP";
    ask(new AttuneError("interrupted", "stopped before the end"));
  };
  const onGone = (): void => ask(readerGone!.reason);
  for (const name of SIGNALS) source.on(name, listener);
  if (readerGone?.aborted) onGone();
  readerGone?.addEventListener("abort", onGone);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of SIGNALS) source.removeListener(name, listener);
      readerGone?.removeEventListener("abort", onGone);
    },
  };
}

/** Stand-ins for the streams and signals of a process, for the tests of this room. */
import { EventEmitter } from "node:events";
import type { SignalSource } from "./interrupt.ts";
import type { Io } from "./program.ts";
import type { Sink } from "./display/sink.ts";

export class TextSink implements Sink {
  text = "";
  readonly isTTY: boolean;
  readonly columns: number | undefined;

  constructor(isTTY = false, columns?: number) {
    this.isTTY = isTTY;
    this.columns = columns;
  }

  write(text: string): boolean {
    this.text += text;
    return true;
  }
}

export class FakeSignals extends EventEmitter implements SignalSource {
  exitStatus: number | undefined;

  exit(status: number): void {
    this.exitStatus = status;
  }
}

export interface FakeIo extends Io {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly signals: FakeSignals;
}

export function fakeIo(): FakeIo {
  return {
    stdin: process.stdin,
    stdout: new TextSink(),
    stderr: new TextSink(),
    signals: new FakeSignals(),
  };
}

/**
 * What connections may hold that ask for nothing. A connection waits from its opening, and after
 * each answer, until the head of a request has come; where there are too many, over all or of one
 * address, the one that has waited longest makes room, first of those that never asked. So whoever
 * opens connections and says nothing shuts nobody out, and those of one address do not take what
 * others need. A connection is closed so only once what it may have sent was read: all that come
 * while a graph runs are accepted together, and read in the next turn.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ApiError } from "./api-error.ts";

export interface ConnectionLimits {
  /** Open connections, over all and of one address. */
  total: number;
  ofAddress: number;
}

/** Turns of the event loop that are given to connections between two steps: a turn accepts one. */
const MOST_TURNS = 64;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface State {
  address: string;
  /** Requests whose answer is not finished. */
  open: Set<ServerResponse>;
  /** Requests so far. */
  asked: number;
  /** What it has sent may not be read yet. */
  fresh: boolean;
}

export class Connections {
  private readonly limits: ConnectionLimits;
  private readonly states = new Map<Socket, State>();
  /**
   * Sockets of an address that wait for a request, the one that has waited longest first: before
   * their first, and after.
   */
  private readonly silent = new Map<string, Set<Socket>>();
  private readonly idle = new Map<string, Set<Socket>>();
  private readonly counts = new Map<string, number>();
  private trimming = false;
  private arrived = 0;

  constructor(server: Server, limits: ConnectionLimits) {
    this.limits = limits;
    server.on("connection", (socket: Socket) => this.opened(socket));
    server.on("request", (request: IncomingMessage, response: ServerResponse) =>
      this.asked(request.socket, response),
    );
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) =>
      this.failed(error, socket),
    );
  }

  get count(): number {
    return this.states.size;
  }

  /**
   * Lets in who waits at the door: libuv accepts a connection in a turn of the event loop, and a
   * step of decoding takes a whole one.
   */
  async letIn(): Promise<void> {
    for (let turns = 0; turns < MOST_TURNS; turns++) {
      const { arrived } = this;
      await turn();
      if (this.arrived === arrived) return;
    }
  }

  private opened(socket: Socket): void {
    this.arrived++;
    const address = socket.remoteAddress ?? "";
    if (this.answering(address) >= this.limits.ofAddress || this.answering() >= this.limits.total)
      return refuse(socket);
    this.states.set(socket, { address, open: new Set(), asked: 0, fresh: true });
    this.counts.set(address, (this.counts.get(address) ?? 0) + 1);
    member(this.silent, address).add(socket);
    socket.once("close", () => this.forget(socket));
    if (this.counts.get(address)! > this.limits.ofAddress || this.states.size > this.limits.total)
      this.trimSoon();
  }

  private trimSoon(): void {
    if (this.trimming) return;
    this.trimming = true;
    setImmediate(() => setImmediate(() => this.trim()));
  }

  /** Connections that wait for no request, over all or of one address. */
  private answering(address?: string): number {
    const addresses = address === undefined ? [...this.counts.keys()] : [address];
    return addresses.reduce(
      (total, each) =>
        total +
        (this.counts.get(each) ?? 0) -
        (this.silent.get(each)?.size ?? 0) -
        (this.idle.get(each)?.size ?? 0),
      0,
    );
  }

  private trim(): void {
    this.trimming = false;
    for (const [address, count] of this.counts)
      for (let over = count - this.limits.ofAddress; over > 0 && this.makeRoom(address); over--);
    while (this.states.size > this.limits.total && this.makeRoom(this.fullest()));
    const waitFor = [...this.states.values()].some(({ fresh }) => fresh);
    // those that came last are read in the next turn
    for (const state of this.states.values()) state.fresh = false;
    if (waitFor) this.trimSoon();
  }

  private forget(socket: Socket): void {
    const state = this.states.get(socket);
    if (state === undefined) return;
    this.states.delete(socket);
    const left = this.counts.get(state.address)! - 1;
    if (left > 0) this.counts.set(state.address, left);
    else this.counts.delete(state.address);
    for (const waiting of [this.silent, this.idle]) {
      waiting.get(state.address)?.delete(socket);
      if (waiting.get(state.address)?.size === 0) waiting.delete(state.address);
    }
  }

  private asked(socket: Socket, response: ServerResponse): void {
    const state = this.states.get(socket);
    if (state === undefined) return;
    state.asked++;
    state.open.add(response);
    this.silent.get(state.address)?.delete(socket);
    this.idle.get(state.address)?.delete(socket);
    response.once("close", () => {
      state.open.delete(response);
      if (state.open.size === 0 && this.states.get(socket) === state)
        member(this.idle, state.address).add(socket);
    });
  }

  /**
   * Ends the connection of an address that has waited longest; false where all are being answered,
   * or came a moment ago.
   */
  private makeRoom(address: string): boolean {
    const [silent] = this.silent.get(address) ?? [];
    const [idle] = this.idle.get(address) ?? [];
    const socket = silent ?? idle;
    if (socket === undefined || this.states.get(socket)!.fresh) return false;
    this.forget(socket);
    socket.destroy();
    return true;
  }

  /** The address with the most connections that wait. */
  private fullest(): string {
    const waiting = (address: string): number =>
      (this.silent.get(address)?.size ?? 0) + (this.idle.get(address)?.size ?? 0);
    return [...this.counts.keys()].reduce(
      (most, address) => (waiting(address) > waiting(most) ? address : most),
      "",
    );
  }

  /**
   * What is no request, or comes too late, is told so. What a client has sent is not read while a
   * graph runs, so one that seems late is looked at again once what came meanwhile was read.
   */
  private failed(error: NodeJS.ErrnoException, socket: Socket): void {
    const state = this.states.get(socket);
    if (error.code !== "ERR_HTTP_REQUEST_TIMEOUT") return end(socket, state, errorOf(error));
    const asked = state?.asked;
    const complete = (): boolean =>
      state !== undefined && [...state.open].every(({ req }) => req.complete);
    const wasComplete = complete();
    // two turns: one that reads, and one that handles what was read
    setImmediate(() =>
      setImmediate(() => {
        if (state !== undefined && (state.asked !== asked || (complete() && !wasComplete))) return;
        end(socket, state, errorOf(error));
      }),
    );
  }
}

function member(sets: Map<string, Set<Socket>>, address: string): Set<Socket> {
  const set = sets.get(address) ?? new Set();
  sets.set(address, set);
  return set;
}

function errorOf({ code }: NodeJS.ErrnoException): ApiError {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return new ApiError(408, "the request did not come in time", { code: "request_timeout" });
  if (code === "HPE_HEADER_OVERFLOW")
    return new ApiError(431, "the head of the request is too large", { code: "headers_too_large" });
  return new ApiError(400, "this is no HTTP request", { code: "invalid_request" });
}

const refuse = (socket: Socket): void =>
  end(
    socket,
    undefined,
    new ApiError(503, "there are too many connections", {
      code: "too_many_connections",
      retryAfter: 1,
    }),
  );

const STATUS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
};

/** The last words on a connection, where no answer has begun on it. */
function end(socket: Socket, state: State | undefined, error: ApiError): void {
  const begun = [...(state?.open ?? [])].some(({ headersSent }) => headersSent);
  if (!socket.writable || begun) return void socket.destroy();
  const body = JSON.stringify(error.body);
  const head = [
    `HTTP/1.1 ${error.status} ${STATUS[error.status]}`,
    "connection: close",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(error.headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

/** What one client can do to the others: nothing that is counted here. */
import { EventEmitter } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Connections } from "./connections.ts";
import { SliceQueue, inOneSlice } from "./slice-queue.ts";
import { TokenTexts } from "./tokens.ts";
import type { RunningServer } from "./listen.ts";
import { encoder, events, send, startTiny, until } from "./testing.ts";

let server: RunningServer;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.close(0);
});

const chat = { model: "tiny", messages: [{ role: "user", content: "Tell me" }], max_tokens: 4 };
const long = { ...chat, max_tokens: 230, temperature: 2, seed: 11, stream: true };

/** A connection that says only so much; `heard` is what came back. */
async function open(
  text = "",
): Promise<{ socket: Socket; heard: () => string; closed: () => boolean }> {
  const { hostname, port } = new URL(server.baseUrl);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  let [heard, closed] = ["", false];
  socket.on("data", (data) => void (heard += data.toString()));
  socket.on("close", () => void (closed = true));
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("connect", resolve));
  if (text !== "") socket.write(text);
  return { socket, heard: () => heard, closed: () => closed };
}

describe("connections that ask for nothing", () => {
  test("make room for those that ask, the oldest first, and never those that are answered", async () => {
    server = await startTiny({ connections: { total: 8, ofAddress: 6 } });
    const streaming = send(server, "/v1/chat/completions", { body: long });
    await until(() => server.engines.load.some(({ running }) => running === 1));
    const halfOpen: Awaited<ReturnType<typeof open>>[] = [];
    for (let count = 0; count < 20; count++)
      halfOpen.push(
        await open(
          count % 2 ? "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Slow: " : "",
        ),
      );
    expect((await send(server, "/v1/chat/completions", { body: chat })).status).toBe(200);
    await until(() => halfOpen.filter(({ closed }) => closed()).length >= 15);
    expect(halfOpen.slice(0, 14).every(({ closed }) => closed())).toBe(true);
    expect(events((await streaming).text).at(-1)!.choices[0]).toMatchObject({
      finish_reason: expect.stringMatching(/stop|length/),
    });
  });

  test("make no room before what they have sent was read, however many come at once", async () => {
    server = await startTiny({ connections: { total: 8, ofAddress: 6 } });
    // all of them are accepted in one turn, as after a long step, and the one that asks is among
    // the first
    const asking = open("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const others = Promise.all(Array.from({ length: 60 }, () => open()));
    for (const end = performance.now() + 50; performance.now() < end;);
    const { heard, closed } = await asking;
    await until(closed);
    expect(heard()).toContain('{"status":"ok"}');
    const all = await others;
    await until(() => all.filter((each) => each.closed()).length >= 54);
  });

  test("are let in between two steps until no more come, however few turns a step leaves", async () => {
    const fake = new EventEmitter();
    const connections = new Connections(fake as never, { total: 1000, ofAddress: 1000 });
    let waiting = 40;
    const arrive = (): void => {
      if (waiting-- <= 0) return;
      fake.emit(
        "connection",
        Object.assign(new EventEmitter(), { remoteAddress: "10.0.0.1", destroy: () => undefined }),
      );
      setImmediate(arrive);
    };
    setImmediate(arrive);
    await connections.letIn();
    expect(connections.count).toBe(40);
    // and nobody waits for those that come without end
    waiting = Infinity;
    setImmediate(arrive);
    await connections.letIn();
    waiting = 0;
    expect(connections.count).toBeLessThan(40 + 70);
  });

  test("are told when all of an address are being answered", async () => {
    server = await startTiny({ connections: { ofAddress: 2 } });
    const streams = [
      send(server, "/v1/chat/completions", { body: long }),
      send(server, "/v1/chat/completions", { body: long }),
    ];
    await until(() => server.engines.load.some(({ admitted }) => admitted === 2));
    const { heard, closed } = await open("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await until(closed);
    expect(heard()).toMatch(
      /^HTTP\/1\.1 503 [\s\S]*retry-after: 1[\s\S]*"code":"too_many_connections"/,
    );
    await Promise.all(streams);
  });

  test("are closed when a head does not come, or is none, and told why", async () => {
    server = await startTiny({ headTime: 40, requestTime: 80 });
    const late = await open("GET /health HTTP/1.1\r\nHost: localhost\r\n");
    const lateBody = await open(
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: " +
        "application/json\r\nContent-Length: 100\r\n\r\n{",
    );
    const noHttp = await open("hello\r\n\r\n");
    const large = await open(
      `GET /health HTTP/1.1\r\nHost: localhost\r\nX-Large: ${"x".repeat(40_000)}\r\n\r\n`,
    );
    const all = [late, lateBody, noHttp, large];
    await until(() => all.every(({ closed }) => closed()));
    const told = all.map(({ heard }) => [
      heard().split(" ")[1],
      (JSON.parse(heard().split("\r\n\r\n")[1]!) as { error: object }).error,
    ]);
    const error = (code: string) => ({
      message: expect.any(String),
      type: "invalid_request_error",
      param: null,
      code,
    });
    expect(told).toEqual([
      ["408", error("request_timeout")],
      ["408", error("request_timeout")],
      ["400", error("invalid_request")],
      ["431", error("headers_too_large")],
    ]);
  });
});

describe("bodies", () => {
  test.each(["content-length: 3000000", "transfer-encoding: chunked"])(
    "that are too large get their answer though they are still being sent (%s)",
    async (header) => {
      server = await startTiny();
      const { socket, heard, closed } = await open(
        `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: ` +
          `application/json\r\n${header}\r\n\r\n`,
      );
      const piece = "x".repeat(100_000);
      for (let sent = 0; sent < 30; sent++)
        await new Promise((resolve) =>
          socket.write(
            header.startsWith("content") ? piece : `${piece.length.toString(16)}\r\n${piece}\r\n`,
            resolve,
          ),
        );
      if (!header.startsWith("content")) socket.write("0\r\n\r\n");
      // the whole of it was read, and the connection is of use again
      socket.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
      await until(() => heard().includes('{"status":"ok"}'));
      expect(heard()).toMatch(/^HTTP\/1\.1 413 [\s\S]*"code":"body_too_large"/);
      expect(closed()).toBe(false);
    },
  );

  test("that end early leave nothing behind", async () => {
    const errors: unknown[] = [];
    server = await startTiny({ onError: (error) => errors.push(error) });
    const { socket } = await open(
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: " +
        "application/json\r\nContent-Length: 100\r\n\r\n{",
    );
    await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    expect((await send(server, "/v1/chat/completions", { body: chat })).status).toBe(200);
    expect(errors).toEqual([]);
  });
});

test("a defect in one request ends nobody else's answer", async () => {
  const errors: unknown[] = [];
  server = await startTiny({ onError: (error) => errors.push(error) });
  const other = send(server, "/v1/chat/completions", { body: { ...chat, stream: true, n: 3 } });
  const within = vi.spyOn(TokenTexts.prototype, "within").mockImplementation(() => {
    throw new TypeError("a defect");
  });
  const failed = await send(server, "/v1/chat/completions", {
    body: { ...chat, stream: true, logprobs: true },
  });
  within.mockRestore();
  expect(failed.text).toContain("internal_error");
  const { text } = await other;
  expect(text).not.toContain('"error"');
  expect(new Set([...text.matchAll(/"index":(\d+)/g)].map(([, index]) => index))).toEqual(
    new Set(["0", "1", "2"]),
  );
  expect(errors).toHaveLength(1);
});

test("a log holds no control character, no line break and nothing decoded", async () => {
  const lines: string[] = [];
  server = await startTiny({
    onRequest: ({ method, path, status }) => lines.push(`${method} ${path} ${status}`),
  });
  await send(server, "/v1/%1b%5b2J%0aGET%20/forged%20200?secret=1");
  const raw = await open(
    "GET /v1/\u00e9\u009b31m HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
  );
  await until(raw.closed);
  await send(server, `/v1/${"x".repeat(500)}`);
  expect(raw.heard()).toMatch(/^HTTP\/1\.1 4/);
  expect([lines[0], lines.at(-1)]).toEqual([
    "GET /v1/%1b%5b2J%0aGET%20/forged%20200 404",
    `GET /v1/${"x".repeat(96)} 404`,
  ]);
  for (const line of lines) expect(line).toMatch(/^GET [!-~]+ 4\d\d$/);
});

/** Works for so many milliseconds; how many they were. */
function spin(milliseconds: number): number {
  const began = performance.now();
  while (performance.now() - began < milliseconds);
  return performance.now() - began;
}

describe("prompts that are long to encode", () => {
  test("are encoded in turns with others, a slice at a time", async () => {
    const queue = new SliceQueue(new AbortController().signal);
    const order: string[] = [];
    function* slices(name: string, count: number) {
      for (let slice = 0; slice < count; slice++) {
        order.push(name);
        spin(5);
        yield;
      }
      return new Int32Array();
    }
    let turns = 0;
    const counting = setInterval(() => undefined, 1e6);
    const tick = (): void => void (turns++, running && setImmediate(tick));
    let running = true;
    setImmediate(tick);
    await Promise.all([queue.run(slices("long", 12)), queue.run(slices("short", 1))]);
    running = false;
    clearInterval(counting);
    expect(order.slice(0, 3)).toEqual(["long", "short", "long"]);
    // others had a turn between any two slices
    expect(turns).toBeGreaterThanOrEqual(order.length);
  });

  test("have a share of the time while answers are decoded, and all of it otherwise", async () => {
    let spent = 0;
    function* slices(count: number) {
      for (let slice = 0; slice < count; slice++) yield void (spent += spin(2));
    }
    const queue = new SliceQueue(new AbortController().signal, () => true);
    const began = performance.now();
    await Promise.all([queue.run(slices(60)), queue.run(slices(20))]);
    // 50 ms are saved up in the beginning, and the last turn may take some more than it has
    expect(spent).toBeGreaterThanOrEqual(160);
    expect(performance.now() - began).toBeGreaterThan(4 * (spent - 50 - 10));
    const idle = new SliceQueue(new AbortController().signal, () => false);
    const timers = vi.spyOn(globalThis, "setTimeout");
    await idle.run(slices(60));
    expect(timers).not.toHaveBeenCalled();
    timers.mockRestore();
  });

  test("owe no time for what was done while nothing was decoded, and wait for none once nothing is any more", async () => {
    let decoding = true;
    let spun = 0;
    const queue = new SliceQueue(new AbortController().signal, () => decoding);
    function* slices() {
      spun += spin(300);
      yield;
    }
    const first = async (work: Promise<unknown>, milliseconds: number): Promise<string> =>
      Promise.race([
        work.then(() => "the work"),
        new Promise<string>((resolve) => setTimeout(resolve, milliseconds, "the timer")),
      ]);
    // a quarter of the time would be 300 ms after one second
    const done = first(queue.run(slices()), 900);
    await until(() => spun > 0);
    await new Promise((resolve) => setImmediate(resolve));
    decoding = false;
    expect(await done).toBe("the work");
    const idle = new SliceQueue(new AbortController().signal, () => decoding);
    await idle.run(slices());
    decoding = true;
    expect(await first(idle.run(inOneSlice(() => undefined)), 400)).toBe("the work");
  });

  test("of one client take turns with another's, however many there are", async () => {
    const queue = new SliceQueue(new AbortController().signal);
    const order: string[] = [];
    function* slices(name: string, count: number) {
      for (let slice = 0; slice < count; slice++) yield void order.push(name);
    }
    const crowd = Array.from({ length: 10 }, () =>
      queue.run(slices("crowd", 3), { client: "10.0.0.1" }),
    );
    await queue.run(slices("one", 3), { client: "10.0.0.2" });
    expect(order.slice(0, 6)).toEqual(["crowd", "one", "crowd", "one", "crowd", "one"]);
    await Promise.all(crowd);
  });

  test("end when their client leaves, or the server stops", async () => {
    const [stop, left] = [new AbortController(), new AbortController()];
    const queue = new SliceQueue(stop.signal);
    function* endless() {
      for (;;) yield;
    }
    const open = [
      queue.run(endless() as never, { left: left.signal }),
      queue.run(endless() as never),
    ];
    left.abort();
    await expect(open[0]).rejects.toThrow();
    stop.abort();
    await expect(open[1]).rejects.toMatchObject({ status: 503 });
    await expect(queue.run(endless() as never)).rejects.toMatchObject({ status: 503 });
  });

  test("and cannot fit are not encoded", async () => {
    server = await startTiny({ bodyLimit: 1_000_000 });
    const encode = vi.spyOn(encoder, "encodePromptSlices");
    const reply = await send(server, "/v1/chat/completions", {
      body: { ...chat, messages: [{ role: "user", content: " ".repeat(900_000) }] },
    });
    expect([reply.status, reply.json().error.code]).toEqual([400, "context_length_exceeded"]);
    const slices = encode.mock.results[0]!.value as Generator;
    expect([encode.mock.calls.length, slices.next().done]).toEqual([1, true]);
    encode.mockRestore();
  });
});

test("a server that stops tells everybody: who streams, waits, queues, encodes or still sends", async () => {
  server = await startTiny({ limits: { slots: 1, queue: 8 } });
  const bodies = [long, { ...long, stream: false }, { ...long, n: 3 }];
  const asked = bodies.map((body) => send(server, "/v1/chat/completions", { body }));
  const sending = await open(
    "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: " +
      "application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n{",
  );
  await until(
    () =>
      sending.heard().includes("100 Continue") &&
      server.engines.load.some(({ admitted }) => admitted === 5),
  );
  await server.close(0);
  const replies = await Promise.all(asked);
  const told = [
    events(replies[0]!.text).at(-1)!,
    replies[1]!.json(),
    events(replies[2]!.text).at(-1)!,
    JSON.parse(/\{.*\}$/s.exec(sending.heard())![0]) as never,
  ];
  for (const { error } of told)
    expect(error).toMatchObject({
      message: expect.any(String),
      type: "server_error",
      param: null,
      code: "server_stopping",
    });
});

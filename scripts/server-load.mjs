/**
 * What one hostile client costs the others: 64 clients of `attune serve`, once all honest and once
 * with a hostile one among them, in turns. The others' 99th percentile of the time between two
 * pieces of an answer, and to the first, must be at most three times as long.
 *
 *   node scripts/server-load.mjs [--model PATH] [--rounds 2] [--clients 64] [--answer 32]
 *
 * Each client has an address of its own, as it would have (127.0.1.1 and on, which Linux allows
 * without any setting), since the server shares its slots among addresses. The server runs in a
 * process of its own, the clients here. Times are those of this machine while it runs, so both are
 * taken in one run and only their ratio is judged. Default model: SmolLM2-135M-Instruct
 * (scripts/fetch-smollm2.mjs).
 */
import { spawn } from "node:child_process";
import { request } from "node:http";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    model: { type: "string" },
    rounds: { type: "string", default: "2" },
    clients: { type: "string", default: "64" },
    answer: { type: "string", default: "32" },
    slots: { type: "string", default: "32" },
  },
});
const root = fileURLToPath(new URL("..", import.meta.url));
const model =
  options.model ??
  fileURLToPath(new URL("../.cache/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", import.meta.url));
const [clients, rounds, answer] = [options.clients, options.rounds, options.answer].map(Number);
const MOST = 3;
const NAME = "load";
/**
 * Connections that ask for nothing, opened again as they are closed: more than the server holds.
 */
const HALF_OPEN = 1_100;

/** The server, once it listens. */
async function startServer() {
  const server = spawn(
    process.execPath,
    [
      "dist/cli/main.js",
      "serve",
      "--model",
      model,
      "--name",
      NAME,
      "--port",
      "0",
      "--slots",
      options.slots,
      "--json",
    ],
    { cwd: root, stdio: ["ignore", "pipe", "inherit"] },
  );
  for await (const line of createInterface({ input: server.stdout })) {
    const { url } = JSON.parse(line);
    if (url) return { server, url: new URL(url) };
  }
  throw new Error("the server did not start");
}

/** One streamed answer: milliseconds to its first piece, and between its pieces. */
function ask(url, body, { from, onPiece } = {}) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const times = [];
    let other = "";
    const made = request(
      new URL("v1/chat/completions", url),
      { method: "POST", localAddress: from, headers: { "content-type": "application/json" } },
      (response) => {
        let rest = "";
        response.setEncoding("utf8");
        response.on("data", (text) => {
          const events = `${rest}${text}`.split("\n\n");
          rest = events.pop();
          for (const event of events) {
            if (!event.includes('"delta":{"content"')) {
              if (event.includes('"error"')) other = event;
              continue;
            }
            times.push(performance.now());
            onPiece?.(made);
          }
        });
        response.on("end", () =>
          resolve({
            status: response.statusCode,
            other,
            first: times[0] - began,
            gaps: times.slice(1).map((time, index) => time - times[index]),
          }),
        );
        response.on("error", reject);
      },
    );
    made.on("error", reject);
    made.end(typeof body === "string" ? body : JSON.stringify(body));
  });
}

const chat = (content, more = {}) => ({
  model: NAME,
  messages: [{ role: "user", content }],
  max_tokens: answer,
  temperature: 1,
  stream: true,
  logit_bias: { 0: -100, 2: -100 },
  ...more,
});

const addressOf = (number) => `127.0.1.${number + 1}`;

/** An honest client: questions one after the other. */
async function honest(url, number, seen, questions) {
  for (let question = 0; question < questions; question++) {
    const { status, other, first, gaps } = await ask(
      url,
      chat(
        `Client ${number} asks question ${question}: ` +
          `${"why is that so? ".repeat((number % 5) + 1)}`,
        { seed: number },
      ),
      { from: addressOf(number) },
    );
    if (status !== 200 || other !== "") throw new Error(`an honest client got ${status} ${other}`);
    if (Number.isFinite(first)) seen.first.push(first);
    else seen.empty++;
    seen.gaps.push(...gaps);
  }
}

/** Everything at once, again and again, until the others are done. */
async function hostile(url, isOver) {
  const from = addressOf(clients - 1);
  const send = (body, more) => ask(url, body, { from, ...more });
  const deep = "[".repeat(50_000);
  const long = "The quick brown fox jumps over the lazy dog. ".repeat(185);
  const tricks = [
    () => send(chat(" ".repeat(250_000))),
    () => send(chat("a".repeat(60_000))),
    () => send(chat("1 ".repeat(100_000))),
    () => send(chat(long, { max_tokens: 8 })),
    () => send(chat("many", { n: 64 })),
    () => send(chat(long, { max_tokens: 64, n: 8, logprobs: true, top_logprobs: 20 })),
    () => send(`{"model": "${NAME}", "audio": ${deep}${"]".repeat(50_000)}}`),
    () => send({ ...chat("x"), ["y".repeat(250_000)]: 1 }),
    () =>
      send({
        ...chat("x"),
        messages: Array.from({ length: 6_000 }, () => ({ role: "user", content: "hi" })),
      }),
    () => send(chat("leaving", { n: 16 }), { onPiece: (made) => made.destroy() }),
    () => send(chat("JSON", { response_format: { type: "json_object" }, n: 4 })),
    () => send(chat("again", { frequency_penalty: 1, repetition_penalty: 1.1, n: 8 })),
  ];
  const counts = tricks.map(() => 0);
  const halfOpen = async () => {
    const sockets = new Set();
    while (!isOver()) {
      for (let opened = 0; sockets.size < HALF_OPEN && opened < 100; opened++) {
        const socket = connect(
          { port: Number(url.port), host: url.hostname, localAddress: from },
          () =>
            void (
              opened % 2 &&
              socket.write("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            ),
        );
        sockets.add(socket.on("error", () => undefined).on("close", () => sockets.delete(socket)));
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    for (const socket of sockets) socket.destroy();
  };
  const repeat = async (trick, index) => {
    while (!isOver()) {
      await trick().catch(() => undefined);
      counts[index]++;
    }
  };
  await Promise.all([halfOpen(), ...tricks.map(repeat)]);
  return counts;
}

const percentile = (values, share) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))];

const nobody = () => ({ first: [], gaps: [], empty: 0 });

/** @param questions of each honest client */
async function arm(url, { withHostile, seen, questions = 3 }) {
  let left = clients - 1;
  const others = Array.from({ length: clients - 1 }, (_, number) =>
    honest(url, number, seen, questions).finally(() => left--),
  );
  if (!withHostile) return Promise.all([...others, honest(url, clients - 1, nobody(), questions)]);
  const [counts] = await Promise.all([hostile(url, () => left === 0), ...others]);
  console.log(`  the hostile client did its ${counts.length} tricks ${counts.join(", ")} times`);
}

const { server, url } = await startServer();
const seen = { without: nobody(), with: nobody() };
try {
  await arm(url, { withHostile: false, seen: nobody(), questions: 1 });
  console.log("warm");
  for (let round = 0; round < rounds; round++) {
    for (const [withHostile, into] of [
      [false, seen.without],
      [true, seen.with],
    ]) {
      const began = performance.now();
      await arm(url, { withHostile, seen: into });
      console.log(
        `round ${round + 1} of ${rounds}, ${withHostile ? "with" : "without"}: ` +
          `${((performance.now() - began) / 1000).toFixed(0)} s`,
      );
    }
  }
} finally {
  server.kill("SIGTERM");
}

let failed = false;
if (seen.without.empty + seen.with.empty > 0)
  console.log(`answers without a piece: ${seen.without.empty} -> ${seen.with.empty}`);
for (const [what, name] of [
  ["gaps", "between two pieces"],
  ["first", "to the first piece"],
]) {
  const figures = [0.5, 0.95, 0.99, 1].map((share) => [
    percentile(seen.without[what], share),
    percentile(seen.with[what], share),
  ]);
  const ratio = figures[2][1] / figures[2][0];
  failed ||= !(ratio <= MOST);
  const shown = figures.map(
    ([before, after], index) =>
      `${["median", "p95", "p99", "longest"][index]} ${before.toFixed(0)} -> ${after.toFixed(0)}`,
  );
  console.log(
    `${name} (n = ${seen.without[what].length} and ${seen.with[what].length}), ms without -> ` +
      `with: ${shown.join(", ")}; p99 ratio ${ratio.toFixed(2)} (at most ${MOST})`,
  );
}
console.log(failed ? "1 failed" : "0 failed");
process.exit(failed ? 1 : 0);

/**
 * Many annotators at once, and a studio that is killed meanwhile: a real `attune studio` is ended
 * with SIGKILL again and again and started anew, while everybody judges, skips and takes back. At
 * the end every judgement that was acknowledged must be in the store, none may count twice, and no
 * task may have more than its overlap. Ends with 1 where one of these fails.
 *
 *   node scripts/studio-load.mjs [--people 100] [--seconds 120] [--kills 10] [--store pglite]
 *
 * --store: pglite, postgresql (Debian's, started here), or both. Prints one line of JSON for each.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { addTasks } from "../dist/labelling/exchange/add-tasks.js";
import { createProject } from "../dist/labelling/projects.js";
import { openStore } from "../dist/labelling/store/open.js";
import { startPostgresql } from "../dist/labelling/testing/server.js";
import { hostPerson } from "../dist/studio/handlers/session.js";

const { values: options } = parseArgs({
  options: {
    people: { type: "string", default: "100" },
    seconds: { type: "string", default: "120" },
    kills: { type: "string", default: "10" },
    tasks: { type: "string", default: "20000" },
    store: { type: "string", default: "both" },
  },
});
const [people, seconds, kills, tasks] = [
  options.people,
  options.seconds,
  options.kills,
  options.tasks,
].map(Number);
const root = fileURLToPath(new URL("..", import.meta.url));
const OVERLAP = 3;
const GOLD = 50;
/** Shares of what people do beside judging. */
const SKIPS = 0.05;
const UNDOES = 0.03;

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Pairs with an overlap, and gold questions among them. */
async function prepare(place) {
  const database = await openStore(place);
  const host = await hostPerson(database);
  const id = await createProject(database, {
    slug: "load",
    name: "Load",
    kind: "compare",
    overlap: OVERLAP,
    settings: { strength: false },
    owner: host.id,
  });
  await addTasks(
    database,
    { id, kind: "compare" },
    Array.from({ length: tasks + GOLD }, (_, index) => ({
      content: { prompt: `question ${index}`, answers: [`one ${index}`, `other ${index}`] },
      ...(index < tasks ? {} : { gold: { choice: 0 } }),
    })),
  );
  await database.close();
}

/** The studio's process: started, killed, started again on the same port. */
class StudioProcess {
  constructor(place, port) {
    this.place = place;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  async start() {
    const { folder, databaseUrl } = this.place;
    this.child = spawn(
      process.execPath,
      ["dist/cli/main.js", "studio", "--no-open", "--folder", folder, "--port", `${this.port}`],
      {
        cwd: root,
        env: { ...process.env, DATABASE_URL: databaseUrl },
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    let said = "";
    this.child.stderr.on("data", (piece) => (said = (said + piece).slice(-4000)));
    const { child } = this;
    this.ended = new Promise((resolve) => child.once("exit", resolve));
    for (;;) {
      if (child.exitCode !== null) throw new Error(`the studio did not start: ${said}`);
      const reached = await fetch(`${this.url}/api/session`).catch(() => undefined);
      if (reached !== undefined) return;
      await sleep(50);
    }
  }

  async end(signal) {
    this.child.kill(signal);
    await this.ended;
  }
}

const times = { next: [], judge: [] };

/** Asks until there is an answer: the studio may be away. */
async function ask(url, path, { cookie, body, method = "POST" }, done) {
  for (;;) {
    if (done?.()) return undefined;
    const began = performance.now();
    try {
      const response = await fetch(url + path, {
        method,
        headers: { "content-type": "application/json", ...(cookie ? { cookie } : {}) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const answer = await response.json();
      if (response.status !== 503)
        return {
          status: response.status,
          body: answer,
          headers: response.headers,
          ms: performance.now() - began,
        };
    } catch {
      // no answer: it is asked again
    }
    await sleep(20 + Math.random() * 80);
  }
}

const cookieOf = (reply) => reply.headers.get("set-cookie").split(";")[0];

/** One annotator. @returns what was acknowledged, by the judgement's id */
async function annotate(url, cookie, over, outcome) {
  const at = "/api/projects/load";
  while (!over()) {
    const next = await ask(url, `${at}/next`, { cookie, body: { count: 2 } }, over);
    if (next === undefined) return;
    if (next.status !== 200) throw new Error(JSON.stringify(next.body));
    times.next.push(next.ms);
    if (next.body.tasks.length === 0) await sleep(50);
    for (const { assignment } of next.body.tasks) {
      if (over()) return;
      if (Math.random() < SKIPS) {
        await ask(url, `${at}/skips`, { cookie, body: { assignment } });
        continue;
      }
      const id = randomUUID();
      outcome.sent.add(id);
      const judgement = { choice: Math.random() < 0.5 ? 0 : 1 };
      const body = { id, assignment, judgement, shownMs: 1000 };
      const reply = await ask(url, `${at}/judgements`, { cookie, body });
      if (reply.status !== 200) throw new Error(JSON.stringify(reply.body));
      times.judge.push(reply.ms);
      outcome.acknowledged.set(id, reply.body.state);
      outcome.last = id;
      if (Math.random() < UNDOES) await undo(url, at, cookie, outcome);
    }
  }
}

/** Asked once: where no answer comes it may have been done, or not. */
async function undo(url, at, cookie, outcome) {
  const id = outcome.last;
  const response = await fetch(`${url}${at}/undo`, { method: "POST", headers: { cookie } }).catch(
    () => undefined,
  );
  if (response === undefined) outcome.unsure.add(id);
  else if (response.status === 200) outcome.undone.add(id);
  await response?.arrayBuffer().catch(() => outcome.unsure.add(id));
}

const quantile = (values, share) =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)];

/** What the store says, against what was acknowledged. @returns sentences of what is wrong */
async function check(place, outcomes) {
  const database = await openStore(place);
  const wrong = [];
  const rows = await database.rows("SELECT id, state FROM judgements");
  const states = new Map(rows.map(({ id, state }) => [id, state]));
  for (const { acknowledged, undone, unsure } of outcomes)
    for (const [id, state] of acknowledged) {
      const kept = states.get(id);
      const fits = unsure.has(id)
        ? kept === state || kept === "undone"
        : kept === (undone.has(id) ? "undone" : state);
      if (!fits) wrong.push(`${id} was acknowledged as ${state}, and is ${kept ?? "lost"}`);
    }
  const none = async (what, sql) => {
    const [{ n }] = await database.rows(`SELECT count(*) AS n FROM (${sql}) AS t`);
    if (n > 0) wrong.push(`${n} ${what}`);
  };
  const counted =
    "SELECT task, count(*) AS n FROM judgements WHERE state = 'counted' GROUP BY task";
  await none(
    "tasks with more judgements than their overlap",
    `SELECT 1 FROM (${counted}) c JOIN tasks t ON t.id = c.task WHERE gold IS NULL AND n > ${OVERLAP}`,
  );
  await none(
    "tasks with a wrong count",
    `SELECT 1 FROM tasks t LEFT JOIN (${counted}) c ON c.task = t.id
     WHERE t.judged <> coalesce(c.n, 0)`,
  );
  await none(
    "tasks with a wrong count of leases",
    `SELECT 1 FROM tasks t LEFT JOIN (SELECT task, count(*) AS n FROM assignments
       WHERE state = 'leased' AND holds GROUP BY task) a ON a.task = t.id
     WHERE t.leased <> coalesce(a.n, 0)`,
  );
  await none(
    "people whose judgement counts twice for a task",
    `SELECT 1 FROM judgements WHERE state = 'counted' GROUP BY task, person HAVING count(*) > 1`,
  );
  await none(
    "judgements without their line in the history",
    `SELECT 1 FROM judgements j WHERE NOT EXISTS (SELECT 1 FROM history h WHERE h.task = j.task
       AND h.person = j.person AND h.detail ->> 'judgement' = j.id::text)`,
  );
  await database.close();
  return { wrong, kept: rows.length };
}

async function load(store) {
  const folder = mkdtempSync(join(tmpdir(), "attune-load-"));
  const server = store === "postgresql" ? await startPostgresql() : undefined;
  const place = { folder, databaseUrl: server?.url ?? "" };
  times.next = [];
  times.judge = [];
  try {
    await prepare(place);
    const studio = new StudioProcess(place, await freePort());
    await studio.start();
    const token = readFileSync(join(folder, "host-token"), "utf8").trim();
    const host = cookieOf(await ask(studio.url, "/api/session", { body: { token } }));
    const invited = await ask(studio.url, "/api/projects/load/invitations", {
      cookie: host,
      body: { role: "annotator" },
    });
    const invitation = invited.body.link.replace("/#/join/", "");
    const cookies = [];
    for (let person = 0; person < people; person++) {
      const body = { token: invitation, name: `Person ${person}` };
      cookies.push(cookieOf(await ask(studio.url, "/api/join", { body })));
    }
    const began = performance.now();
    const over = () => performance.now() - began > seconds * 1000;
    const outcomes = cookies.map(() => ({
      sent: new Set(),
      acknowledged: new Map(),
      undone: new Set(),
      unsure: new Set(),
      last: "",
    }));
    const work = cookies.map((cookie, index) =>
      annotate(studio.url, cookie, over, outcomes[index]),
    );
    const killing = (async () => {
      for (let kill = 1; kill <= kills; kill++) {
        const at = (seconds * 1000 * kill) / (kills + 1);
        await sleep(Math.max(at - (performance.now() - began), 0));
        await studio.end("SIGKILL");
        await studio.start();
      }
    })();
    await Promise.all([...work, killing]);
    const took = (performance.now() - began) / 1000;
    await studio.end("SIGTERM");
    const { wrong, kept } = await check(place, outcomes);
    const acknowledged = outcomes.reduce((sum, { acknowledged: own }) => sum + own.size, 0);
    console.log(
      JSON.stringify({
        store,
        people,
        kills,
        seconds: Math.round(took),
        acknowledged,
        kept,
        undone: outcomes.reduce((sum, { undone }) => sum + undone.size, 0),
        perSecond: Math.round(acknowledged / took),
        nextMs: [0.5, 0.99].map((share) => Math.round(quantile(times.next, share))),
        judgeMs: [0.5, 0.99].map((share) => Math.round(quantile(times.judge, share))),
        wrong: wrong.slice(0, 10),
      }),
    );
    if (wrong.length > 0 || acknowledged === 0) process.exitCode = 1;
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (!existsSync(join(root, "dist", "cli", "main.js"))) throw new Error("npm run build first");
for (const store of options.store === "both" ? ["pglite", "postgresql"] : [options.store])
  await load(store);

/**
 * A thousand blind battles over HTTP, against models that say their name wherever they can: nothing
 * that comes before the vote names one, and nothing changes after it.
 * @module-tag dear
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ChatAnswer, RatingAnswer } from "../api/meet.ts";
import type { RunningStudio } from "../listen.ts";
import { startStudio } from "../listen.ts";
import type { Behaviour, FakeModel, FakeRequest } from "./testing.ts";
import { fakeHost, fakeModel } from "./testing.ts";

const NAMES = ["runs/zorro-7b-instruct", "org/Quibble-2.1-chat", "weights/plumtree.gguf"];
const TELLING = /zorro|quibble|plumtree|7b-instruct/i;
const VOTES = 1000;

const folder = mkdtempSync(join(tmpdir(), "attune-blind-"));
let models: FakeModel[];
let host: ReturnType<typeof fakeHost>;
let studio: RunningStudio;
let cookie = "";
const warned: string[] = [];

/** By what is asked: a plain answer, one that names the model, and every way to fail. */
const behaviour =
  (name: string) =>
  ({ messages }: FakeRequest): Behaviour => {
    const asked = messages.at(-1)!.content;
    const short = name
      .split("/")
      .at(-1)!
      .replace(/\.gguf$/, "");
    if (asked.includes("name"))
      return { pieces: [`I am `, short.slice(0, 3), short.slice(3), `, that is ${name}.`] };
    if (asked.includes("refuse")) return { status: 400, message: `${name}: cannot be read` };
    if (asked.includes("break")) return { cut: [`I, ${short}, `, "was saying"] };
    return { pieces: [`An answer of ${short.length} letters`, " and more."], finish: "length" };
  };

beforeAll(async () => {
  models = await Promise.all(NAMES.map((name) => fakeModel(name, behaviour(name))));
  host = fakeHost(models);
  studio = await startStudio({
    folder,
    runs: join(folder, "runs"),
    host: "127.0.0.1",
    port: 0,
    allowHosts: [],
    allowOrigins: [],
    databaseUrl: "",
    page: join(folder, "page"),
    command: [process.execPath],
    models: host,
    warn: (_, message) => void warned.push(message),
  });
  await send("POST", "/api/session", { token: studio.hostLink.split("/").at(-1) });
});
afterAll(async () => {
  await studio?.close();
  await Promise.all(models.map((model) => model.close()));
  rmSync(folder, { recursive: true, force: true });
});

/** With everything that came back, headers included. */
async function send(method: string, path: string, body?: unknown) {
  const response = await fetch(`${studio.url}${path}`, {
    method,
    headers: { cookie, ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  cookie = response.headers.get("set-cookie")?.split(";")[0] ?? cookie;
  const text = await response.text();
  return {
    status: response.status,
    text: `${JSON.stringify([...response.headers])}\n${text}`,
    body: text,
  };
}

const begin = async (names = NAMES): Promise<ChatAnswer> => {
  const { text, body } = await send("POST", "/api/chats", { models: names, blind: true });
  expect(text).not.toMatch(TELLING);
  return JSON.parse(body) as ChatAnswer;
};
const ask = (chat: string, text: string, keep = 0) =>
  send("POST", `/api/chats/${chat}/say`, { text, keep });

describe("a blind battle", () => {
  test(`names no model before the vote, in ${VOTES} votes`, async () => {
    const left = new Map<string, number>();
    const choices = ["left", "right", "tie", "both-bad"] as const;
    const battle = async (index: number): Promise<void> => {
      const { id } = await begin();
      const seen: string[] = [];
      const failing = ["refuse", "break"][index % 2]!;
      if (index % 5 === 0) seen.push((await ask(id, `please ${failing}`)).text);
      if (index % 5 === 0) {
        const early = await send("POST", `/api/chats/${id}/vote`, { vote: "left" });
        expect(early.status).toBe(409);
        seen.push(early.text);
      }
      seen.push((await ask(id, `What is your name? ${index}`)).text);
      if (index % 7 === 0) seen.push((await ask(id, "Go on", 1)).text);
      seen.push((await send("GET", `/api/chats/${id}`)).text);
      if (index % 50 === 0) seen.push((await ask("no-such-chat", "Hello")).text);
      for (const text of seen) expect(text).not.toMatch(TELLING);
      const voted = await send("POST", `/api/chats/${id}/vote`, { vote: choices[index % 4] });
      const told = JSON.parse(voted.body) as ChatAnswer;
      expect(new Set(told.sides.map(({ model }) => model)).size).toBe(2);
      for (const { model } of told.sides) expect(NAMES).toContain(model);
      left.set(told.sides[0]!.model!, (left.get(told.sides[0]!.model!) ?? 0) + 1);
      const again = await send("POST", `/api/chats/${id}/vote`, { vote: "left" });
      expect(again.status).toBe(409);
      const after = await ask(id, "And now?", 1);
      expect(after.text).toContain('"code":"voted"');
      const { vote, sides } = JSON.parse(
        (await send("GET", `/api/chats/${id}`)).body,
      ) as ChatAnswer;
      expect([vote, sides]).toEqual([choices[index % 4], told.sides]);
    };
    const waiting = Array.from({ length: VOTES }, (_, index) => index);
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let index = waiting.shift(); index !== undefined; index = waiting.shift())
          await battle(index);
      }),
    );
    // sides and pairs are drawn: each of three models stands on the left a third of the time
    for (const name of NAMES) {
      expect(left.get(name)!).toBeGreaterThan(VOTES / 3 - 80);
      expect(left.get(name)!).toBeLessThan(VOTES / 3 + 80);
    }
    expect(host.held).toBe(0);
    const { ratings, votes } = JSON.parse((await send("GET", "/api/arena/ratings")).body) as {
      ratings: RatingAnswer[];
      votes: number;
    };
    expect(votes).toBe(VOTES);
    expect(ratings.reduce((sum, { wins, losses, ties }) => sum + wins + losses + ties, 0)).toBe(
      2 * VOTES,
    );
    expect(ratings.reduce((sum, { bothBad }) => sum + bothBad, 0)).toBe(VOTES / 2);
    // for whoever runs the studio the reasons are there
    expect(warned.some((message) => TELLING.test(message))).toBe(true);
  });

  test("says of a model that cannot be opened only that a side gave no answer", async () => {
    const { id } = await begin(["runs/zorro-7b-instruct", "runs/plumtree-that-is-not-there"]);
    const { text } = await ask(id, "Hello");
    expect(text).not.toMatch(TELLING);
    expect(text).toContain("a side gave no answer");
    const refused = await send("POST", `/api/chats/${id}/vote`, { vote: "tie" });
    expect(refused.status).toBe(409);
    expect(refused.text).not.toMatch(TELLING);
  });

  test("is kept as a preference of the project arena, by the models as they stood", async () => {
    const { id } = await begin();
    await ask(id, "A question of its own");
    const voted = await send("POST", `/api/chats/${id}/vote`, { vote: "right" });
    const { sides } = JSON.parse(voted.body) as ChatAnswer;
    const rows = await studio.studio.database.rows(
      `SELECT t.content, t.hidden, t.state, t.judged, j.judgement, j.sides FROM tasks t
       JOIN judgements j ON j.task = t.id WHERE t.hidden ->> 'chat' = $1`,
      [id],
    );
    expect(rows.length).toBe(1);
    const [{ content, hidden, judgement, ...row }] = rows as [
      {
        content: { prompt: unknown; answers: { content: string }[][] };
        hidden: { models: string[] };
        judgement: { choice: 0 | 1 };
        state: string;
        judged: number;
        sides: number[];
      },
    ];
    expect(row).toMatchObject({ state: "full", judged: 1 });
    expect(content.prompt).toEqual([{ role: "user", content: "A question of its own" }]);
    expect(hidden.models[judgement.choice]).toBe(sides[1]!.model);
    expect(content.answers[judgement.choice]![0]!.content).toBe(sides[1]!.turns[1]!.content);
    expect(row.sides[1]).toBe(judgement.choice);
  });
});

describe("one's own conversation", () => {
  const one = async (): Promise<ChatAnswer> =>
    JSON.parse((await send("POST", "/api/chats", { models: [NAMES[0]] })).body) as ChatAnswer;

  test("goes on, is edited, and asked again", async () => {
    const { id } = await one();
    await ask(id, "First");
    await ask(id, "Second", 1);
    await ask(id, "Second, otherwise", 1);
    const { sides } = JSON.parse((await send("GET", `/api/chats/${id}`)).body) as ChatAnswer;
    expect(sides[0]!.turns.map(({ content }) => content)).toEqual([
      "First",
      "An answer of 17 letters and more.",
      "Second, otherwise",
      "An answer of 17 letters and more.",
    ]);
    expect(models[0]!.requests.at(-1)!.messages.map(({ content }) => content)).toEqual([
      "First",
      "An answer of 17 letters and more.",
      "Second, otherwise",
    ]);
    expect((await ask(id, "Far", 9)).text).toContain('"code":"out_of_step"');
    expect((await ask(id, "refuse")).text).toContain("zorro-7b-instruct: cannot be read");
  });

  test("is nobody else's", async () => {
    const { id } = await one();
    const host = cookie;
    cookie = "";
    expect((await send("GET", `/api/chats/${id}`)).status).toBe(401);
    expect((await send("GET", "/api/models")).status).toBe(401);
    cookie = host;
  });

  test("stops the model where it is stopped, and keeps what was said", async () => {
    const endless = await fakeModel("endless", () => ({
      pieces: Array.from({ length: 10_000 }, (_, i) => `word${i} `),
      pause: 5,
    }));
    models.push(endless);
    const hosted = fakeHost([endless]);
    Object.assign(host, { lease: hosted.lease });
    const { id } = JSON.parse(
      (await send("POST", "/api/chats", { models: ["endless"] })).body,
    ) as ChatAnswer;
    const stop = new AbortController();
    const response = await fetch(`${studio.url}/api/chats/${id}/say`, {
      method: "POST",
      headers: { cookie, "content-type": "application/json" },
      body: JSON.stringify({ text: "Begin", keep: 0 }),
      signal: stop.signal,
    });
    const reader = response.body!.getReader();
    let text = "";
    while (!text.includes("word3")) text += new TextDecoder().decode((await reader.read()).value);
    stop.abort();
    while (endless.left === 0 || hosted.held > 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
    // whoever asks again waits until what was stopped is kept
    while (!(await send("GET", `/api/chats/${id}`)).body.includes('"stopped"'))
      await new Promise((resolve) => setTimeout(resolve, 5));
    const { sides } = JSON.parse((await send("GET", `/api/chats/${id}`)).body) as ChatAnswer;
    expect(sides[0]!.turns[1]).toMatchObject({ end: "stopped" });
    expect(sides[0]!.turns[1]!.content).toMatch(/^word0 word1 word2 word3/);
  });
});

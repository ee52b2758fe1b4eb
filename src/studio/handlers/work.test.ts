/** The whole way of projects, people and work, over HTTP, on both stores. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomUUID } from "node:crypto";
import { addTasks } from "../../labelling/exchange/add-tasks.ts";
import type { Database } from "../../labelling/store/database.ts";
import { STORES, storesOf } from "../../labelling/testing.ts";
import type { Client, ServedStudio } from "../testing.ts";
import { serveStudio } from "../testing.ts";

describe.each(STORES)("work on $kind", (store) => {
  const { fresh } = storesOf(store);
  let database: Database;
  let studio: ServedStudio;
  beforeAll(async () => {
    database = await fresh();
    studio = await serveStudio(database);
  });
  afterAll(async () => {
    await studio.close();
    expect(studio.warnings).toEqual([]);
  });

  let made = 0;
  /** A project with pairs. @returns its slug */
  async function project({
    tasks = 3,
    gold = 0,
    ...given
  }: { tasks?: number; gold?: number; [name: string]: unknown } = {}): Promise<string> {
    const slug = `work-${made++}`;
    const begun = await studio.host.ask("POST", "/api/projects", {
      slug,
      name: slug,
      kind: "compare",
      ...given,
    });
    expect(begun).toMatchObject({ status: 200, body: { slug, tasks: 0 } });
    const [row] = await database.rows("SELECT id FROM projects WHERE slug = $1", [slug]);
    await addTasks(
      database,
      { id: row!["id"] as number, kind: "compare" },
      Array.from({ length: tasks + gold }, (_, index) => ({
        content: { prompt: `q${index}`, answers: [`yes ${index}`, `no ${index}`] },
        hidden: { models: ["secret-one", "secret-two"], source: "secret-source" },
        ...(index < tasks ? {} : { gold: { choice: 0 } }),
      })),
    );
    return slug;
  }

  async function invite(slug: string, given: object = {}): Promise<string> {
    const { body } = await studio.host.ask("POST", `/api/projects/${slug}/invitations`, {
      role: "annotator",
      ...given,
    });
    return body.link.replace("/#/join/", "");
  }

  async function annotator(slug: string): Promise<Client> {
    const client = studio.visitor();
    const token = await invite(slug);
    const joined = await client.ask("POST", "/api/join", { token, name: "Ann" });
    expect(joined).toMatchObject({ status: 200, body: { slug, person: { name: "Ann" } } });
    return client;
  }

  test("an annotator joins, judges, skips, takes back and sees how far it is", async () => {
    const slug = await project({
      overlap: 2,
      settings: { strength: false, guidelines: "Be fair" },
    });
    const ann = await annotator(slug);
    const at = `/api/projects/${slug}`;
    expect((await ann.ask("GET", `${at}/workplace`)).body).toMatchObject({
      kind: "compare",
      guidelines: "Be fair",
      crowd: false,
      consent: null,
    });
    const next = await ann.ask("POST", `${at}/next`, { count: 2 });
    expect(next.body).toMatchObject({ idle: null, leave: null });
    const [task, other] = next.body.tasks;
    const judgement = {
      id: randomUUID(),
      assignment: task.assignment,
      judgement: { choice: 0 },
      shownMs: 3000,
    };
    for (let times = 0; times < 2; times++)
      expect((await ann.ask("POST", `${at}/judgements`, judgement)).body).toEqual({
        state: "counted",
      });
    expect((await ann.ask("POST", `${at}/skips`, { assignment: other.assignment })).status).toBe(
      200,
    );
    expect((await ann.ask("GET", `${at}/progress`)).body).toMatchObject({
      mine: 1,
      today: 1,
      left: 5,
      toFinish: null,
      secondsEach: 3,
      agreement: { estimate: null },
    });
    expect((await ann.ask("POST", `${at}/undo`)).body).toMatchObject({ judgement: null });
    expect((await ann.ask("POST", `${at}/undo`)).body).toMatchObject({
      judgement: { choice: 0 },
      task: { assignment: task.assignment, content: task.content },
    });
    expect((await ann.ask("POST", `${at}/undo`)).status).toBe(409);
    expect((await studio.host.ask("GET", at)).body).toMatchObject({
      tasks: 3,
      full: 0,
      judgements: 0,
      people: 2,
      chosenBy: { order: 3 },
    });
    expect((await studio.host.ask("GET", `${at}/people`)).body).toMatchObject([
      { name: "Host" },
      { name: "Ann", judgements: 0, skipped: 0 },
    ]);
  });

  test("a project is changed at any time, and a wrong setting is told", async () => {
    const slug = await project({ settings: { strength: false } });
    const ann = await annotator(slug);
    const at = `/api/projects/${slug}`;
    const change = (body: object) => studio.host.ask("PUT", at, body);
    expect((await change({ state: "paused" })).body).toMatchObject({ state: "paused" });
    expect((await ann.ask("POST", `${at}/next`, {})).body).toMatchObject({ idle: "paused" });
    expect(
      (await change({ state: "open", overlap: 4, settings: { crowd: { reward: 0.1 } } })).body,
    ).toMatchObject({
      overlap: 4,
      settings: { strength: false, crowd: { reward: 0.1, tasks: 50 } },
    });
    expect((await ann.ask("GET", `${at}/progress`)).body).toMatchObject({ left: 12 });
    for (const settings of [{ colour: "red" }, { goldShare: 2 }, { crowd: { open: true } }])
      expect((await change({ settings })).status).toBe(400);
    expect((await ann.ask("PUT", at, { overlap: 1 })).status).toBe(403);
    expect(
      (await studio.host.ask("POST", "/api/projects", { slug, name: "x", kind: "rank" })).status,
    ).toBe(409);
  });

  test("invitations end, are counted and taken back", async () => {
    const slug = await project();
    const once = await invite(slug, { uses: 1, note: "for Ann" });
    const told = { project: slug, role: "annotator" };
    expect(
      (await studio.visitor().ask("POST", "/api/invitation", { token: once })).body,
    ).toMatchObject(told);
    const ann = studio.visitor();
    expect((await ann.ask("POST", "/api/join", { token: once, name: "Ann" })).status).toBe(200);
    expect((await ann.ask("POST", "/api/join", { token: once, name: "Ann" })).status).toBe(200);
    const bob = await studio.visitor().ask("POST", "/api/join", { token: once, name: "Bob" });
    expect(bob).toMatchObject({ status: 410, body: { error: { code: "invitation_used" } } });
    const many = await invite(slug);
    const list = (await studio.host.ask("GET", `/api/projects/${slug}/invitations`)).body;
    expect(list).toMatchObject([{ used: 0 }, { used: 1, note: "for Ann" }]);
    const path = `/api/projects/${slug}/invitations/`;
    expect((await studio.host.ask("DELETE", path + list[0].id)).status).toBe(200);
    expect((await studio.host.ask("DELETE", `${path}nothing`)).status).toBe(404);
    const late = await studio.visitor().ask("POST", "/api/join", { token: many, name: "Cid" });
    expect(late).toMatchObject({ status: 410, body: { error: { code: "invitation_ended" } } });
    const wrong = { token: "x".repeat(40), name: "Eve" };
    expect((await studio.visitor().ask("POST", "/api/join", wrong)).status).toBe(404);
  });

  test("nobody reaches another's task or project, and what is wrong or too large is refused", async () => {
    const settings = { strength: false };
    const [mine, other] = [await project({ settings }), await project({ settings })];
    const ann = await annotator(mine);
    const bob = await annotator(other);
    const { body } = await ann.ask("POST", `/api/projects/${mine}/next`, { count: 1 });
    const { assignment } = body.tasks[0];
    const judgement = { id: randomUUID(), assignment, judgement: { choice: 0 }, shownMs: 1 };
    const send = async (client: Client, slug: string, sent: unknown): Promise<number> =>
      (await client.ask("POST", `/api/projects/${slug}/judgements`, sent)).status;
    expect(await send(bob, mine, judgement)).toBe(404);
    expect(await send(bob, other, judgement)).toBe(404);
    expect(await send(studio.visitor(), mine, judgement)).toBe(401);
    const theirs = `/api/projects/${mine}`;
    const hidden = await bob.ask("POST", `${theirs}/next`, {});
    const nowhere = await bob.ask("POST", "/api/projects/nowhere/next", {});
    expect({ status: hidden.status, text: hidden.text }).toEqual({
      status: 404,
      text: nowhere.text,
    });
    for (const path of ["", "/people", "/invitations", "/payment", "/payment/file"])
      expect((await ann.ask("GET", theirs + path)).status).toBe(403);
    const people = `/api/projects/${mine}/people/${randomUUID()}`;
    expect((await ann.ask("PUT", people, { role: "owner" })).status).toBe(403);
    expect((await studio.host.ask("PUT", people, { role: "owner" })).status).toBe(404);
    expect(await send(ann, mine, { ...judgement, comment: "x".repeat(10_001) })).toBe(400);
    expect(await send(ann, mine, { ...judgement, comment: "x".repeat(1_100_000) })).toBe(413);
    expect(await send(ann, mine, { ...judgement, comment: "half \ud800" })).toBe(400);
    expect(await send(ann, mine, { ...judgement, judgement: { choice: 2 } })).toBe(400);
    expect(await send(ann, mine, { ...judgement, judgement: { choice: 0, axes: { a: 1 } } })).toBe(
      400,
    );
    expect(await send(ann, mine, "[".repeat(5000))).toBe(400);
    expect(await send(ann, mine, judgement)).toBe(200);
  });

  const CROWD = {
    open: true,
    consent: "May we?",
    tasks: 2,
    completionCode: "DONE",
    screenOutCode: "OUT",
    goldMisses: 1,
    minimumSeconds: 1,
    reward: 0.5,
  };
  const leave = (code: string) => ({
    code,
    url: `https://app.prolific.com/submissions/complete?cc=${code}`,
  });

  async function enter(slug: string, participant: string): Promise<Client> {
    const client = studio.visitor();
    const ids = { participant, study: "s1", session: "x" };
    const entered = await client.ask("POST", `/api/crowd/${slug}`, ids);
    expect(entered).toMatchObject({ status: 200, body: { slug } });
    return client;
  }

  /** Works until there is nothing more. @returns the last answer */
  async function work(
    client: Client,
    slug: string,
    judge: (content: { answers: string[] }) => number,
  ): Promise<unknown> {
    for (;;) {
      const { body } = await client.ask("POST", `/api/projects/${slug}/next`, { count: 1 });
      if (body.tasks.length === 0) return body;
      const [{ assignment, content }] = body.tasks;
      const sent = await client.ask("POST", `/api/projects/${slug}/judgements`, {
        id: randomUUID(),
        assignment,
        judgement: { choice: judge(content) },
        shownMs: 400,
      });
      expect(sent).toMatchObject({ status: 200 });
    }
  }

  test("the door for crowds: consent, and the codes to leave with", async () => {
    const settings = { strength: false, goldShare: 0, crowd: CROWD };
    const slug = await project({ tasks: 3, overlap: 3, settings });
    const at = `/api/projects/${slug}`;
    const ann = await enter(slug, "p-ann");
    const idle = async (client: Client) =>
      (await client.ask("POST", `${at}/next`, {})).body as unknown;
    expect(await idle(ann)).toMatchObject({ idle: "consent-needed" });
    expect((await ann.ask("GET", `${at}/workplace`)).body).toMatchObject({ consent: "May we?" });
    expect((await ann.ask("POST", `${at}/consent`, { agree: true })).body).toEqual({ leave: null });
    expect(await work(ann, slug, () => 0)).toMatchObject({
      idle: "finished",
      leave: leave("DONE"),
    });
    expect(await idle(await enter(slug, "p-ann"))).toMatchObject({ idle: "finished" });
    const bob = await enter(slug, "p-bob");
    const declined = await bob.ask("POST", `${at}/consent`, { agree: false });
    expect(declined.body).toEqual({ leave: leave("OUT") });
    expect(await idle(bob)).toMatchObject({ idle: "screened-out", leave: leave("OUT") });
  });

  test("missed gold questions end a participant's part, and the table for payment says all", async () => {
    const settings = { strength: false, goldShare: 0.5, crowd: { ...CROWD, tasks: 40 } };
    const slug = await project({ tasks: 20, gold: 9, overlap: 3, settings });
    const at = `/api/projects/${slug}`;
    const cid = await enter(slug, "=cid");
    await cid.ask("POST", `${at}/consent`, { agree: true });
    const wrong = ({ answers }: { answers: string[] }) => (answers[0]!.startsWith("yes") ? 1 : 0);
    const ended = await work(cid, slug, wrong);
    expect(ended).toMatchObject({ idle: "screened-out", leave: leave("OUT") });
    const table = (await studio.host.ask("GET", `${at}/payment`)).body;
    expect(table).toMatchObject([
      { participant: null, judgements: 0 },
      { participant: "=cid", goldMissed: 1, gold: 1, outcome: "screened-out", secondsEach: 0.4 },
    ]);
    const [, { judgements, tooQuick, pay }] = table;
    expect({ tooQuick, pay }).toEqual({ tooQuick: judgements, pay: judgements * 0.5 });
    const file = await studio.host.ask("GET", `${at}/payment/file`);
    expect(file.headers.get("content-type")).toContain("text/csv");
    expect(file.text).toContain(",'=cid,s1,x,");
    expect((await cid.ask("GET", `${at}/payment`)).status).toBe(403);
  });
});

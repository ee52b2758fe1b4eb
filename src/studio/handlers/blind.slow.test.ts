/**
 * A thousand votes by annotators, of whom every byte that they are sent is read: nothing says which
 * model wrote an answer, where it is from, which task is a gold question, or what others judged.
 * @module-tag dear
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addTasks } from "../../labelling/exchange/add-tasks.ts";
import type { Database } from "../../labelling/store/database.ts";
import { STORES, storesOf } from "../../labelling/testing.ts";
import type { Client, Reply, ServedStudio } from "../testing.ts";
import { serveStudio } from "../testing.ts";

const PEOPLE = 5;
const TASKS = 220;
const GOLD = 40;

/** What stands in the store and must not be sent: each text would be known again anywhere. */
const SECRETS = [
  "zebra-7b",
  "org/Yak-Chat",
  "secret-source.jsonl",
  "secret-note",
  "secret-comment",
  "secret-flag",
  "secret-split",
  "0.123454321",
  "secret-invitation",
];
/** Names of fields that would tell. */
const FIELDS = /"(?:hidden|models?|gold|source|sides|rank|chosen_?by|digest|score|judged|leased)"/i;

describe.each(STORES)("what annotators are sent on $kind", (store) => {
  const { fresh } = storesOf(store);
  let database: Database;
  let studio: ServedStudio;
  const at = "/api/projects/blind";
  /** Everything that somebody who is no owner was sent, with its headers. */
  const sent: string[] = [];
  const watched = (client: Client): Client => ({
    async ask(method, path, body) {
      const reply = await client.ask(method, path, body);
      sent.push(reply.text, ...[...reply.headers].map((pair) => pair.join(": ")));
      return reply;
    },
  });

  beforeAll(async () => {
    database = await fresh();
    studio = await serveStudio(database);
    await studio.host.ask("POST", "/api/projects", {
      slug: "blind",
      name: "Blind",
      kind: "compare",
      overlap: PEOPLE,
      settings: { strength: false, goldShare: 0.2 },
    });
    const [row] = await database.rows("SELECT id FROM projects");
    await addTasks(
      database,
      { id: row!["id"] as number, kind: "compare" },
      Array.from({ length: TASKS + GOLD }, (_, index) => ({
        content: {
          prompt: [{ role: "user" as const, content: `q${index}`, source: "secret-source.jsonl" }],
          answers: [
            [{ role: "assistant" as const, content: `I am Zebra 7B, ${index}`, model: "zebra-7b" }],
            [
              {
                role: "assistant" as const,
                content: `Yak Chat here, ${index}`,
                name: "org/Yak-Chat",
              },
            ],
          ],
        },
        hidden: {
          models: ["zebra-7b", "org/Yak-Chat"],
          source: "secret-source.jsonl",
          split: "secret-split",
          scores: [0.123454321, 1],
        },
        ...(index < TASKS ? {} : { gold: { choice: 0 } }),
      })),
    );
  });
  afterAll(() => studio.close());

  async function annotator(name: string): Promise<Client> {
    const { body } = await studio.host.ask("POST", `${at}/invitations`, {
      role: "annotator",
      note: "secret-invitation",
    });
    const client = watched(studio.visitor());
    const token = body.link.replace("/#/join/", "");
    await client.ask("POST", "/api/invitation", { token });
    await client.ask("POST", "/api/join", { token, name });
    return client;
  }

  /** What must not work, and says nothing either. */
  async function err(client: Client, assignment: string): Promise<void> {
    const judgement = { id: randomUUID(), assignment, judgement: { choice: 0 }, shownMs: 1 };
    const replies: Reply[] = [
      await client.ask("POST", `${at}/judgements`, { ...judgement, judgement: { choice: 7 } }),
      await client.ask("POST", `${at}/judgements`, { ...judgement, assignment: randomUUID() }),
      await client.ask("POST", `${at}/judgements`, "{"),
      await client.ask("POST", `${at}/judgements`, { ...judgement, shownMs: "1" }),
      await client.ask("POST", `${at}/judgements`, { ...judgement, comment: "\0" }),
      await client.ask("POST", `${at}/next`, { count: 1e9 }),
      await client.ask("GET", at),
      await client.ask("GET", `${at}/people`),
      await client.ask("GET", `${at}/payment`),
      await client.ask("GET", "/api/projects/other"),
    ];
    for (const { status } of replies) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    }
  }

  test("says nothing in a thousand votes", async () => {
    const people: Client[] = [];
    for (let index = 0; index < PEOPLE; index++) people.push(await annotator(`Person ${index}`));
    let votes = 0;
    for (let round = 0; round < TASKS; round++)
      for (const client of people) {
        const { body } = await client.ask("POST", `${at}/next`, { count: 1 });
        const [task] = body.tasks;
        if (task === undefined) continue;
        expect(task.masked).toBe(2);
        if (round % 20 === 0) await err(client, task.assignment);
        const judged = await client.ask("POST", `${at}/judgements`, {
          id: randomUUID(),
          assignment: task.assignment,
          judgement: { choice: round % 2 },
          shownMs: 1000,
          comment: "secret-comment",
          flag: round % 9 === 0 ? "secret-flag" : "",
        });
        expect(judged.status).toBe(200);
        votes++;
        if (round % 10 === 0) await client.ask("GET", `${at}/progress`);
        if (round % 10 === 1) await client.ask("GET", `${at}/workplace`);
        if (round % 10 === 2) await client.ask("GET", "/api/projects");
      }
    expect(votes).toBeGreaterThanOrEqual(1000);
    const [row] = await database.rows(
      "SELECT count(*) AS n FROM judgements j JOIN tasks t ON t.id = j.task WHERE gold IS NOT NULL",
    );
    expect(row!["n"]).toBeGreaterThan(100);
    const all = sent.join("\n");
    expect(all.length).toBeGreaterThan(300_000);
    for (const secret of SECRETS)
      expect(all.toLowerCase().includes(secret.toLowerCase()), secret).toBe(false);
    expect(/zebra|yak/i.exec(all)).toBeNull();
    expect(FIELDS.exec(all.replaceAll('"gold":0,', ""))).toBeNull();
    expect(studio.warnings).toEqual([]);
  });

  test("tokens stand in no address and in no log", () => {
    expect(studio.log.length).toBeGreaterThan(1000);
    expect(
      studio.log.filter((line) => /[\w-]{40,}/.test(line.replace(/[0-9a-f-]{36}/, ""))),
    ).toEqual([]);
  });
});

/**
 * Every route as everybody: what somebody may not ask is refused before anything is read of the
 * request. A new route is walked too, and what people without a project may ask is written out.
 * @module-tag dear
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { STORES, storesOf } from "../../src/labelling/testing.ts";
import type { Database } from "../../src/labelling/store/database.ts";
import { ROUTES } from "../../src/studio/api/index.ts";
import type { Access, RouteDefinition } from "../../src/studio/api/route.ts";
import { serveStudio } from "../../src/studio/testing.ts";
import type { Client, Reply, ServedStudio } from "../../src/studio/testing.ts";

const routes = Object.values(ROUTES).flat();
const withAccess = (...accesses: readonly Access[]): RouteDefinition[] =>
  routes.filter(({ access }) => accesses.includes(access));
const ofProject = ({ path }: RouteDefinition): boolean => path.includes(":project");
const told = ({ method, path }: RouteDefinition): string => `${method} ${path}`;

/** The route as somebody who is refused would send it: the project is there, all else is made up. */
const ask = (client: Client, { method, path, body }: RouteDefinition): Promise<Reply> =>
  client.ask(
    method,
    path.replace(":project", "mine").replaceAll(/:\w+/g, randomUUID()),
    body === undefined ? undefined : {},
  );

const [store] = STORES;
const { fresh } = storesOf(store!);
let [database, studio]: [Database | undefined, ServedStudio | undefined] = [undefined, undefined];
const people = new Map<string, Client>();

async function join(project: string, role: "owner" | "annotator"): Promise<Client> {
  const made = await studio!.host.ask("POST", `/api/projects/${project}/invitations`, { role });
  const token = String(made.body.link).split("/").at(-1);
  const client = studio!.visitor();
  const joined = await client.ask("POST", "/api/join", { token, name: `${role} of ${project}` });
  expect(joined.status, joined.text).toBe(200);
  return client;
}

beforeAll(async () => {
  database = await fresh();
  studio = await serveStudio(database);
  for (const slug of ["mine", "other"]) {
    const made = await studio.host.ask("POST", "/api/projects", {
      slug,
      name: slug,
      kind: "compare",
    });
    expect(made.status, made.text).toBe(200);
  }
  people.set("stranger", studio.visitor());
  people.set("annotator", await join("mine", "annotator"));
  people.set("owner", await join("mine", "owner"));
  people.set("owner elsewhere", await join("other", "owner"));
  people.set("removed owner", await join("mine", "owner"));
  const listed = await studio.host.ask("GET", "/api/projects/mine/people");
  const last = (listed.body as { id: string; role: string; joined: string }[])
    .filter(({ role }) => role === "owner")
    .toSorted((a, b) => (a.joined < b.joined ? -1 : 1))
    .at(-1)!;
  const removed = await studio.host.ask("PUT", `/api/projects/mine/people/${last.id}`, {
    removed: true,
  });
  expect(removed.status).toBe(200);
});
afterAll(() => studio?.close());

const REFUSED: readonly {
  who: string;
  from: RouteDefinition[];
  status: number;
  code: string;
}[] = [
  {
    who: "stranger",
    from: withAccess("person", "annotator", "owner", "host"),
    status: 401,
    code: "no_session",
  },
  { who: "annotator", from: withAccess("host"), status: 403, code: "not_host" },
  { who: "annotator", from: withAccess("owner"), status: 403, code: "not_owner" },
  { who: "owner", from: withAccess("host"), status: 403, code: "not_host" },
  { who: "owner elsewhere", from: withAccess("host"), status: 403, code: "not_host" },
  {
    who: "owner elsewhere",
    from: withAccess("annotator", "owner"),
    status: 404,
    code: "unknown_project",
  },
  { who: "removed owner", from: withAccess("owner"), status: 403, code: "not_owner" },
];

describe.each(REFUSED)("$who: $code", ({ who, from, status, code }) => {
  test.each(from.map((each) => [told(each), each] as const))("%s", async (_, route) => {
    const reply = await ask(people.get(who)!, route);
    expect([reply.status, reply.body?.error?.code], reply.text).toEqual([status, code]);
  });
});

test("what is asked of a project is asked as somebody of the project", () => {
  const loose = routes.filter(
    (route) => ofProject(route) !== ["annotator", "owner"].includes(route.access),
  );
  // the door for crowds is where people come in, and trainings are the host's
  expect(loose.map(told)).toEqual([
    "POST /api/crowd/:project",
    "POST /api/projects/:project/asking",
  ]);
});

test("without a project people may ask this, and nothing else", () => {
  expect(withAccess("anyone").map(told).toSorted()).toMatchInlineSnapshot(`
    [
      "GET /api/session",
      "POST /api/crowd/:project",
      "POST /api/invitation",
      "POST /api/join",
      "POST /api/session",
    ]
  `);
  expect(withAccess("person").map(told).toSorted()).toMatchInlineSnapshot(`
    [
      "DELETE /api/session",
      "GET /api/openapi.json",
      "GET /api/projects",
      "PUT /api/session/name",
    ]
  `);
});

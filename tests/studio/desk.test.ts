/** The desk apart from how it is shown: what is judged is sent once, in order, and never lost. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Asked, Failure, News } from "../../studio/src/label/work/desk.ts";
import { Desk } from "../../studio/src/label/work/desk.ts";
import { Outbox } from "../../studio/src/label/work/outbox.ts";
import type { Deed, Shelf } from "../../studio/src/label/work/outbox.ts";
import { groupsOf, place, ranksOf } from "../../studio/src/label/kinds/ranking.ts";
import type { TaskAnswer } from "../../src/studio/api/labelling.ts";

class Refusal extends Error {
  readonly failure: Failure;
  constructor(failure: Partial<Failure> & Pick<Failure, "is">) {
    super(failure.is);
    this.failure = { code: null, why: "as the server says", ...failure };
  }
}

const taskNamed = (assignment: string): TaskAnswer => ({
  assignment,
  content: { prompt: "p", answers: ["a", "b"] },
  masked: 0,
  expires: new Date(Date.now() + 3_600_000).toISOString(),
  returned: null,
});

/** A server of ten tasks, which may be away. */
class Server implements Asked {
  away = false;
  refusal: Refusal | undefined;
  /** The judgement is taken, its answer is lost. */
  deaf = false;
  readonly judged: Deed[] = [];
  readonly skipped: string[] = [];
  private readonly held: string[] = [];
  private readonly left = Array.from({ length: 10 }, (_, i) => `task-${i}`);

  private reach(): void {
    if (this.away) throw new Refusal({ is: "away" });
    if (this.refusal !== undefined) throw this.refusal;
  }
  async next(count: number): ReturnType<Asked["next"]> {
    this.reach();
    while (this.held.length < count && this.left.length > 0) this.held.push(this.left.shift()!);
    const idle = this.held.length === 0 ? "nothing-left" : null;
    return { tasks: this.held.map(taskNamed), idle, leave: null };
  }
  async judge(deed: Deed) {
    this.reach();
    if (!this.judged.some(({ id }) => id === deed.id)) this.judged.push(deed);
    this.give(deed);
    if (this.deaf) throw new Refusal({ is: "away" });
    return { state: "counted" as const };
  }
  async skip(deed: Deed) {
    this.reach();
    this.skipped.push(deed.task.assignment);
    this.give(deed);
  }
  async undo() {
    this.reach();
    const { task, judgement, comment, flag } = this.judged.pop()!;
    this.held.unshift(task.assignment);
    return { task, judgement, comment, flag };
  }
  private give({ task }: Deed): void {
    const at = this.held.indexOf(task.assignment);
    if (at >= 0) this.held.splice(at, 1);
  }
}

const shelfOf = (kept = new Map<string, string>()): Shelf => ({
  get length() {
    return kept.size;
  },
  key: (index) => [...kept.keys()][index] ?? null,
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => void kept.set(key, value),
  removeItem: (key) => void kept.delete(key),
});

const OF = { person: "ann", project: "p" };
let open: Desk[] = [];
let ids = 0;

function deskAt(server: Server, shelf: Shelf | undefined = shelfOf()) {
  const told: News[] = [];
  const outbox = new Outbox(shelf, OF);
  const desk = new Desk({
    asked: server,
    outbox,
    failure: (error) => (error as Refusal).failure,
    news: (news) => told.push(news),
    newId: () => `id-${++ids}`,
    now: () => 0,
  });
  open.push(desk);
  desk.start();
  return { desk, told, outbox };
}

const PLAIN = { comment: "", flag: "" };
const until = async (desk: Desk, holds: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 1_000 && !holds(); turn++) await vi.advanceTimersByTimeAsync(50);
  expect(holds(), JSON.stringify(desk.snapshot())).toBe(true);
};

beforeAll(() => void vi.useFakeTimers());
afterAll(() => void vi.useRealTimers());
afterEach(() => {
  for (const desk of open) desk.stop();
  open = [];
});

const first = (desk: Desk): string | undefined => desk.snapshot().task?.assignment;

test("the next task is here before the judgement of this one is saved", async () => {
  const server = new Server();
  const { desk } = deskAt(server);
  await until(desk, () => first(desk) === "task-0" && desk.snapshot().ahead === 1);
  server.away = true;
  desk.judge({ choice: 0 }, PLAIN);
  expect(first(desk)).toBe("task-1");
  expect(desk.snapshot().pending).toBe(1);
});

test("everything is judged once, in order, to the end", async () => {
  const server = new Server();
  const { desk, told } = deskAt(server);
  for (let n = 0; n < 10; n++) {
    await until(desk, () => first(desk) === `task-${n}`);
    desk.judge({ choice: n % 2 }, PLAIN);
  }
  await until(desk, () => desk.snapshot().idle === "nothing-left" && desk.snapshot().pending === 0);
  expect(server.judged.map(({ task }) => task.assignment)).toEqual(
    Array.from({ length: 10 }, (_, i) => `task-${i}`),
  );
  expect(told.filter(({ is }) => is === "saved")).toHaveLength(10);
});

test("a server that is away gets all of it when it is there again", async () => {
  const server = new Server();
  const { desk } = deskAt(server);
  await until(desk, () => desk.snapshot().ahead === 1);
  server.away = true;
  desk.judge({ choice: 0 }, PLAIN);
  desk.skip({ comment: "", flag: "broken" });
  await vi.advanceTimersByTimeAsync(30_000);
  expect(desk.snapshot()).toMatchObject({ pending: 2, task: undefined });
  server.away = false;
  desk.wake();
  await until(desk, () => desk.snapshot().pending === 0 && first(desk) === "task-2");
  expect(server.judged).toHaveLength(1);
  expect(server.skipped).toEqual(["task-1"]);
});

test("what was not saved is sent by the tab that is opened next, and its task is not shown again", async () => {
  const kept = new Map<string, string>();
  const server = new Server();
  const before = deskAt(server, shelfOf(kept));
  await until(before.desk, () => before.desk.snapshot().ahead === 1);
  server.away = true;
  before.desk.judge({ choice: 1 }, { comment: "why", flag: "" });
  before.desk.stop();
  server.away = false;
  const after = deskAt(server, shelfOf(kept));
  expect(after.desk.snapshot().pending).toBe(1);
  await until(after.desk, () => after.desk.snapshot().pending === 0);
  await until(after.desk, () => first(after.desk) === "task-1");
  expect(server.judged).toMatchObject([{ judgement: { choice: 1 }, comment: "why" }]);
  expect(kept.size).toBe(0);
});

test("a judgement whose answer was lost is the same one when it is sent again", async () => {
  const server = new Server();
  const { desk } = deskAt(server);
  await until(desk, () => desk.snapshot().ahead === 1);
  server.deaf = true;
  desk.judge({ choice: 0 }, PLAIN);
  await vi.advanceTimersByTimeAsync(5_000);
  server.deaf = false;
  await until(desk, () => desk.snapshot().pending === 0);
  expect(server.judged).toHaveLength(1);
});

test("undo brings back the task with what was judged, saved or not", async () => {
  const server = new Server();
  const { desk } = deskAt(server);
  await until(desk, () => desk.snapshot().ahead === 1);
  desk.judge({ choice: 0 }, { comment: "so", flag: "" });
  await until(desk, () => desk.snapshot().pending === 0);
  await desk.undo();
  expect(first(desk)).toBe("task-0");
  expect(desk.snapshot().draft).toEqual({ judgement: { choice: 0 }, comment: "so", flag: "" });
  expect(server.judged).toHaveLength(0);
  desk.judge({ choice: 1 }, PLAIN);
  await until(desk, () => desk.snapshot().pending === 0);
  expect(server.judged.map(({ judgement }) => judgement)).toEqual([{ choice: 1 }]);
});

test("what waits behind one that the server may have is taken back here; that one is not", async () => {
  const server = new Server();
  const { desk, told } = deskAt(server);
  await until(desk, () => desk.snapshot().ahead === 1);
  server.deaf = true;
  desk.judge({ choice: 0 }, PLAIN);
  desk.judge({ choice: 1 }, PLAIN);
  await vi.advanceTimersByTimeAsync(100);
  server.away = true;
  await desk.undo();
  expect(first(desk)).toBe("task-1");
  await desk.undo();
  expect(told.at(-1)).toEqual({ is: "undo-away" });
  expect(desk.snapshot().pending).toBe(1);
});

test("a refused judgement is told and does not hold up the others", async () => {
  const server = new Server();
  const { desk, told } = deskAt(server);
  await until(desk, () => desk.snapshot().ahead === 1);
  const judge = server.judge.bind(server);
  server.judge = async (deed) => {
    if (deed.task.assignment === "task-0") throw new Refusal({ is: "refused", why: "no" });
    return judge(deed);
  };
  desk.judge({ choice: 0 }, PLAIN);
  desk.judge({ choice: 0 }, PLAIN);
  await until(desk, () => desk.snapshot().pending === 0);
  expect(told).toContainEqual({ is: "refused", what: "judge", why: "no" });
  expect(server.judged.map(({ task }) => task.assignment)).toEqual(["task-1"]);
  expect(desk.snapshot().saved).toBe(1);
  // its task is still this person's, and comes back as it was judged
  await until(desk, () => first(desk) === "task-0" || desk.snapshot().ahead === 1);
  if (first(desk) !== "task-0") desk.skip(PLAIN);
  await until(desk, () => first(desk) === "task-0");
  expect(desk.snapshot().draft).toMatchObject({ judgement: { choice: 0 } });
});

test("nothing is lost where somebody has to come in again, or the server fails", async () => {
  for (const is of ["out", "failing"] as const) {
    const server = new Server();
    const { desk } = deskAt(server);
    await until(desk, () => desk.snapshot().ahead === 1);
    server.refusal = new Refusal({ is });
    desk.judge({ choice: 0 }, PLAIN);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(desk.snapshot()).toMatchObject({ pending: 1, trouble: { is } });
    server.refusal = undefined;
    desk.wake();
    await until(desk, () => desk.snapshot().pending === 0);
    expect(server.judged).toHaveLength(1);
  }
});

test("a task that was fetched ahead is dropped where the server says that it is over", async () => {
  const server = new Server();
  const { desk } = deskAt(server);
  await until(desk, () => desk.snapshot().ahead === 1);
  const leave = { code: "DONE", url: "https://example.org" };
  server.next = async () => ({ tasks: [], idle: "finished", leave });
  desk.judge({ choice: 0 }, PLAIN);
  await until(desk, () => desk.snapshot().idle === "finished");
  expect(desk.snapshot()).toMatchObject({ task: undefined, leave });
});

test("it is said where the browser keeps nothing", async () => {
  const server = new Server();
  const full = {
    ...shelfOf(),
    setItem: () => {
      throw new Error("full");
    },
  };
  const { desk } = deskAt(server, full as Shelf);
  await until(desk, () => desk.snapshot().ahead === 1);
  server.away = true;
  desk.judge({ choice: 0 }, PLAIN);
  expect(desk.snapshot()).toMatchObject({ pending: 1, kept: false });
});

test("places of a ranking: ties share one, as in races, and a press takes back", () => {
  let groups = place([], 2, false);
  groups = place(groups, 0, false);
  groups = place(groups, 1, true);
  expect(ranksOf(groups, 4)).toEqual([2, 2, 1, undefined]);
  expect(ranksOf(place(groups, 3, false), 4)).toEqual([2, 2, 1, 4]);
  expect(place(groups, 2, false)).toEqual([[0, 1]]);
  expect(groupsOf([2, 2, 1, 4])).toEqual([[2], [0, 1], [3]]);
});

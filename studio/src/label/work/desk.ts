/**
 * One person's work on one project, apart from how it is shown: the task that is before him, the
 * next one already here, judgements sent in the background, and what is taken back.
 */
import type { TaskAnswer } from "../../../../src/studio/api/labelling.ts";
import type { Deed, Outbox } from "./outbox.ts";
import { Stopwatch } from "./stopwatch.ts";

type Idle = string;
export interface Leave {
  code: string;
  url: string;
}

/** What the desk asks of the server. */
export interface Asked {
  next(count: number): Promise<{ tasks: TaskAnswer[]; idle: Idle | null; leave: Leave | null }>;
  judge(deed: Deed): Promise<{ state: "counted" | "late" }>;
  skip(deed: Deed): Promise<unknown>;
  undo(): Promise<{ task: TaskAnswer; judgement: unknown; comment: string; flag: string }>;
}

/** What a failed call says. */
export interface Failure {
  /** `away`: to be tried again; `out`: nobody has come in; `refused`: never to be taken. */
  is: "away" | "out" | "failing" | "refused";
  code: string | null;
  why: string;
}

/** What is told to the person. */
export type News =
  | { is: "saved" | "skipped" | "undone" | "late" | "undo-away" }
  | { is: "refused"; what: "judge" | "skip" | "undo"; why: string };

/** A judgement that is taken up again. */
export interface Draft {
  judgement: unknown;
  comment: string;
  flag: string;
}

export interface DeskState {
  task: TaskAnswer | undefined;
  /** What was judged of it before it was taken back. */
  draft: Draft | undefined;
  /** Tasks that are here behind it. */
  ahead: number;
  idle: Idle | undefined;
  leave: Leave | undefined;
  /** Judgements and skips that the server does not have yet. */
  pending: number;
  /** Whether the browser keeps them. */
  kept: boolean;
  /** Why they do not go, apart from a server that is away. */
  trouble: Failure | undefined;
  /** Counts what was saved, for those who want to know of it. */
  saved: number;
  undoing: boolean;
}

/** How many tasks are here: one to judge, one behind it. */
const HERE = 2;
/** Milliseconds. */
const TRIES = { first: 400, longest: 8_000 };
const IDLE_AGAIN = 10_000;
/** Idle reasons after which nothing comes any more. */
const LAST: ReadonlySet<string> = new Set([
  "removed",
  "finished",
  "screened-out",
  "consent-needed",
]);
/** What the server says of a skip that it has already. */
const DONE_ALREADY: ReadonlySet<string> = new Set(["already_skipped"]);

export interface DeskParts {
  asked: Asked;
  outbox: Outbox;
  failure: (error: unknown) => Failure;
  news: (news: News) => void;
  newId: () => string;
  now?: () => number;
}

export class Desk {
  private readonly parts: DeskParts;
  private readonly listeners = new Set<() => void>();
  private readonly watch: Stopwatch;
  private tasks: TaskAnswer[] = [];
  /** Assignments that are judged or skipped here, which the server may still count as mine. */
  private readonly done = new Set<string>();
  private drafts = new Map<string, Draft>();
  private stopped = false;
  private sending: Promise<void> | undefined;
  private asking = false;
  /** What ends a pause before its time. */
  private readonly pauses = new Set<() => void>();
  /** Deeds that the server may have, since they were sent and not answered. */
  private readonly tried = new Set<string>();
  private flight: Promise<unknown> | undefined;
  private state: DeskState;

  constructor(parts: DeskParts) {
    this.parts = parts;
    this.watch = new Stopwatch(parts.now ?? (() => performance.now()));
    for (const { task } of parts.outbox.all) this.done.add(task.assignment);
    this.state = {
      task: undefined,
      draft: undefined,
      ahead: 0,
      idle: undefined,
      leave: undefined,
      pending: parts.outbox.all.length,
      kept: parts.outbox.kept,
      trouble: undefined,
      saved: 0,
      undoing: false,
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  readonly snapshot = (): DeskState => this.state;

  start(): void {
    this.stopped = false;
    void this.refill();
    void this.send();
  }

  stop(): void {
    this.stopped = true;
    for (const end of this.pauses) end();
  }

  /** Tries at once what waits: the server is there again, or somebody has come in. */
  wake(): void {
    for (const end of this.pauses) end();
    void this.send();
    void this.refill();
  }

  /** The time while nobody looks is not counted. */
  look(visible: boolean): void {
    this.watch.run(visible);
  }

  judge(judgement: unknown, more: { comment: string; flag: string }): void {
    this.finish("judge", { ...more, judgement });
  }

  skip(more: { comment: string; flag: string }): void {
    this.finish("skip", more);
  }

  private finish(
    what: "judge" | "skip",
    given: Omit<Draft, "judgement"> & { judgement?: unknown },
  ) {
    const task = this.tasks[0];
    if (task === undefined || this.state.undoing) return;
    const shownMs = Math.min(2 ** 31 - 1, Math.round(this.watch.read()));
    const at = Date.now();
    this.parts.outbox.add({ id: this.parts.newId(), what, at, task, shownMs, ...given });
    this.done.add(task.assignment);
    this.drafts.delete(task.assignment);
    this.tasks = this.tasks.slice(1);
    this.show();
    void this.send().then(() => this.refill());
    // the next one does not wait until this one is saved
    if (this.tasks.length === 0) void this.refill();
  }

  /** Takes back the last judgement or skip, sent or not. */
  async undo(): Promise<void> {
    if (this.state.undoing) return;
    this.set({ undoing: true });
    try {
      await this.flight;
      const last = this.parts.outbox.all.at(-1);
      if (last !== undefined && this.tried.has(last.id)) {
        // the server may have it, and does not say
        this.parts.news({ is: "undo-away" });
      } else if (last !== undefined) {
        this.parts.outbox.remove(last.id);
        const { judgement = null, comment, flag } = last;
        this.back(last.task, { judgement, comment, flag });
      } else {
        const { task, ...draft } = await this.parts.asked.undo();
        this.back(task, draft);
      }
    } catch (error) {
      const { is, why } = this.parts.failure(error);
      this.parts.news(is === "away" ? { is: "undo-away" } : { is: "refused", what: "undo", why });
    } finally {
      this.set({ undoing: false });
    }
  }

  private back(task: TaskAnswer, draft: Draft): void {
    this.done.delete(task.assignment);
    this.drafts.set(task.assignment, draft);
    this.tasks = [task, ...this.tasks.filter(({ assignment }) => assignment !== task.assignment)];
    this.set({ idle: undefined, leave: undefined });
    this.show();
    this.parts.news({ is: "undone" });
  }

  /** Sends what waits, one by one in order; one at a time. */
  private send(): Promise<void> {
    this.sending ??= this.sendAll().finally(() => (this.sending = undefined));
    return this.sending;
  }

  private async sendAll(): Promise<void> {
    const { outbox } = this.parts;
    for (let wait = TRIES.first; !this.stopped;) {
      const deed = outbox.all[0];
      if (deed === undefined) break;
      this.tried.add(deed.id);
      const flight = this.sendOne(deed);
      this.flight = flight;
      const failure = await flight;
      if (failure === undefined || failure.is === "refused") {
        outbox.remove(deed.id);
        this.tried.delete(deed.id);
        if (failure !== undefined) {
          this.takeUp(deed);
          continue;
        }
        wait = TRIES.first;
        this.set({ trouble: undefined, saved: this.state.saved + 1 });
        continue;
      }
      this.set({ trouble: failure.is === "away" ? undefined : failure });
      // nothing goes before somebody has come in: wake() tries again
      if (failure.is === "out") break;
      await this.pause(wait);
      wait = Math.min(2 * wait, TRIES.longest);
    }
    this.set({});
  }

  /** @returns why it is not done; undefined where it is */
  private async sendOne(deed: Deed): Promise<Failure | undefined> {
    const { asked, failure, news } = this.parts;
    try {
      if (deed.what === "skip") {
        await asked.skip(deed);
        news({ is: "skipped" });
      } else {
        const { state } = await asked.judge(deed);
        news({ is: state === "late" ? "late" : "saved" });
      }
      return undefined;
    } catch (error) {
      const found = failure(error);
      if (found.is !== "refused") return found;
      if (deed.what === "skip" && DONE_ALREADY.has(found.code ?? "")) {
        news({ is: "skipped" });
        return undefined;
      }
      news({ is: "refused", what: deed.what, why: found.why });
      return found;
    }
  }

  /** What was refused: if its task is still this person's, it comes back as it was judged. */
  private takeUp({ task, judgement = null, comment, flag }: Deed): void {
    this.done.delete(task.assignment);
    this.drafts.set(task.assignment, { judgement, comment, flag });
  }

  /** Sees to it that the next task is here before it is wanted. */
  private async refill(): Promise<void> {
    if (this.asking || this.stopped || this.tasks.length >= HERE) return;
    this.asking = true;
    let again: number | undefined;
    try {
      const { tasks, idle, leave } = await this.parts.asked.next(HERE);
      const known = new Set(this.tasks.map(({ assignment }) => assignment));
      const fresh = tasks.filter(({ assignment: id }) => !known.has(id) && !this.done.has(id));
      // it is over: what was fetched ahead is this person's no longer
      this.tasks = LAST.has(idle ?? "") ? [] : [...this.tasks, ...fresh];
      const empty = this.tasks.length === 0;
      this.set({
        idle: empty ? (idle ?? undefined) : undefined,
        leave: leave ?? undefined,
        trouble: undefined,
      });
      if (empty && !LAST.has(idle ?? "")) again = idle === null ? TRIES.first * 5 : IDLE_AGAIN;
    } catch (error) {
      const failure = this.parts.failure(error);
      if (failure.is !== "away") this.set({ trouble: failure });
      if (failure.is === "away" || failure.is === "failing") again = TRIES.first * 5;
    } finally {
      this.asking = false;
    }
    this.show();
    if (again !== undefined) void this.pause(again).then(() => this.refill());
  }

  private pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.pauses.delete(end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.pauses.add(end);
    });
  }

  /** What is before the person now. */
  private show(): void {
    const task = this.tasks[0];
    if (task?.assignment !== this.state.task?.assignment) this.watch.restart();
    const draft = task === undefined ? undefined : this.drafts.get(task.assignment);
    this.set({ task, draft, ahead: Math.max(0, this.tasks.length - 1) });
  }

  private set(change: Partial<DeskState>): void {
    const { outbox } = this.parts;
    this.state = { ...this.state, ...change, pending: outbox.all.length, kept: outbox.kept };
    for (const listener of this.listeners) listener();
  }
}

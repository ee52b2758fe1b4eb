/**
 * One stream of events for the section: the list of runs, jobs, and the runs that are looked at. A
 * stream that breaks goes on where it was.
 */
import type { JobAnswer } from "../../../src/studio/api/jobs.ts";
import type { LiveEvent, RunEntry } from "../../../src/studio/api/runs.ts";
import { watchRuns } from "../../../src/studio/api/runs.ts";
import { addressOf } from "../api.ts";
import { setReached } from "../calls/reach.ts";

export interface ListState {
  /** undefined before the first answer. */
  runs: readonly RunEntry[] | undefined;
  jobs: readonly JobAnswer[];
}

export type OfRun = Exclude<LiveEvent, { type: "list" }>;

interface Follower {
  run: string;
  cursor: string;
  listener: (event: OfRun) => void;
}

/** Milliseconds. */
const AGAIN = 2_000;

export class Connection {
  private source: EventSource | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly followers = new Set<Follower>();
  private readonly listeners = new Set<() => void>();
  private state: ListState = { runs: undefined, jobs: [] };

  /** @returns what ends it */
  begin(): () => void {
    const seen = (): void => (document.hidden ? this.pause() : this.open());
    document.addEventListener("visibilitychange", seen);
    seen();
    return () => {
      document.removeEventListener("visibilitychange", seen);
      this.pause();
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  readonly list = (): ListState => this.state;

  /** @returns what ends it */
  follow(run: string, cursor: string, listener: (event: OfRun) => void): () => void {
    const follower = { run, cursor, listener };
    this.followers.add(follower);
    this.openSoon();
    return () => {
      this.followers.delete(follower);
      this.openSoon();
    };
  }

  /** What a call answered, before the stream says it. */
  putJob(job: JobAnswer): void {
    this.change({ jobs: merged(this.state.jobs, [job], ({ id }) => id) });
  }

  /** Several that begin or end together make one new stream. */
  private openSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), 0);
  }

  private pause(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = undefined;
  }

  private open(): void {
    this.pause();
    if (document.hidden) return;
    const watch = [...this.followers].map(({ run, cursor }) => ({ run, cursor }));
    const query = { watch: JSON.stringify(watch), list: "yes" as const };
    const source = new EventSource(addressOf(watchRuns, { params: {}, query }));
    this.source = source;
    source.addEventListener("open", () => setReached(true));
    source.addEventListener("message", ({ data, lastEventId }: MessageEvent<string>) =>
      this.take(JSON.parse(data) as LiveEvent, lastEventId),
    );
    const broken = (): void => {
      // the browser tries again by itself, unless it was refused
      if (source.readyState !== EventSource.CLOSED || this.source !== source) return;
      this.timer = setTimeout(() => this.open(), AGAIN);
    };
    source.addEventListener("error", () => {
      setReached(false);
      broken();
    });
    source.addEventListener("failed", () => (source.close(), broken()));
  }

  private take(event: LiveEvent, id: string): void {
    if (event.type === "list") {
      const { runs = [], jobs } = this.state;
      this.change({
        runs: merged(runs, event.runs, ({ name }) => name).filter(
          ({ name }) => !event.gone.includes(name),
        ),
        jobs: merged(jobs, event.jobs, (job) => job.id),
      });
      return;
    }
    const cursors = id === "" ? {} : (JSON.parse(decodeURIComponent(id)) as Record<string, string>);
    for (const follower of this.followers) {
      if (follower.run !== event.run) continue;
      follower.cursor = cursors[event.run] ?? follower.cursor;
      follower.listener(event);
    }
  }

  private change(part: Partial<ListState>): void {
    this.state = { ...this.state, ...part };
    for (const listener of this.listeners) listener();
  }
}

/** The new in place of the old; what was not there comes first. */
function merged<T>(before: readonly T[], now: readonly T[], keyOf: (each: T) => string): T[] {
  const news = new Map(now.map((each) => [keyOf(each), each]));
  const kept = before.map((each) => news.get(keyOf(each)) ?? each);
  const known = new Set(before.map(keyOf));
  return [...now.filter((each) => !known.has(keyOf(each))), ...kept];
}

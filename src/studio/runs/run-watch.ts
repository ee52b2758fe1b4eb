/**
 * The runs of a studio, watched: each run's files are read once for all who look, and looked at by
 * one clock. Numbers of runs that nobody looks at go to the disk where memory would be too full.
 */
import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { FoundRuns } from "./find-runs.ts";
import { findRuns } from "./find-runs.ts";
import { RunIndex } from "./run-index.ts";
import { runFolder } from "./run-path.ts";

/** Milliseconds between looks at the files of runs that are watched. */
const LOOK_EVERY = 500;
/** Looks between looks at the whole folder. */
const FOLDER_EVERY = 4;
/** Values in memory: 16 bytes each. */
const MOST_POINTS = 6_000_000;

export interface RunWatchOptions {
  /** Folder of runs. */
  runs: string;
  /** Where numbers are put aside; what is in it is removed first. */
  aside: string;
  warn: (id: string, message: string) => void;
  mostPoints?: number;
}

/** Somebody who looks: runs, and whether at the list too. */
export interface Viewer {
  readonly indices: readonly RunIndex[];
  /** Waits until something may be new, or the signal is aborted. */
  next(signal: AbortSignal): Promise<void>;
  close(): void;
}

interface Watcher extends Viewer {
  readonly list: boolean;
  wake(): void;
}

export class RunWatch {
  readonly root: string;
  private readonly aside: string;
  private readonly warn: RunWatchOptions["warn"];
  private readonly mostPoints: number;
  private readonly indices = new Map<string, RunIndex>();
  private readonly viewers = new Set<Watcher>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private looks = 0;

  constructor({ runs, aside, warn, mostPoints = MOST_POINTS }: RunWatchOptions) {
    this.root = resolve(runs);
    this.aside = aside;
    this.warn = warn;
    this.mostPoints = mostPoints;
    rmSync(aside, { recursive: true, force: true });
    mkdirSync(aside, { recursive: true, mode: 0o700 });
  }

  /** @throws ApiError 404 */
  index(name: string): RunIndex {
    const folder = runFolder(this.root, name);
    let index = this.indices.get(folder);
    if (index === undefined) {
      index = new RunIndex(folder);
      this.indices.set(folder, index);
    }
    return index;
  }

  /** A run's numbers, up to date. @throws ApiError 404 */
  async open(name: string): Promise<RunIndex> {
    const index = this.index(name);
    await index.use();
    await this.makeRoom(index);
    return index;
  }

  find(): Promise<FoundRuns> {
    return findRuns(this.root);
  }

  /** Until it is closed, files are looked at for it. */
  view(indices: readonly RunIndex[], { list }: { list: boolean }): Viewer {
    let [woken, wake] = [false, (): void => undefined];
    const viewer: Watcher = {
      indices,
      list,
      wake: () => {
        woken = true;
        wake();
      },
      async next(signal) {
        if (!woken && !signal.aborted)
          await new Promise<void>((resolve) => {
            wake = () => {
              signal.removeEventListener("abort", wake);
              resolve();
            };
            signal.addEventListener("abort", wake, { once: true });
          });
        woken = false;
      },
      close: () => {
        this.viewers.delete(viewer);
        if (this.viewers.size > 0) return;
        clearInterval(this.timer);
        this.timer = undefined;
      },
    };
    this.viewers.add(viewer);
    this.timer ??= setInterval(() => void this.look(), LOOK_EVERY).unref();
    return viewer;
  }

  /** One look at what somebody watches. */
  look(): Promise<void> {
    this.looking ??= this.lookOnce()
      .catch((error: unknown) =>
        this.warn("runs", error instanceof Error ? error.message : String(error)),
      )
      .finally(() => (this.looking = undefined));
    return this.looking;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    for (const viewer of this.viewers) viewer.wake();
    this.viewers.clear();
    await this.looking;
    rmSync(this.aside, { recursive: true, force: true });
  }

  private async lookOnce(): Promise<void> {
    const watched = new Set([...this.viewers].flatMap(({ indices }) => indices));
    const changed = new Set<RunIndex>();
    for (const index of watched) if (await index.use()) changed.add(index);
    const folder = this.looks++ % FOLDER_EVERY === 0;
    for (const viewer of this.viewers)
      if ((folder && viewer.list) || viewer.indices.some((index) => changed.has(index)))
        viewer.wake();
    await this.makeRoom();
  }

  /** Puts numbers aside, those that were asked for longest ago first. */
  async makeRoom(kept?: RunIndex): Promise<void> {
    const watched = new Set([...this.viewers].flatMap(({ indices }) => indices));
    const here = [...this.indices.values()].filter(({ isHere }) => isHere);
    let points = here.reduce((sum, { series }) => sum + series.points, 0);
    for (const index of here.toSorted((a, b) => a.used - b.used)) {
      if (points <= this.mostPoints) return;
      if (index === kept || watched.has(index)) continue;
      points -= index.series.points;
      await index.putAside(join(this.aside, nameOf(index.folder)));
    }
  }
}

const nameOf = (folder: string): string => createHash("sha256").update(folder).digest("hex");

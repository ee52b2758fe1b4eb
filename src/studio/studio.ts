/** What every handler works with: the store, the studio's folder, and what runs beside it. */
import type { Database } from "../labelling/store/database.ts";
import type { Jobs } from "./jobs/jobs.ts";
import type { RunWatch } from "./runs/run-watch.ts";
import type { ModelHost } from "./meet/model-host.ts";

export interface Studio {
  readonly database: Database;
  /** The studio's own folder: store, exports, snapshots, logs of jobs. */
  readonly folder: string;
  /** Folder under which runs are found and begun. */
  readonly runs: string;
  /** Processes that the studio begins. */
  readonly jobs: Jobs;
  /** Runs, read once for all who look. */
  readonly watch: RunWatch;
  /** Models that are open to be met. */
  readonly models: ModelHost;
  /** The command that begins another attune: `process.execPath` and the program's file. */
  readonly command: readonly string[];
  /** Address that the page is reached at. */
  readonly url: () => string;
  /** For the log: a kind of problem, and what happened; never what somebody wrote. */
  readonly warn: (id: string, message: string) => void;
}

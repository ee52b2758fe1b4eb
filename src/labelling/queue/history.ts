/** What was done, told to the history: it is only added to. */
import type { Queries } from "../store/database.ts";

export interface Deed {
  project: number;
  person: string | null;
  what: string;
  task?: number;
  detail?: object;
}

export const tell = (queries: Queries, { project, person, what, task, detail }: Deed) =>
  queries.rows(
    "INSERT INTO history (project, person, what, task, detail) VALUES ($1, $2, $3, $4, $5)",
    [project, person, what, task ?? null, detail ?? {}],
  );

/** The last judgement or skip is taken back, and its task is the person's again. */
import { z } from "zod";
import { kindNamed } from "../kinds/index.ts";
import { judgementShown } from "../kinds/kind.ts";
import type { Database } from "../store/database.ts";
import { selectOne } from "../store/database.ts";
import { heldTask } from "./claim.ts";
import { tell } from "./history.ts";
import type { Place } from "./judge.ts";
import { lockAssignment } from "./judge.ts";
import { Refused } from "./refused.ts";
import type { ShownTask } from "./shown.ts";
import type { Visit, Visitor } from "./visit.ts";
import { checkCrowd, visit } from "./visit.ts";

export interface Undone {
  task: ShownTask;
  /** By the order shown; null after a skip. */
  judgement: unknown;
  comment: string;
  flag: string;
}

const lastRow = z.object({ id: z.string() });

export const undoLast = (database: Database, visitor: Visitor) =>
  visit(database, visitor, async (visit): Promise<Undone> => {
    const { queries, project, person } = visit;
    if (visit.member.removed) throw new Refused("removed", "you are no longer in this project");
    checkCrowd(visit);
    const last = await selectOne(
      queries,
      lastRow,
      `SELECT id FROM assignments WHERE person = $1 AND project = $2 AND ended IS NOT NULL
       ORDER BY ended DESC LIMIT 1`,
      [person, project],
    );
    if (last === undefined) throw new Refused("nothing_to_undo", "there is nothing to undo");
    const place = await lockAssignment(visit, last.id);
    if (visit.state === "closed" || ["settled", "withdrawn"].includes(place.task_state))
      throw new Refused("decided", "this task was decided meanwhile: it stays as it is");
    const undone = place.state === "judged" ? await takeBack(visit, place) : undefined;
    const skipped = undone === undefined ? await skipOf(visit, place.id) : undefined;
    await holdAgain(visit, place, undone?.state === "counted");
    await tell(queries, {
      project,
      person,
      what: "undone",
      task: place.task,
      detail: undone === undefined ? { skip: true } : { judgement: undone.id },
    });
    return {
      task: await heldTask(visit, place.id),
      judgement:
        undone === undefined
          ? null
          : judgementShown(kindNamed(visit.kind), undone.judgement, place.sides),
      comment: (undone ?? skipped)!.comment,
      flag: (undone ?? skipped)!.flag,
    };
  });

const undoneRow = z.object({
  id: z.string(),
  judgement: z.unknown(),
  comment: z.string(),
  flag: z.string(),
  state: z.enum(["counted", "late"]),
});

/** Takes a judgement back. One that it had replaced is not brought back: it was returned. */
async function takeBack({ queries, person }: Visit, { id, task }: Place) {
  const undone = await selectOne(
    queries,
    undoneRow,
    `UPDATE judgements j SET state = 'undone' FROM judgements old
     WHERE old.id = j.id AND j.id = (SELECT id FROM judgements
       WHERE assignment = $1 AND person = $2 AND task = $3 AND state IN ('counted', 'late')
       ORDER BY created DESC LIMIT 1)
     RETURNING j.id, j.judgement, j.comment, j.flag, old.state`,
    [id, person, task],
  );
  if (undone === undefined)
    throw new Refused("decided", "this judgement was rejected meanwhile: it stays as it is");
  return undone;
}

const skipRow = z.object({ comment: z.string(), flag: z.string() });

async function skipOf({ queries }: Visit, id: string) {
  const skipped = await selectOne(
    queries,
    skipRow,
    "SELECT comment, flag FROM assignments WHERE id = $1",
    [id],
  );
  return skipped!;
}

/** @param counted its judgement had a place, which becomes a lease */
async function holdAgain(visit: Visit, place: Place, counted: boolean): Promise<void> {
  const { queries, overlap, settings } = visit;
  const judged = place.judged - (counted ? 1 : 0);
  // where the place was taken meanwhile, what is judged now comes late
  const holds = !place.gold && judged + place.leased < overlap;
  await queries.rows(
    `UPDATE tasks SET judged = $2::integer, leased = leased + $3::integer,
       state = CASE WHEN state = 'full' AND $2::integer < $4::integer THEN 'open' ELSE state END
     WHERE id = $1`,
    [place.task, judged, holds ? 1 : 0, overlap],
  );
  await queries.rows(
    `UPDATE assignments SET state = 'leased', holds = $2, ended = NULL, flag = '', comment = '',
       claimed = now(), expires = now() + make_interval(secs => $3) WHERE id = $1`,
    [place.id, holds, settings.leaseMinutes * 60],
  );
}

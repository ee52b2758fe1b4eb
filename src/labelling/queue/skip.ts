/** Somebody cannot tell: the task's place goes to others. */
import type { Database } from "../store/database.ts";
import { freePlaces } from "./expire.ts";
import { tell } from "./history.ts";
import { lockAssignment } from "./judge.ts";
import { Refused } from "./refused.ts";
import type { Visitor } from "./visit.ts";
import { checkCrowd, visit } from "./visit.ts";

export interface GivenSkip {
  assignment: string;
  flag: string;
  comment: string;
}

/** A skip that is sent again is the same one. */
export const skipTask = (
  database: Database,
  visitor: Visitor,
  { assignment, flag, comment }: GivenSkip,
) =>
  visit(database, visitor, async (visit): Promise<void> => {
    const { queries, project, person } = visit;
    const place = await lockAssignment(visit, assignment);
    if (place.state === "skipped") return;
    checkCrowd(visit);
    if (place.state === "judged")
      throw new Refused("already_judged", "you have judged this task: undo it first");
    await queries.rows(
      `UPDATE assignments SET state = 'skipped', holds = false, ended = now(), flag = $2,
         comment = $3 WHERE id = $1`,
      [assignment, flag, comment],
    );
    await tell(queries, {
      project,
      person,
      what: "skipped",
      task: place.task,
      detail: { flag, comment },
    });
    if (place.holds) await freePlaces(queries, project, [place.task]);
  });

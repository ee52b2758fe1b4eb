/** How a crowd's participant ends: done, or sent away for missed gold questions. */
import { z } from "zod";
import { kindNamed } from "../kinds/index.ts";
import type { ProjectSettings } from "../project.config.ts";
import type { Database } from "../store/database.ts";
import { select } from "../store/database.ts";
import { tell } from "./history.ts";
import { Refused } from "./refused.ts";
import type { Visit, Visitor } from "./visit.ts";
import { visit } from "./visit.ts";

export type Outcome = "completed" | "screened-out";

/** Where a participant goes, with the code that the platform takes. */
export interface Leave {
  code: string;
  url: string;
}

export function leaveOf({ crowd }: ProjectSettings, outcome: Outcome): Leave | null {
  const code = outcome === "completed" ? crowd.completionCode : crowd.screenOutCode;
  if (code === "") return null;
  const url = new URL("https://app.prolific.com/submissions/complete");
  url.searchParams.set("cc", code);
  return { code, url: url.href };
}

/** Ends somebody's part; what is still held goes to others when its lease ends. */
export async function crowdEnds({ queries, project, person }: Visit, outcome: Outcome) {
  await queries.rows(
    `UPDATE memberships SET outcome = $3, ended = now() WHERE project = $1 AND person = $2`,
    [project, person, outcome],
  );
  await queries.rows(
    `UPDATE assignments SET expires = least(expires, now()) WHERE project = $1 AND person = $2
       AND state = 'leased'`,
    [project, person],
  );
  await tell(queries, { project, person, what: outcome });
}

const judgedRow = z.object({ judgement: z.unknown(), gold: z.unknown() });

/** Gold questions that somebody answered, and wrongly. */
export async function goldMissed({ queries, project, person, kind }: Visit): Promise<number> {
  const { agreement } = kindNamed(kind);
  const rows = await select(
    queries,
    judgedRow,
    `SELECT j.judgement, t.gold FROM judgements j JOIN tasks t ON t.id = j.task
     WHERE j.person = $1 AND j.project = $2 AND j.state = 'counted' AND t.gold IS NOT NULL`,
    [person, project],
  );
  return rows.filter(({ judgement, gold }) => {
    const expected = agreement(gold);
    return expected !== undefined && agreement(judgement) !== expected;
  }).length;
}

const countRow = z.object({ n: z.number() });

/** Judgements of a participant, also those that came too late to count: they were work. */
export async function crowdJudged({ queries, project, person }: Visit): Promise<number> {
  const [row] = await select(
    queries,
    countRow,
    `SELECT count(*) AS n FROM judgements
     WHERE person = $1 AND project = $2 AND state IN ('counted', 'late') AND origin IS NULL`,
    [person, project],
  );
  return row!.n;
}

/** After a judgement: whether the participant's part is at its end. */
export async function checkCrowdEnds(visit: Visit): Promise<void> {
  if (!visit.member.crowd) return;
  const { tasks, goldMisses } = visit.settings.crowd;
  if ((await goldMissed(visit)) >= goldMisses) await crowdEnds(visit, "screened-out");
  else if ((await crowdJudged(visit)) >= tasks) await crowdEnds(visit, "completed");
}

/** A participant agrees, or declines and leaves. */
export const consent = (database: Database, visitor: Visitor, agree: boolean) =>
  visit(database, visitor, async (visit): Promise<{ leave: Leave | null }> => {
    const { member, settings, queries, project, person } = visit;
    if (!member.crowd) return { leave: null };
    if (member.outcome !== null) return { leave: leaveOf(settings, member.outcome) };
    if (member.consented && !agree)
      throw new Refused("ended", "you agreed already: to stop, close this page");
    if (agree) {
      await queries.rows(
        `UPDATE memberships SET consented = coalesce(consented, now())
         WHERE project = $1 AND person = $2`,
        [project, person],
      );
      await tell(queries, { project, person, what: "agreed" });
      return { leave: null };
    }
    await tell(queries, { project, person, what: "declined" });
    await crowdEnds(visit, "screened-out");
    return { leave: leaveOf(settings, "screened-out") };
  });

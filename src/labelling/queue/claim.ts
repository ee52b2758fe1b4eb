/**
 * The next tasks of a person. A place in a task is held by a lease that ends: judged + leased never
 * exceeds the overlap, whoever asks in the same moment. Nobody is given a task twice, except what he
 * let expire, took back, or was returned.
 *
 * A person's cursor stands behind the tasks that were looked at: they are this person's, full, or
 * held by others. What others let go of is numbered (`tasks.freed`), and found by that number. Only
 * a new order, new tasks or a larger overlap (`projects.generation`) begin at the front again.
 */
import { randomInt, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { Random } from "../../core/random.ts";
import { contentSchema } from "../kinds/kind.ts";
import type { Database, Queries } from "../store/database.ts";
import { select } from "../store/database.ts";
import { crowdEnds, leaveOf } from "./crowd.ts";
import type { Leave } from "./crowd.ts";
import { expireLeases } from "./expire.ts";
import { findTasks } from "./find.ts";
import type { Cursor } from "./find.ts";
import { taskShown } from "./shown.ts";
import type { ShownTask } from "./shown.ts";
import type { Visit, Visitor } from "./visit.ts";
import { visit } from "./visit.ts";

export type IdleReason =
  | "nothing-left"
  | "with-others"
  | "paused"
  | "closed"
  | "removed"
  | "finished"
  | "screened-out"
  | "consent-needed";

export interface NextTasks {
  tasks: ShownTask[];
  idle: IdleReason | null;
  leave: Leave | null;
}

/** Tasks that somebody may hold at once. */
export const MOST_HELD = 5;

/** Looks again where others are busy with what there is: at most so often, after milliseconds. */
const LOOKS = 6;
const PAUSE = 15;

/** What the person holds, and as many more until it is `count`. */
export async function nextTasks(
  database: Database,
  visitor: Visitor,
  count: number,
): Promise<NextTasks> {
  for (let look = 1; ; look++) {
    const next = await visit(database, visitor, (visit) => oneLook(visit, count));
    if (next !== "busy") return next;
    if (look === LOOKS) return { tasks: [], idle: "with-others", leave: null };
    await sleep(randomInt(1, PAUSE * look));
  }
}

async function oneLook(visit: Visit, count: number): Promise<NextTasks | "busy"> {
  const idle = idleOf(visit);
  if (idle !== undefined) return idle;
  const freed = await expireLeases(visit.queries, visit.project);
  const held = await heldTasks(visit);
  const wanted = Math.min(count, MOST_HELD) - held.length;
  if (wanted <= 0) return { tasks: show(visit, held), idle: null, leave: null };
  const busy = await claim({ ...visit, freed: freed ?? visit.freed }, wanted);
  const tasks = await heldTasks(visit);
  if (tasks.length > 0) return { tasks: show(visit, tasks), idle: null, leave: null };
  if (busy) return "busy";
  if (await othersHold(visit)) return { tasks: [], idle: "with-others", leave: null };
  if (!visit.member.crowd) return { tasks: [], idle: "nothing-left", leave: null };
  // nothing is left to do: it is not the participant's fault
  await crowdEnds(visit, "completed");
  return { tasks: [], idle: "finished", leave: leaveOf(visit.settings, "completed") };
}

function idleOf({ member, state, settings }: Visit): NextTasks | undefined {
  const because = (idle: IdleReason, leave: Leave | null = null) => ({ tasks: [], idle, leave });
  if (member.outcome === "completed") return because("finished", leaveOf(settings, member.outcome));
  if (member.outcome !== null) return because("screened-out", leaveOf(settings, member.outcome));
  if (member.removed) return because("removed");
  if (member.crowd && settings.crowd.consent !== "" && !member.consented)
    return because("consent-needed");
  return state === "open" ? undefined : because(state);
}

const heldRow = z.object({
  id: z.string(),
  content: contentSchema,
  models: z.unknown(),
  sides: z.array(z.number()),
  expires: z.date(),
  returned: z.string().nullable(),
});
type Held = z.output<typeof heldRow>;

const HELD = `
  SELECT a.id, t.content, t.hidden -> 'models' AS models, a.sides, a.expires, a.returned
  FROM assignments a JOIN tasks t ON t.id = a.task`;

const heldTasks = ({ queries, person, project }: Visit): Promise<Held[]> =>
  select(
    queries,
    heldRow,
    `${HELD} WHERE a.person = $1 AND a.project = $2 AND a.state = 'leased' AND a.expires >= now()
     ORDER BY a.claimed, a.id LIMIT ${MOST_HELD}`,
    [person, project],
  );

/** One that the person holds. */
export async function heldTask(visit: Visit, assignment: string): Promise<ShownTask> {
  const held = await select(visit.queries, heldRow, `${HELD} WHERE a.id = $1`, [assignment]);
  return show(visit, held)[0]!;
}

/** Whatever a file said of its models: only names are names. */
const modelNames = z.array(z.string().nullable()).catch([]);

const show = ({ kind, settings }: Visit, held: readonly Held[]): ShownTask[] =>
  held.map((task) =>
    taskShown(
      { ...task, models: modelNames.parse(task.models ?? []) },
      { kind, maskIdentity: settings.maskIdentity },
    ),
  );

/** Whether a task that this person may judge is with somebody else at the moment. */
async function othersHold({ queries, project, person, overlap }: Visit): Promise<boolean> {
  const rows = await queries.rows(
    `SELECT 1 FROM assignments a JOIN tasks t ON t.id = a.task
     WHERE a.project = $1 AND a.state = 'leased' AND a.holds AND a.person <> $2
       AND t.state = 'open' AND t.gold IS NULL AND t.judged < $3
       AND NOT EXISTS (SELECT 1 FROM assignments m WHERE m.task = t.id AND m.person = $2
         AND m.state <> 'expired')
     LIMIT 1`,
    [project, person, overlap],
  );
  return rows.length > 0;
}

/**
 * Claims up to so many: first what was returned or let expire, then gold and others, as drawn.
 * @returns whether others were busy with a task that this person might have had
 */
async function claim(visit: Visit, wanted: number): Promise<boolean> {
  const { queries, member, project, person, settings } = visit;
  let left = wanted - (await reclaim(visit, wanted));
  const before = cursorOf(visit);
  const cursor = { ...before };
  let given = member.given;
  const golden: number[] = [];
  let regular = 0;
  for (; left > 0; left--, given++) {
    // the same person is asked the same whatever is asked for at a time
    const draw = Random.for(0, "gold", project, person, given).uniform();
    const gold = draw < settings.goldShare ? await goldTask(visit, golden) : undefined;
    if (gold === undefined) regular++;
    else golden.push(gold);
  }
  const { found, busy } = await findTasks(visit, cursor, regular);
  await take(visit, [
    ...found.map((task) => ({ ...task, holds: true })),
    ...(await answersOf(queries, golden)).map((task) => ({ ...task, holds: false })),
  ]);
  given -= regular - found.length;
  await queries.rows(
    `UPDATE memberships SET generation = $3, cursor_rank = $4, cursor_task = $5, cursor_freed = $6,
       given = $7, seen = now() WHERE project = $1 AND person = $2`,
    [project, person, visit.generation, cursor.rank, cursor.task, cursor.freed, given],
  );
  return busy;
}

const cursorOf = ({ member, generation }: Visit): Cursor =>
  member.generation === generation
    ? { rank: member.cursorRank, task: member.cursorTask, freed: member.cursorFreed }
    : { rank: null, task: null, freed: member.cursorFreed };

const againRow = z.object({ id: z.string() });

/** Takes up what an adjudicator returned, and what expired while its place is still free. */
async function reclaim(visit: Visit, wanted: number): Promise<number> {
  const { queries, project, person, overlap, settings } = visit;
  const again = await select(
    queries,
    againRow,
    `SELECT a.id FROM assignments a JOIN tasks t ON t.id = a.task
     WHERE a.person = $1 AND a.project = $2 AND (
       (a.state = 'returned' AND t.state <> 'withdrawn') OR (a.state = 'expired' AND (
         (t.gold IS NOT NULL AND t.state <> 'withdrawn')
         OR (t.gold IS NULL AND t.state = 'open' AND t.judged + t.leased < $3))))
     ORDER BY a.state = 'returned' DESC, a.claimed LIMIT ${MOST_HELD}
     FOR NO KEY UPDATE OF t SKIP LOCKED`,
    [person, project, overlap],
  );
  let count = 0;
  for (const { id } of again.slice(0, wanted)) {
    // looked at once more now that the task is locked
    const taken = await queries.rows(
      `WITH mine AS (
         UPDATE assignments a SET state = 'leased', claimed = now(),
           expires = now() + make_interval(secs => $3),
           holds = a.state = 'expired' AND t.gold IS NULL,
           returned = CASE WHEN a.state = 'returned' THEN coalesce(a.returned, (SELECT d.note
             FROM adjudications d WHERE d.task = a.task AND d.decision = 'returned'), '') END
         FROM tasks t WHERE a.id = $1 AND t.id = a.task AND (a.state = 'returned' OR (
           a.state = 'expired' AND (t.gold IS NOT NULL OR t.judged + t.leased < $2)))
         RETURNING a.task, a.holds
       ), place AS (
         UPDATE tasks t SET leased = t.leased + 1 FROM mine WHERE t.id = mine.task AND mine.holds
       )
       INSERT INTO history (project, person, what, task)
       SELECT $4, $5, 'given again', task FROM mine RETURNING task`,
      [id, overlap, settings.leaseMinutes * 60, project, person],
    );
    count += taken.length;
  }
  return count;
}

const goldRow = z.object({ id: z.number() });

/** A gold question that this person was not asked, any of them. */
async function goldTask(
  { queries, project, person }: Visit,
  taken: readonly number[],
): Promise<number | undefined> {
  const rows = await select(
    queries,
    goldRow,
    `SELECT t.id FROM tasks t
     WHERE t.project = $1 AND t.gold IS NOT NULL AND t.state <> 'withdrawn' AND t.id <> ALL($3)
       AND NOT EXISTS (SELECT 1 FROM assignments a WHERE a.task = t.id AND a.person = $2)
     ORDER BY md5(t.id::text || $2::text) LIMIT 1`,
    [project, person, taken],
  );
  return rows[0]?.id;
}

const answersRow = z.object({ id: z.number(), answers: z.number() });

const answersOf = (queries: Queries, tasks: readonly number[]) =>
  tasks.length === 0
    ? Promise.resolve([])
    : select(
        queries,
        answersRow,
        `SELECT id, jsonb_array_length(content -> 'answers') AS answers FROM tasks
         WHERE id = ANY($1)`,
        [tasks],
      );

/** Sides that nobody can foretell. */
function drawSides(count: number): number[] {
  const sides = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [sides[last], sides[other]] = [sides[other]!, sides[last]!];
  }
  return sides;
}

/** Leases for tasks: locked ones where they hold a place. In an order that tells nothing of gold. */
async function take(
  { queries, project, person, settings }: Visit,
  tasks: readonly { id: number; answers: number; holds: boolean }[],
): Promise<void> {
  if (tasks.length === 0) return;
  const given = tasks.map(({ id, answers, holds }) => ({
    assignment: randomUUID(),
    task: id,
    sides: drawSides(answers),
    holds,
  }));
  await queries.rows(
    `WITH given AS (
       SELECT assignment, task, holds,
         ARRAY(SELECT side::smallint FROM jsonb_array_elements_text(sides)
           WITH ORDINALITY AS e(side, n) ORDER BY n) AS sides
       FROM jsonb_to_recordset($1::jsonb -> 'given')
         AS t(assignment uuid, task bigint, sides jsonb, holds boolean)
     ), places AS (
       UPDATE tasks t SET leased = t.leased + 1 FROM given WHERE t.id = given.task AND given.holds
     ), told AS (
       INSERT INTO history (project, person, what, task)
       SELECT $2, $3, 'given', task FROM given
     )
     INSERT INTO assignments (id, project, task, person, state, sides, claimed, expires, holds)
     SELECT assignment, $2, task, $3, 'leased', sides, now(),
       now() + make_interval(secs => $4), holds
     FROM given`,
    [{ given }, project, person, settings.leaseMinutes * 60],
  );
}

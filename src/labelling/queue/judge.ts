/** A judgement comes in: it counts, or is kept as late; the same one sent again is the same one. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { contentSchema, judgementStored } from "../kinds/kind.ts";
import { kindNamed } from "../kinds/index.ts";
import type { Database } from "../store/database.ts";
import { select, selectOne } from "../store/database.ts";
import { checkedJudgement } from "./check.ts";
import { checkCrowdEnds } from "./crowd.ts";
import { Refused } from "./refused.ts";
import type { Visit, Visitor } from "./visit.ts";
import { checkCrowd, visit } from "./visit.ts";

export interface GivenJudgement {
  /** Made by whoever sends it. */
  id: string;
  assignment: string;
  /** Answers by the order in which they were shown. */
  judgement: unknown;
  comment: string;
  flag: string;
  shownMs: number;
}

export const judgeTask = (database: Database, visitor: Visitor, given: GivenJudgement) =>
  visit(database, visitor, async (visit): Promise<{ state: "counted" | "late" }> => {
    const known = await knownState(visit, given);
    if (known !== undefined) return { state: known };
    if (visit.member.removed)
      throw new Refused("removed", "you are no longer in this project; what you judged is kept");
    checkCrowd(visit);
    const place = await lockAssignment(visit, given.assignment);
    if (place.state === "judged")
      throw new Refused("already_judged", "you have judged this task: undo it first");
    if (place.state === "skipped")
      throw new Refused("already_skipped", "you have skipped this task: undo it first");
    const state = counts(visit, place) ? "counted" : "late";
    await keep(visit, { ...given, place, state });
    await checkCrowdEnds(visit);
    return { state };
  });

const knownRow = z.object({
  assignment: z.string(),
  person: z.string(),
  state: z.string(),
  judgement: z.unknown(),
  sides: z.array(z.number()),
});

/** Of a judgement that came before. @throws Refused where it is another one under the same id */
async function knownState(
  { queries, person, kind }: Visit,
  given: GivenJudgement,
): Promise<"counted" | "late" | undefined> {
  const known = await selectOne(
    queries,
    knownRow,
    "SELECT assignment, person, state, judgement, sides FROM judgements WHERE id = $1",
    [given.id],
  );
  if (known === undefined) return undefined;
  const other = new Refused("other_judgement", "another judgement has this id: make a new one");
  if (known.person !== person || known.assignment !== given.assignment) throw other;
  if (known.state === "undone")
    throw new Refused("undone", "this judgement was undone: send a new one, with a new id");
  const judgement = kindNamed(kind).judgement.safeParse(given.judgement);
  if (!judgement.success) throw other;
  const stored = judgementStored(kindNamed(kind), judgement.data, known.sides);
  if (!isDeepStrictEqual(stored, known.judgement)) throw other;
  return known.state === "late" ? "late" : "counted";
}

const placeRow = z.object({
  id: z.string(),
  task: z.number(),
  state: z.enum(["leased", "judged", "skipped", "expired", "returned"]),
  holds: z.boolean(),
  sides: z.array(z.number()),
  gold: z.boolean(),
  task_state: z.enum(["open", "full", "settled", "withdrawn"]),
  judged: z.number(),
  leased: z.number(),
  content: contentSchema,
  /** A judgement of this person that counts already. */
  before: z.string().nullable(),
});
export type Place = z.output<typeof placeRow>;

/** Somebody's own assignment, with its task locked. @throws Refused where it is not his */
export async function lockAssignment(visit: Visit, id: string): Promise<Place> {
  const { queries, person, project } = visit;
  // locked first, so that the next statement sees what the last one to have it left
  const locked = await queries.rows(
    `SELECT 1 FROM tasks WHERE id = (SELECT task FROM assignments
       WHERE id = $1 AND person = $2 AND project = $3) FOR NO KEY UPDATE`,
    [id, person, project],
  );
  if (locked.length === 0)
    throw new Refused("unknown_assignment", "this task is not yours: ask for the next one");
  const [place] = await select(
    queries,
    placeRow,
    `SELECT a.id, a.task, a.state, a.holds, a.sides, t.gold IS NOT NULL AS gold,
       t.state AS task_state, t.judged, t.leased, t.content,
       (SELECT j.id FROM judgements j WHERE j.task = a.task AND j.person = a.person
          AND j.state = 'counted') AS before
     FROM assignments a JOIN tasks t ON t.id = a.task WHERE a.id = $1`,
    [id],
  );
  return place!;
}

/** Whether there is a place for it: the person's own, or a free one. */
function counts({ state, overlap }: Visit, place: Place): boolean {
  if (state === "closed" || place.task_state === "settled" || place.task_state === "withdrawn")
    return false;
  if (place.gold || place.before !== null) return true;
  return place.holds ? place.judged < overlap : place.judged + place.leased < overlap;
}

const KEEP = `
  WITH replaced AS (
    UPDATE judgements SET state = 'replaced' WHERE id = $1::uuid AND $10::boolean RETURNING id
  ), task AS (
    UPDATE tasks SET judged = judged + $12::integer, leased = leased - $13::integer,
      state = CASE WHEN state = 'open' AND gold IS NULL AND judged + $12::integer >= $14::integer
        THEN 'full' ELSE state END
    WHERE id = $4::bigint
  ), told AS (
    INSERT INTO history (project, person, what, task, detail)
    VALUES ($3::bigint, $5::uuid, $11::text, $4::bigint,
      jsonb_build_object('judgement', $2::uuid)
        || CASE WHEN $10::boolean THEN jsonb_build_object('replaces', $1::uuid) ELSE '{}' END)
  ), assignment AS (
    UPDATE assignments SET state = 'judged', holds = false, ended = now(), returned = NULL
    WHERE id = $15::uuid
  )
  INSERT INTO judgements (id, assignment, project, task, person, judgement, sides, comment, flag,
    shown_ms, state)
  SELECT $2::uuid, $15::uuid, $3::bigint, $4::bigint, $5::uuid, $6::jsonb, $16::smallint[], $7::text,
    $8::text, $9::integer, $17::text
  -- the unique index is checked row by row: the one that is replaced goes first
  WHERE NOT $10::boolean OR EXISTS (SELECT 1 FROM replaced)`;

async function keep(
  { queries, project, person, kind, settings, overlap }: Visit,
  given: GivenJudgement & { place: Place; state: "counted" | "late" },
): Promise<void> {
  const { place, state } = given;
  const { content } = place;
  const shown = checkedJudgement(given.judgement, { kind, settings, content });
  const judgement = judgementStored(kindNamed(kind), shown, place.sides);
  const replaces = state === "counted" && place.before !== null;
  await queries.rows(KEEP, [
    place.before,
    given.id,
    project,
    place.task,
    person,
    // also a text or a number is JSON
    JSON.stringify(judgement),
    given.comment,
    given.flag,
    given.shownMs,
    replaces,
    state === "counted" ? "judged" : "late",
    state === "counted" && !replaces ? 1 : 0,
    place.holds ? 1 : 0,
    overlap,
    place.id,
    place.sides,
    state,
  ]);
}

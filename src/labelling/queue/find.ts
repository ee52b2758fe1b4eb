/** Tasks with a free place that a person was not given: what was let go of, then the queue. */
import { z } from "zod";
import { select } from "../store/database.ts";
import type { Visit } from "./visit.ts";

/** Behind what a person has looked at. */
export interface Cursor {
  rank: number | null;
  task: number | null;
  freed: number;
}

export interface FoundTask {
  id: number;
  /** How many answers it has. */
  answers: number;
}

/** Candidates beyond those wanted, as others may be busy with some. */
const SPARE = 20;

const candidateRow = z.object({ id: z.number(), rank: z.number(), freed: z.number().nullable() });
type Candidate = z.output<typeof candidateRow>;

const FREE = `t.project = $1 AND t.state = 'open' AND t.gold IS NULL
  AND t.judged + t.leased < $3
  AND NOT EXISTS (SELECT 1 FROM assignments a WHERE a.task = t.id AND a.person = $2)`;

const FREED = `SELECT t.id, t.rank, t.freed FROM tasks t
  WHERE ${FREE} AND t.freed > $4 ORDER BY t.freed LIMIT $5`;
const FROM_FRONT = `SELECT t.id, t.rank, t.freed FROM tasks t
  WHERE ${FREE} ORDER BY t.rank, t.id LIMIT $4`;
const FROM_CURSOR = `SELECT t.id, t.rank, t.freed FROM tasks t
  WHERE ${FREE} AND (t.rank, t.id) > ($4::float8, $5::bigint) ORDER BY t.rank, t.id LIMIT $6`;

export interface Found {
  found: FoundTask[];
  /** Others were at work on some that might have been found. */
  busy: boolean;
}

/** Locks what it finds, and moves the cursor behind it. */
export async function findTasks(visit: Visit, cursor: Cursor, wanted: number): Promise<Found> {
  const { queries, project, person, overlap } = visit;
  const found: FoundTask[] = [];
  if (wanted === 0) return { found, busy: false };
  let candidates = 0;
  const base = [project, person, overlap];
  if (cursor.freed < visit.freed) {
    const limit = wanted + SPARE;
    const rows = await select(queries, candidateRow, FREED, [...base, cursor.freed, limit]);
    candidates += rows.length;
    const locked = await lock(visit, rows, wanted);
    found.push(...locked);
    const behind = lastBehind(rows, locked);
    if (behind.all && rows.length < limit) cursor.freed = visit.freed;
    else if (behind.last !== undefined) cursor.freed = behind.last.freed!;
  }
  if (found.length < wanted) {
    const missing = wanted - found.length;
    const limit = missing + SPARE;
    const rows = await (cursor.rank === null
      ? select(queries, candidateRow, FROM_FRONT, [...base, limit])
      : select(queries, candidateRow, FROM_CURSOR, [...base, cursor.rank, cursor.task, limit]));
    const fresh = rows.filter(({ id }) => !found.some((each) => each.id === id));
    candidates += fresh.length;
    const locked = await lock(visit, fresh, missing);
    const { last } = lastBehind(rows, [...locked, ...found]);
    found.push(...locked);
    if (last !== undefined) [cursor.rank, cursor.task] = [last.rank, last.id];
  }
  return { found, busy: found.length < Math.min(wanted, candidates) };
}

/** The last candidate before the first that was not had: it must be found again. */
function lastBehind(
  candidates: readonly Candidate[],
  locked: readonly FoundTask[],
): { last: Candidate | undefined; all: boolean } {
  const had = new Set(locked.map(({ id }) => id));
  const first = candidates.findIndex(({ id }) => !had.has(id));
  const end = first === -1 ? candidates.length : first;
  return { last: candidates[end - 1], all: first === -1 };
}

const lockedRow = z.object({ id: z.number(), answers: z.number() });

/** Of candidates, in their order, those that are still free and that nobody else is busy with. */
async function lock(
  { queries, overlap }: Visit,
  candidates: readonly Candidate[],
  wanted: number,
): Promise<FoundTask[]> {
  if (candidates.length === 0) return [];
  return select(
    queries,
    lockedRow,
    `SELECT id, jsonb_array_length(content -> 'answers') AS answers FROM tasks
     WHERE id = ANY($1) AND state = 'open' AND gold IS NULL AND judged + leased < $2
     ORDER BY array_position($1, id) LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED`,
    [candidates.map(({ id }) => id), overlap, wanted],
  );
}

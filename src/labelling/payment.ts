/** What was done by whom, for paying them. */
import { z } from "zod";
import type { KindName } from "./kinds/index.ts";
import { kindNamed } from "./kinds/index.ts";
import type { ProjectSettings } from "./project.config.ts";
import type { Queries } from "./store/database.ts";
import { select } from "./store/database.ts";

const workRow = z.object({
  person: z.string(),
  name: z.string(),
  participant: z.string().nullable(),
  study: z.string().nullable(),
  session: z.string().nullable(),
  judgements: z.number(),
  late: z.number(),
  skipped: z.number(),
  tooQuick: z.number(),
  seconds: z.number(),
  secondsEach: z.number().nullable(),
  outcome: z.enum(["completed", "screened-out"]).nullable(),
  joined: z.date(),
  ended: z.date().nullable(),
});

/** One person's work. */
export interface Work extends z.output<typeof workRow> {
  /** Gold questions answered, and wrongly. */
  gold: number;
  goldMissed: number;
  /** Judgements, late ones too, times what one is paid. */
  pay: number;
}

const WORK = `
  SELECT m.person, o.name, o.outside ->> 'participant' AS participant,
    o.outside ->> 'study' AS study, o.outside ->> 'session' AS session,
    coalesce(w.judgements, 0) AS judgements, coalesce(w.late, 0) AS late,
    coalesce(s.skipped, 0) AS skipped, coalesce(w.quick, 0) AS "tooQuick",
    coalesce(w.seconds, 0)::float8 AS seconds, w.each AS "secondsEach", m.outcome, m.joined, m.ended
  FROM memberships m JOIN people o ON o.id = m.person
  LEFT JOIN (
    SELECT person, count(*) FILTER (WHERE state = 'counted') AS judgements,
      count(*) FILTER (WHERE state = 'late') AS late,
      count(*) FILTER (WHERE shown_ms < $2) AS quick, sum(shown_ms) / 1000.0 AS seconds,
      percentile_cont(0.5) WITHIN GROUP (ORDER BY shown_ms) / 1000 AS each
    FROM judgements WHERE project = $1 AND state IN ('counted', 'late') AND origin IS NULL
    GROUP BY person
  ) w ON w.person = m.person
  LEFT JOIN (
    SELECT person, count(*) AS skipped FROM assignments
    WHERE project = $1 AND state = 'skipped' GROUP BY person
  ) s ON s.person = m.person
  WHERE m.project = $1 AND coalesce(o.outside ->> 'platform', '') <> 'import'
  ORDER BY m.joined, m.person`;

const goldRow = z.object({ person: z.string(), judgement: z.unknown(), gold: z.unknown() });

/** Everybody's, but for annotators of imported files. */
export async function workOf(
  queries: Queries,
  { id, kind, settings }: { id: number; kind: KindName; settings: ProjectSettings },
): Promise<Work[]> {
  const { minimumSeconds, reward } = settings.crowd;
  const rows = await select(queries, workRow, WORK, [id, minimumSeconds * 1000]);
  const golden = await select(
    queries,
    goldRow,
    `SELECT j.person, j.judgement, t.gold FROM judgements j JOIN tasks t ON t.id = j.task
     WHERE j.project = $1 AND j.state = 'counted' AND t.gold IS NOT NULL AND j.origin IS NULL`,
    [id],
  );
  const { agreement } = kindNamed(kind);
  const checked = new Map<string, { gold: number; missed: number }>();
  for (const { person, judgement, gold } of golden) {
    const expected = agreement(gold);
    if (expected === undefined) continue;
    const tally = checked.get(person) ?? { gold: 0, missed: 0 };
    checked.set(person, tally);
    tally.gold++;
    if (agreement(judgement) !== expected) tally.missed++;
  }
  return rows.map((row) => ({
    ...row,
    gold: checked.get(row.person)?.gold ?? 0,
    goldMissed: checked.get(row.person)?.missed ?? 0,
    pay: (row.judgements + row.late) * reward,
  }));
}

/** How far somebody is, how fast, and how often others agree. */
import { z } from "zod";
import type { Interval } from "../stats/intervals.ts";
import { wilson } from "../stats/intervals.ts";
import { kindNamed } from "./kinds/index.ts";
import { getProject } from "./projects.ts";
import type { Database, Queries } from "./store/database.ts";
import { select, selectOne } from "./store/database.ts";

export interface Progress {
  mine: number;
  today: number;
  /** Null for a crowd's participant. */
  left: number | null;
  /** Null for others. */
  toFinish: number | null;
  secondsEach: number | null;
  agreement: Interval;
}

const mineRow = z.object({
  mine: z.number(),
  work: z.number(),
  today: z.number(),
  seconds: z.number().nullable(),
  crowd: z.boolean(),
  gold: z.number(),
});

const MINE = `
  SELECT
    (SELECT count(*) FROM judgements j WHERE j.person = $1 AND j.project = $2
       AND j.state = 'counted') AS mine,
    (SELECT count(*) FROM judgements j WHERE j.person = $1 AND j.project = $2
       AND j.state IN ('counted', 'late')) AS work,
    (SELECT count(*) FROM judgements j WHERE j.person = $1 AND j.project = $2
       AND j.state = 'counted' AND j.created >= date_trunc('day', now())) AS today,
    (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY shown_ms) / 1000 FROM (
       SELECT shown_ms FROM judgements j WHERE j.person = $1 AND j.project = $2
         AND j.state IN ('counted', 'late') AND j.origin IS NULL
       ORDER BY j.created DESC LIMIT 50) AS last) AS seconds,
    coalesce(p.outside ->> 'platform' = 'prolific', false) AS crowd,
    (SELECT count(*) FROM assignments a JOIN tasks t ON t.id = a.task
       WHERE a.person = $1 AND a.project = $2 AND t.gold IS NOT NULL AND a.ended IS NOT NULL) AS gold
  FROM people p WHERE p.id = $1`;

export async function progressOf(
  database: Database,
  { project: id, person }: { project: number; person: string },
): Promise<Progress> {
  const project = await getProject(database, id);
  const mine = (await selectOne(database, mineRow, MINE, [person, id]))!;
  const { settings, kind } = project;
  // gold questions are among them, or what is left would tell them from others
  const golden = settings.goldShare > 0 ? Math.max(project.gold - mine.gold, 0) : 0;
  return {
    mine: mine.mine,
    today: mine.today,
    left: mine.crowd ? null : project.needed + golden,
    toFinish: mine.crowd ? Math.max(settings.crowd.tasks - mine.work, 0) : null,
    secondsEach: mine.seconds,
    agreement: await agreementOf(database, {
      person,
      project: id,
      agreement: kindNamed(kind).agreement,
    }),
  };
}

/** Judgements looked at. */
const LAST = 200;
/** Told in steps, or undoing and judging again would tell what others said. */
const STEP = 10;

const pairRow = z.object({ mine: z.unknown(), other: z.unknown() });

/** Of pairs of my judgement and another's of the same task; gold questions tell nothing here. */
async function agreementOf(
  queries: Queries,
  {
    person,
    project,
    agreement,
  }: { person: string; project: number; agreement: (judgement: unknown) => string | undefined },
): Promise<Interval> {
  const pairs = await select(
    queries,
    pairRow,
    `WITH mine AS (
       SELECT task, judgement, created FROM judgements
       WHERE person = $1 AND project = $2 AND state = 'counted' ORDER BY created DESC
       OFFSET (SELECT count(*) % ${STEP} FROM judgements
         WHERE person = $1 AND project = $2 AND state = 'counted') LIMIT ${LAST}
     )
     SELECT mine.judgement AS mine, o.judgement AS other
     FROM mine JOIN tasks t ON t.id = mine.task AND t.gold IS NULL
     JOIN judgements o ON o.task = mine.task AND o.person <> $1 AND o.state = 'counted'`,
    [person, project],
  );
  const told = pairs
    .map(({ mine, other }) => [agreement(mine), agreement(other)] as const)
    .filter(([mine, other]) => mine !== undefined && other !== undefined);
  return wilson(told.filter(([mine, other]) => mine === other).length, told.length);
}

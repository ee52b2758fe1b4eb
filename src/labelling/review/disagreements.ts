/** Tasks to decide on, the least certain first; who judged stays hidden. */
import { z } from "zod";
import { Random } from "../../core/random.ts";
import { kindNamed } from "../kinds/index.ts";
import { contentSchema } from "../kinds/kind.ts";
import type { ProjectLabels, TaskLabel } from "../labels/labels.ts";
import type { LoadedLabels } from "../labels/load.ts";
import type { Database } from "../store/database.ts";
import { select } from "../store/database.ts";

export interface ToDecide {
  /** Number of the task. */
  readonly task: number;
  readonly reason: "differ" | "flagged" | "text";
  /** None of texts that people wrote. */
  readonly label?: TaskLabel;
}

/** The same without what was decided since the labels were made. */
export async function stillToDecide(
  database: Database,
  project: number,
  labels: LoadedLabels,
): Promise<ToDecide[]> {
  const rows = await select(
    database,
    z.object({ task: z.number() }),
    `SELECT task FROM (SELECT DISTINCT ON (task) task, detail FROM history
       WHERE project = $1 AND id > $2 AND what = 'adjudicated' ORDER BY task, id DESC) newest
     WHERE detail ? 'decision'`,
    [project, labels.seen],
  );
  const since = new Set(rows.map(({ task }) => task));
  return toDecide(labels).filter(({ task }) => !since.has(task));
}

/** Every task on which people differ, or that somebody flagged, and nobody has decided on. */
export function toDecide({ facts, labels }: ProjectLabels): ToDecide[] {
  const says = kindNamed(facts.kind);
  const texts = facts.kind === "rewrite" || facts.kind === "critique";
  const found = new Map<number, { said: Set<string>; flagged: boolean }>();
  for (const { task, judgement, flagged } of facts.judgements) {
    const own = found.get(task) ?? { said: new Set<string>(), flagged: false };
    own.said.add(says.agreement(judgement) ?? "");
    own.flagged ||= flagged;
    found.set(task, own);
  }
  const byTask = new Map(labels.map((label) => [label.task, label]));
  const listed = [...found].flatMap(([index, { said, flagged }]): ToDecide[] => {
    const { id, gold, accepted, dropped, returned } = facts.tasks[index]!;
    const decided = accepted !== undefined || dropped === true || returned === true;
    if (decided || (gold !== undefined && gold !== null)) return [];
    const reason = said.size > 1 ? "differ" : flagged ? "flagged" : texts ? "text" : undefined;
    const label = byTask.get(index);
    return reason === undefined
      ? []
      : [{ task: id, reason, ...(label === undefined ? {} : { label }) }];
  });
  const order = ({ label, reason }: ToDecide): number =>
    (label?.certainty ?? 1) + (reason === "differ" ? 0 : 1);
  return listed.toSorted((a, b) => order(a) - order(b) || a.task - b.task);
}

const judgementRow = z.object({
  task: z.number(),
  id: z.string(),
  judgement: z.unknown(),
  comment: z.string(),
  flag: z.string(),
});

export interface Laid extends ToDecide {
  readonly content: z.output<typeof contentSchema>;
  readonly judgements: readonly (Omit<z.output<typeof judgementRow>, "task"> & { who: string })[];
}

/** What is shown of some of them. */
export async function layOut(database: Database, page: readonly ToDecide[]): Promise<Laid[]> {
  const ids = page.map(({ task }) => task);
  const tasks = await select(
    database,
    z.object({ id: z.number(), content: contentSchema }),
    `SELECT id, content FROM tasks
     WHERE id IN (SELECT e::bigint FROM jsonb_array_elements_text($1::jsonb -> 'ids') AS e)`,
    [{ ids }],
  );
  const judgements = await select(
    database,
    judgementRow,
    `SELECT task, id, judgement, comment, flag FROM judgements WHERE state = 'counted'
       AND task IN (SELECT e::bigint FROM jsonb_array_elements_text($1::jsonb -> 'ids') AS e)
     ORDER BY task, id`,
    [{ ids }],
  );
  const contents = new Map(tasks.map(({ id, content }) => [id, content]));
  return page.flatMap((each): Laid[] => {
    const content = contents.get(each.task);
    const own = judgements.filter(({ task }) => task === each.task);
    if (content === undefined || own.length === 0) return [];
    // an order that tells nothing of who was first
    const shuffled = new Random(String(each.task)).shuffle(own);
    return [
      {
        ...each,
        content,
        judgements: shuffled.map(({ id, judgement, comment, flag }, n) => ({
          id,
          who: letters(n),
          judgement,
          comment,
          flag,
        })),
      },
    ];
  });
}

/** A, B ... Z, AA, AB ... */
const letters = (n: number): string =>
  (n >= 26 ? letters(Math.floor(n / 26) - 1) : "") + String.fromCodePoint(65 + (n % 26));

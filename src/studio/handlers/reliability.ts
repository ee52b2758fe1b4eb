/** Agreement, people and disagreements, and what is decided on them. */
import { z } from "zod";
import { agreementOf } from "../../labelling/labels/agreement.ts";
import type { ItemLabel } from "../../labelling/labels/estimate.ts";
import type { ProjectLabels } from "../../labelling/labels/labels.ts";
import { conflictsOf } from "../../labelling/labels/conflicts.ts";
import { loadLabels } from "../../labelling/labels/load.ts";
import type { PersonReliability } from "../../labelling/labels/people.ts";
import { peopleOf } from "../../labelling/labels/people.ts";
import { against } from "../../labelling/review/against.ts";
import { adjudicate, reopen } from "../../labelling/review/adjudicate.ts";
import { layOut, stillToDecide, toDecide } from "../../labelling/review/disagreements.ts";
import { select } from "../../labelling/store/database.ts";
import { ApiError } from "../../server/api-error.ts";
import type { Interval } from "../../stats/intervals.ts";
import type { IntervalAnswer } from "../api/common.ts";
import * as api from "../api/reliability.ts";
import { handle } from "../http/handler.ts";
import type { CallContext } from "../http/handler.ts";
import { projectOf } from "./project-of.ts";

const CERTAIN = 0.9;

export const intervalAnswer = ({ estimate, low, high, n, noClaim }: Interval): IntervalAnswer => {
  const told = Number.isFinite(estimate) && noClaim === undefined;
  return {
    estimate: told ? estimate : null,
    low: told ? low : null,
    high: told ? high : null,
    n: Math.round(n),
    ...(noClaim === undefined ? {} : { noClaim }),
  };
};

const personAnswer = (each: PersonReliability) => ({
  id: each.person.id,
  name: each.person.name,
  imported: each.seconds === undefined,
  judgements: each.judgements,
  ties: each.ties,
  flags: each.flags,
  accuracy: intervalAnswer(each.accuracy),
  agreement: intervalAnswer(each.agreement),
  gold: each.gold,
  leftBias: intervalAnswer(each.leftBias),
  seconds: each.seconds ?? null,
  tooQuick: each.tooQuick,
  anomaly: each.anomaly?.flagged === true ? each.anomaly.kind : null,
});

const labelAnswer = ({ p, low, high, votes, ties }: ItemLabel) => ({ p, low, high, votes, ties });

async function reliable(context: CallContext) {
  const { studio, membership } = context;
  const { settings } = await projectOf(context);
  const labels = await loadLabels(studio.database, membership.project);
  return { labels, people: peopleOf(labels, { minimumSeconds: settings.crowd.minimumSeconds }) };
}

function reliabilityAnswer(labels: ProjectLabels, people: readonly PersonReliability[]) {
  const { facts, estimates } = labels;
  return {
    judgements: facts.judgements.length,
    labelled: labels.labels.length,
    certain: labels.labels.filter(({ certainty }) => certainty >= CERTAIN).length,
    agreement: agreementOf(facts).map(({ axis, tasks, raw, alpha, kappa, ceiling }) => ({
      axis,
      tasks,
      raw: intervalAnswer(raw),
      alpha: intervalAnswer(alpha),
      kappa: intervalAnswer(kappa),
      ceiling: ceiling === undefined ? null : intervalAnswer(ceiling),
    })),
    people: people.map(personAnswer),
    conflicts: conflictsOf(labels).map(({ axes, examples, ...counts }) => ({
      axes: [axes[0], axes[1]] as [string, string],
      ...counts,
      examples: examples.map((index) => facts.tasks[index]!.id),
    })),
    statements: [...(estimates[0]?.statements ?? [])],
    open: toDecide(labels).length,
  };
}

const taskNumber = (text: string): number => {
  const parsed = z.coerce.number().int().min(1).safeParse(text);
  if (!parsed.success) throw new ApiError(404, "there is no such task", { code: "unknown_task" });
  return parsed.data;
};

export const reliabilityHandlers = [
  handle(api.getReliability, async (_, context) => {
    const { labels, people } = await reliable(context);
    return reliabilityAnswer(labels, people);
  }),
  handle(api.getPersonReliability, async ({ params }, context) => {
    const { labels, people } = await reliable(context);
    const index = labels.facts.people.findIndex(({ id }) => id === params.person);
    const own = people.find(({ person }) => person.id === params.person);
    if (own === undefined)
      throw new ApiError(404, "nobody of this number has judged here", { code: "unknown_person" });
    return {
      person: personAnswer(own),
      along: labels.estimates.map(({ question, accuracies }) => ({
        axis: question.axis,
        accuracy: intervalAnswer(accuracies[index]!),
      })),
      against: against(labels, index),
    };
  }),
  handle(api.listDisagreements, async ({ query: { skip, limit } }, { studio, membership }) => {
    const { database } = studio;
    const labels = await loadLabels(database, membership.project);
    const all = await stillToDecide(database, membership.project, labels);
    const page = await layOut(database, all.slice(skip, skip + limit));
    return {
      total: all.length,
      tasks: page.map(({ task, reason, content, judgements, label }) => ({
        task,
        reason,
        content,
        label: label === undefined ? null : labelAnswer(label.label),
        consensus: label?.consensus ?? null,
        axes: Object.fromEntries(
          Object.entries(label?.axes ?? {}).map(([name, each]) => [name, labelAnswer(each)]),
        ),
        judgements: judgements.map((each) => ({ ...each })),
      })),
    };
  }),
  handle(api.adjudicate, async ({ params, body }, context) => {
    const { id, kind } = await projectOf(context);
    return adjudicate(context.studio.database, {
      ...body,
      project: { id, kind },
      task: taskNumber(params.task),
      person: context.person.id,
    });
  }),
  handle(api.reopenTask, async ({ params }, context) => {
    const { id, kind } = await projectOf(context);
    return reopen(context.studio.database, {
      project: { id, kind },
      task: taskNumber(params.task),
      person: context.person.id,
    });
  }),
  handle(api.listImports, async (_, { studio, membership }) => {
    const rows = await select(
      studio.database,
      importRow,
      `SELECT id, name, format, sha256, rows, notes, created FROM imports WHERE project = $1
       ORDER BY id DESC LIMIT 500`,
      [membership.project],
    );
    return rows.map((row) => ({ ...row, created: row.created.toISOString() }));
  }),
];

const importRow = z.object({
  id: z.number(),
  name: z.string(),
  format: z.string(),
  sha256: z.string(),
  rows: z.number(),
  notes: z.array(z.string()),
  created: z.date(),
});

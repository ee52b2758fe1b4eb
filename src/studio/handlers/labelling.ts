/** One person's work in a project. */
import { z } from "zod";
import { kindName } from "../api/common.ts";
import {
  judge,
  nextTasks as nextRoute,
  progress,
  skip,
  undo,
  workplace,
} from "../api/labelling.ts";
import { consentCrowd } from "../api/session.ts";
import { nextTasks } from "../../labelling/queue/claim.ts";
import { consent } from "../../labelling/queue/crowd.ts";
import { judgeTask } from "../../labelling/queue/judge.ts";
import { skipTask } from "../../labelling/queue/skip.ts";
import { undoLast } from "../../labelling/queue/undo.ts";
import type { Visitor } from "../../labelling/queue/visit.ts";
import { progressOf } from "../../labelling/progress.ts";
import { readSettings } from "../../labelling/settings.ts";
import { selectOne } from "../../labelling/store/database.ts";
import type { CallContext } from "../http/handler.ts";
import { handle } from "../http/handler.ts";

const visitorOf = ({ membership, person }: CallContext): Visitor => ({
  project: membership.project,
  person: person.id,
});

const placeRow = z.object({
  slug: z.string(),
  name: z.string(),
  kind: kindName,
  state: z.enum(["open", "paused", "closed"]),
  settings: z.record(z.string(), z.unknown()).transform(readSettings),
  crowd: z.boolean(),
  consented: z.boolean(),
});

const WORKPLACE = `
  SELECT p.slug, p.name, p.kind, p.state, p.settings,
    coalesce(o.outside ->> 'platform' = 'prolific', false) AS crowd,
    m.consented IS NOT NULL AS consented
  FROM projects p JOIN people o ON o.id = $2
  LEFT JOIN memberships m ON m.project = p.id AND m.person = o.id
  WHERE p.id = $1`;

export const labellingHandlers = [
  handle(workplace, async (_, { studio, membership, person }) => {
    const values = [membership.project, person.id];
    const place = (await selectOne(studio.database, placeRow, WORKPLACE, values))!;
    const { guidelines, axes, strength, differences, crowd } = place.settings;
    return {
      slug: place.slug,
      name: place.name,
      kind: place.kind,
      state: place.state,
      guidelines,
      axes: [...axes],
      strength,
      differences,
      crowd: place.crowd,
      consent: place.crowd && !place.consented && crowd.consent !== "" ? crowd.consent : null,
    };
  }),
  handle(nextRoute, ({ body }, context) =>
    nextTasks(context.studio.database, visitorOf(context), body.count),
  ),
  handle(judge, ({ body }, context) =>
    judgeTask(context.studio.database, visitorOf(context), body),
  ),
  handle(skip, async ({ body }, context) => {
    await skipTask(context.studio.database, visitorOf(context), body);
    return { done: true as const };
  }),
  handle(undo, (_, context) => undoLast(context.studio.database, visitorOf(context))),
  handle(progress, async (_, context) => {
    const { agreement, ...rest } = await progressOf(context.studio.database, visitorOf(context));
    const { estimate, low, high, n, noClaim } = agreement;
    return {
      ...rest,
      agreement: {
        estimate: Number.isNaN(estimate) ? null : estimate,
        low,
        high,
        n,
        ...(noClaim === undefined ? {} : { noClaim }),
      },
    };
  }),
  handle(consentCrowd, ({ body }, context) =>
    consent(context.studio.database, visitorOf(context), body.agree),
  ),
];

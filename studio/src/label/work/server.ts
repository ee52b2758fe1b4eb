/** What the desk asks of the server, through the API's routes. */
import { judge, nextTasks, skip, undo } from "../../../../src/studio/api/labelling.ts";
import { CallError } from "../../api.ts";
import { isAway, tryCall } from "../../calls/patient.ts";
import { errorParts } from "../../ui/basics.tsx";
import type { Asked, Failure } from "./desk.ts";

export const askServer = (project: string): Asked => {
  const params = { project };
  return {
    next: (count) => tryCall(nextTasks, { params, body: { count } }),
    judge: ({ id, task, judgement, comment, flag, shownMs }) =>
      tryCall(judge, {
        params,
        body: { id, assignment: task.assignment, judgement, comment, flag, shownMs },
      }),
    skip: ({ task, comment, flag }) =>
      tryCall(skip, { params, body: { assignment: task.assignment, comment, flag } }),
    undo: () => tryCall(undo, { params }),
  };
};

/** What a failed call means for what waits to be sent. */
export function failureOf(error: unknown): Failure {
  const { what } = errorParts(error);
  if (isAway(error)) return { is: "away", code: null, why: what };
  if (!(error instanceof CallError)) return { is: "failing", code: null, why: what };
  const { status, code } = error;
  const is = status === 401 ? "out" : status >= 500 || status === 429 ? "failing" : "refused";
  return { is, code, why: what };
}

/** What answers every route. A new group: its file, and a line here. */
import type { Handled } from "../http/handler.ts";
import { jobHandlers } from "./jobs.ts";
import { runHandlers } from "./runs.ts";
import { sessionHandlers } from "./session.ts";

export const allHandlers = (hostToken: string): readonly Handled[] => [
  ...sessionHandlers(hostToken),
  ...jobHandlers,
  ...runHandlers,
];

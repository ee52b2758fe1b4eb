/** What answers every route. A new group: its file, and a line here. */
import type { Handled } from "../http/handler.ts";
import { documentHandlers } from "./document.ts";
import { askingHandlers } from "./asking.ts";
import { doorHandlers } from "./doors.ts";
import { jobHandlers } from "./jobs.ts";
import { runHandlers } from "./runs.ts";
import { labellingHandlers } from "./labelling.ts";
import { peopleHandlers } from "./people.ts";
import { projectHandlers } from "./projects.ts";
import { exchangeHandlers } from "./exchange.ts";
import { reliabilityHandlers } from "./reliability.ts";
import { meetHandlers } from "./meet.ts";
import { sessionHandlers } from "./session.ts";

export const allHandlers = (hostToken: string): readonly Handled[] => [
  ...sessionHandlers(hostToken),
  ...doorHandlers,
  ...projectHandlers,
  ...peopleHandlers,
  ...labellingHandlers,
  ...jobHandlers,
  ...runHandlers,
  ...exchangeHandlers,
  ...reliabilityHandlers,
  ...meetHandlers,
  ...documentHandlers,
  ...askingHandlers,
];

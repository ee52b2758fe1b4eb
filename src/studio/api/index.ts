/** Every route, by groups. A new group: its file, and a line here. */
import * as document from "./document.ts";
import * as asking from "./asking.ts";
import * as jobs from "./jobs.ts";
import * as labelling from "./labelling.ts";
import * as meet from "./meet.ts";
import * as projects from "./projects.ts";
import * as reliability from "./reliability.ts";
import type { RouteDefinition } from "./route.ts";
import * as runs from "./runs.ts";
import * as session from "./session.ts";

const isRoute = (value: unknown): value is RouteDefinition =>
  typeof value === "object" && value !== null && "method" in value && "path" in value;

const GROUPS = {
  session,
  projects,
  labelling,
  jobs,
  runs,
  reliability,
  meet,
  asking,
  document,
};

/** Routes by the name of their group. */
export const ROUTES: Readonly<Record<string, readonly RouteDefinition[]>> = Object.fromEntries(
  Object.entries(GROUPS).map(([name, group]) => [
    name,
    Object.values(group as Record<string, unknown>).filter(isRoute),
  ]),
);

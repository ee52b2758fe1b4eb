/** Projects: begun, told and changed. */
import {
  changeProject as changeRoute,
  createProject as createRoute,
  getProject as getRoute,
  listProjects as listRoute,
} from "../api/projects.ts";
import type { ProjectRole } from "../api/common.ts";
import type { ProjectSummary } from "../api/projects.ts";
import { selectOne } from "../../labelling/store/database.ts";
import type { Database } from "../../labelling/store/database.ts";
import type { Project } from "../../labelling/projects.ts";
import {
  changeProject,
  createProject,
  getProject,
  listProjects,
  reasonsOf,
} from "../../labelling/projects.ts";
import { ApiError } from "../../server/api-error.ts";
import { z } from "zod";
import { projectRole } from "../api/common.ts";
import { handle } from "../http/handler.ts";

const summary = (project: Project, role: ProjectRole): ProjectSummary => {
  const { id: _id, settings: _settings, needed: _needed, ...counts } = project;
  return {
    ...counts,
    role,
    created: project.created.toISOString(),
  };
};

async function details(database: Database, id: number) {
  const project = await getProject(database, id);
  return {
    ...summary(project, "owner"),
    settings: project.settings as unknown as Record<string, unknown>,
    chosenBy: await reasonsOf(database, id),
  };
}

const roleRow = z.object({ role: projectRole });

export const projectHandlers = [
  handle(listRoute, async (_, { studio: { database }, person }) => {
    const projects = await listProjects(database, person.host ? undefined : person.id);
    return Promise.all(
      projects.map(async (project) => {
        if (person.host) return summary(project, "owner");
        const found = await selectOne(
          database,
          roleRow,
          "SELECT role FROM memberships WHERE project = $1 AND person = $2",
          [project.id, person.id],
        );
        const role = found?.role ?? "annotator";
        // how many tasks are gold questions, and how far others are, is the owners' to know
        return role === "owner"
          ? summary(project, role)
          : { ...summary(project, role), gold: 0, full: 0, settled: 0, judgements: 0, people: 0 };
      }),
    );
  }),
  handle(createRoute, async ({ body }, { studio: { database }, person }) => {
    const id = await createProject(database, { ...body, owner: person.id });
    if (id === undefined)
      throw new ApiError(409, `there is a project called ${body.slug} already`, {
        code: "slug_taken",
        param: "slug",
      });
    return details(database, id);
  }),
  handle(getRoute, (_, { studio, membership }) => details(studio.database, membership.project)),
  handle(changeRoute, async ({ body }, { studio: { database }, membership, person }) => {
    const { project } = membership;
    await changeProject(database, { project, person: person.id }, body);
    return details(database, project);
  }),
];

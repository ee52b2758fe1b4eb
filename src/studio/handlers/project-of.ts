/** The project that a path names, with its settings. */
import { z } from "zod";
import { KIND_NAMES } from "../../labelling/kinds/index.ts";
import type { ProjectSettings } from "../../labelling/project.config.ts";
import { readSettings } from "../../labelling/settings.ts";
import { selectOne } from "../../labelling/store/database.ts";
import type { CallContext } from "../http/handler.ts";

const row = z.object({
  id: z.number(),
  slug: z.string(),
  name: z.string(),
  kind: z.enum(KIND_NAMES),
  settings: z.record(z.string(), z.unknown()),
});

export async function projectOf({
  studio,
  membership,
}: Pick<CallContext, "studio" | "membership">): Promise<
  Omit<z.output<typeof row>, "settings"> & { settings: ProjectSettings }
> {
  const found = (await selectOne(
    studio.database,
    row,
    "SELECT id, slug, name, kind, settings FROM projects WHERE id = $1",
    [membership.project],
  ))!;
  return { ...found, settings: readSettings(found.settings) };
}

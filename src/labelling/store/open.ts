/** Opens the store of a studio's folder, in its newest form. */
import { join } from "node:path";
import type { Database } from "./database.ts";
import { migrate } from "./migrate.ts";
import { openPglite } from "./pglite.ts";
import { openPostgresql } from "./postgresql.ts";

/** Where `attune studio` keeps its things, in the project's folder. */
export const STUDIO_FOLDER = "attune-studio";

export interface StoreOptions {
  /** Folder of the studio; the embedded store lies in it. */
  folder: string;
  /** Address of a PostgreSQL server (DATABASE_URL); '' for the embedded store. */
  databaseUrl: string;
}

export async function openStore({ folder, databaseUrl }: StoreOptions): Promise<Database> {
  const database =
    databaseUrl === ""
      ? await openPglite(join(folder, "store"))
      : await openPostgresql(databaseUrl);
  try {
    await migrate(database);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Where values are kept that any run can compute again. */
import { homedir } from "node:os";
import { join } from "node:path";

/** ATTUNE_CACHE, else the user's cache folder (XDG_CACHE_HOME, else ~/.cache), `attune` in it. */
export function cacheFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const { ATTUNE_CACHE: own, XDG_CACHE_HOME: shared } = environment;
  return own || join(shared || join(homedir(), ".cache"), "attune");
}

/** Finds the shared test data beside the checkout; a user's checkout has none. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const repositoryRoot = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/**
 * Path of a shared data file, or undefined (with the reason printed once per name) where it is
 * missing.
 */
export const sharedData = (name: string): string | undefined => shared("data", name);

/** The same of an input that once failed. */
export const sharedCase = (name: string): string | undefined => shared("cases", name);

function shared(folder: string, name: string): string | undefined {
  const path = join(repositoryRoot, "..", "shared", folder, name);
  if (existsSync(path)) return path;
  if (!announced.has(name))
    console.log(`skipped: shared ${folder} ${name} is not beside this checkout`);
  announced.add(name);
  return undefined;
}

const announced = new Set<string>();

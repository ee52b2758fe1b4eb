/**
 * Writes the pages of docs/ that are made from definitions in the code. Needs the compiled program
 * (scripts/set-up.mjs).
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { referencePages } from "../dist/cli/reference-pages.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
for (const [path, text] of Object.entries(referencePages())) {
  writeFileSync(join(root, path), text);
  console.log(path);
}

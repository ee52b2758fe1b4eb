/** Puts beside the compiled program what it reads and the compiler leaves: SQL, and what runs as it is. */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const ASSETS = [
  "labelling/store/migrations",
  "studio/jobs/note.mjs",
  "studio/meet/with-parent.mjs",
];

for (const asset of ASSETS) {
  const target = join(root, "dist", asset);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(root, "src", asset), target, { recursive: true });
}

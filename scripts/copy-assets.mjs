/** Puts beside the compiled program what it reads and the compiler leaves: the SQL of migrations. */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const ASSETS = ["labelling/store/migrations"];

for (const asset of ASSETS) {
  const target = join(root, "dist", asset);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(root, "src", asset), target, { recursive: true });
}

/**
 * Builds the studio's page (studio/) into dist/page. Does nothing when it is up to date. Apart from
 * set-up, so that training needs none of the page's tools.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
/** What the page is made of: its own folder, and what it shares with the program. */
const INPUTS = ["studio", "src", "package-lock.json", "scripts/build-page.mjs"];

function hash() {
  const sum = createHash("sha256");
  const add = (path) => sum.update(`${path}\0`).update(readFileSync(join(root, path)));
  for (const input of INPUTS) {
    if (input.includes(".")) add(input);
    else
      for (const name of readdirSync(join(root, input), { recursive: true }).toSorted())
        if (/(?<!\.test)\.(ts|tsx|css|html|svg)$/.test(name)) add(join(input, name));
  }
  return sum.digest("hex");
}

const stamp = join(root, "dist", "page", ".built");
const now = hash();
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== now) {
  const { build } = await import("vite");
  await build({ root: join(root, "studio"), configFile: join(root, "studio", "vite.config.ts") });
  writeFileSync(stamp, now);
  console.log("built");
}

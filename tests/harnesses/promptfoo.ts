/**
 * The promptfoo package in a project of its own, `.cache/harnesses/promptfoo`, made where it is not
 * there. Without its optional packages, which are programs of other makers (700 MB); its data base
 * is one of them and is named.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CACHE, installWith } from "./python.ts";

/** The newest that runs under Node.js 20. */
const PROMPTFOO = "promptfoo@0.121.20";
const DATA_BASE = "@libsql/linux-x64-gnu@0.5.29";

/** Path of its program; undefined, with the reason printed, where it cannot be had. */
export function findPromptfoo(): string | undefined {
  const skip = (reason: string): undefined =>
    console.log(`skipped: promptfoo: ${reason}`) as undefined;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major === 20 ? minor! < 20 : major! < 22 || (major === 22 && minor! < 22))
    return skip(`it needs Node.js 20.20 or 22.22; this is ${process.versions.node}`);
  if (process.platform !== "linux" || process.arch !== "x64")
    return skip("its data base is installed on Linux and x64 only");
  const folder = process.env["ATTUNE_HARNESSES_PROMPTFOO"] || join(CACHE, "promptfoo");
  const program = join(folder, "node_modules", "promptfoo", "dist", "src", "entrypoint.js");
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const reason = installWith(
    "npm",
    `install --omit=optional --ignore-scripts --no-audit --no-fund ${PROMPTFOO} ${DATA_BASE}`.split(
      " ",
    ),
    folder,
  );
  return reason === undefined ? program : skip(reason);
}

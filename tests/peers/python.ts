/**
 * The peers' Python: ATTUNE_PEERS_PYTHON, or what bench/peers/set-up.sh installs where it is not
 * there.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { repositoryRoot } from "../support/shared.ts";

export function findPython(): string {
  const named = process.env["ATTUNE_PEERS_PYTHON"];
  if (named) return named;
  const { status, stdout, stderr } = spawnSync(
    "sh",
    [join(repositoryRoot, "bench", "peers", "set-up.sh"), "peers"],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`the peers cannot be installed: ${stderr}`);
  return stdout.trim();
}

/** The folders below the folder of runs that hold a run or a report: links are not followed. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** What commands make inside a run, and what no run stands in. */
const PASSED_OVER = new Set([
  "checkpoints",
  "model",
  "adapter",
  "tensorboard",
  "wandb",
  "node_modules",
]);
const DEEPEST = 4;
/** Folders that are looked into. */
const MOST = 5_000;

export interface FoundFolder {
  /** Below the folder of runs, with `/`; '' for itself. */
  readonly name: string;
  readonly isRun: boolean;
  /** Names of pages. */
  readonly reports: readonly string[];
}

export interface FoundRuns {
  readonly folders: readonly FoundFolder[];
  /** What was passed over, in sentences. */
  readonly notes: readonly string[];
}

export async function findRuns(root: string): Promise<FoundRuns> {
  const folders: FoundFolder[] = [];
  const links: string[] = [];
  let [looked, tooDeep, cut] = [0, "", false];
  const queue: { name: string; depth: number }[] = [{ name: "", depth: 0 }];
  for (const { name, depth } of queue) {
    if (++looked > MOST) {
      cut = true;
      break;
    }
    const entries = await readdir(join(root, name), { withFileTypes: true }).catch(() => []);
    const isRun = name !== "" && entries.some((each) => each.name === "run.json" && each.isFile());
    const reports = entries
      .filter((each) => each.isFile() && /\.html?$/i.test(each.name))
      .map((each) => each.name)
      .toSorted();
    if (isRun || reports.length > 0) folders.push({ name, isRun, reports });
    for (const entry of entries) {
      const path = name === "" ? entry.name : `${name}/${entry.name}`;
      if (entry.isSymbolicLink()) links.push(path);
      if (!entry.isDirectory() || entry.name.startsWith(".") || PASSED_OVER.has(entry.name))
        continue;
      if (depth >= DEEPEST) tooDeep ||= path;
      else queue.push({ name: path, depth: depth + 1 });
    }
  }
  return {
    folders,
    notes: [
      ...(links.length === 0
        ? []
        : [`links are not followed: ${links.length}, such as ${links[0]!}`]),
      ...(tooDeep === "" ? [] : [`deeper folders are not looked into, such as ${tooDeep}`]),
      ...(cut ? [`only ${MOST} folders were looked into`] : []),
    ],
  };
}

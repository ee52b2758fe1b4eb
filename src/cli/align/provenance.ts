/**
 * What the report of `attune align` says of where everything comes from: options, data files,
 * versions.
 */
import { existsSync } from "node:fs";
import { AttuneError } from "../../core/errors.ts";
import { loadDataset } from "../../data/dataset.ts";
import type { AlignProvenance, UsedFile } from "../../report/provenance.ts";
import type { AlignFile } from "./file.ts";
import { valueAt } from "./file.ts";
import type { CommandContext } from "../command.ts";
import { loadOptions } from "../inputs/data-input.ts";

/** Options that name data. */
const DATA_OPTIONS = ["data", "ptx.data", "helpful"] as const;

interface UsedData {
  used: string;
  source: string;
  options: Readonly<Record<string, unknown>>;
}

export async function provenanceOf(
  pipeline: AlignFile,
  context: CommandContext,
): Promise<AlignProvenance> {
  const { file, model, seed, stages, evaluation } = pipeline;
  const used = stages.flatMap(({ folder, options }) =>
    DATA_OPTIONS.flatMap((name): UsedData[] => {
      const sources = [valueAt(options, name)]
        .flat()
        .filter((source): source is string => typeof source === "string" && source !== "");
      return sources.map((source) => ({
        used: name === "data" ? folder : `${folder} (${name})`,
        source,
        options,
      }));
    }),
  );
  if (evaluation) used.push({ used: "evaluation", source: evaluation.data, options: {} });
  const files: UsedFile[] = [];
  for (const each of used) files.push(...(await filesOf(each, context)));
  return {
    date: new Date(),
    file,
    model,
    seed,
    options: stages.flatMap(({ folder, chosen }) =>
      chosen.map((option) => ({ stage: folder, ...option })),
    ),
    files: merged(files),
  };
}

/**
 * Files of a data set with their rows and hashes. One that is gone since its stage was done is
 * told, and no reason to stop.
 */
async function filesOf(
  { used, source, options }: UsedData,
  context: CommandContext,
): Promise<UsedFile[]> {
  const {
    format = "auto",
    columns = [],
    ignoreColumns = [],
    onBad = "few",
  } = options as Partial<Parameters<typeof loadOptions>[0]>;
  try {
    const { files } = await loadDataset(source, {
      ...loadOptions({ format, columns, ignoreColumns, onBad }, context),
      keepColumns: true,
    });
    return files.map(({ path, rows, sha256 }) => ({ used: [used], path, rows, sha256 }));
  } catch (error) {
    if (!(error instanceof AttuneError) || error.code === "interrupted") throw error;
    return [
      {
        used: [used],
        path: source,
        problem: existsSync(source) ? error.what : "not there any more",
      },
    ];
  }
}

/** One line a file, whoever used it. */
function merged(files: readonly UsedFile[]): UsedFile[] {
  const byPath = new Map<string, UsedFile>();
  for (const file of files) {
    const before = byPath.get(file.path);
    byPath.set(file.path, before ? { ...before, used: [...before.used, ...file.used] } : file);
  }
  return [...byPath.values()];
}

/**
 * `run.json`: what a run is, for whoever lists, shows or resumes it. Readable while the run goes
 * on, without its lock.
 */
import { z } from "zod";
import { AttuneError } from "../core/errors.ts";
import { parseJson } from "../core/json.ts";
import { encodedRowsSchema } from "./encoded-rows.ts";

export const RUN_STATUSES = ["running", "completed", "interrupted", "failed"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

const runInfoSchema = z.object({
  /** Version of this layout. */
  schema: z.literal(1),
  /** Command that made the run and can go on with it: `sft`, `dpo`, ... */
  command: z.string(),
  /** What was typed, for people. */
  argv: z.array(z.string()),
  /** Folder that relative paths of the config start from. */
  workingFolder: z.string(),
  status: z.enum(RUN_STATUSES),
  seed: z.number(),
  versions: z.record(z.string(), z.string()),
  /** Hash of the content of the data; a resumed run refuses other data. */
  dataHash: z.string(),
  /** Hash of what the base model computes with; a resumed run refuses another model. */
  modelFingerprint: z.string(),
  /**
   * Local date and time that chat templates see, also when the run goes on another day; absent in
   * runs of older versions.
   */
  templateTime: z.string().optional(),
  /** What the rows look like in ids; a resumed run refuses others. */
  encodedRows: encodedRowsSchema.optional(),
  /** Hash of the options; the history holds the options themselves. */
  configHash: z.string().optional(),
  /**
   * Options that were changed by hand, and accepted, since the run began:
   * `learningRate is 0.5, was 0.001`.
   */
  accepted: z.array(z.string()).optional(),
  /** How many of the newest checkpoints are kept, besides the best; 0 for all. */
  keepLast: z.int().min(0),
  /** ISO 8601, UTC. */
  created: z.string(),
});

export type RunInfo = z.output<typeof runInfoSchema>;

export interface RunSummary {
  /** Absolute path. */
  readonly folder: string;
  readonly info: RunInfo;
}

/**
 * Checks the text of a `run.json`.
 * @throws AttuneError `run` where it is not one, or of a later layout
 */
export function parseRunInfo(text: string, file: string): RunInfo {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new AttuneError("run", "run.json is not valid JSON", {
      file,
      cause,
      hint: "the folder is damaged, or is no run of attune",
    });
  }
  const result = runInfoSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new AttuneError(
    "run",
    `run.json does not have the layout of this version (${issue.path.join(".")}: ${issue.message})`,
    {
      file,
      hint: "use the version of attune that made the run",
    },
  );
}

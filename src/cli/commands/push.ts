/** `attune push RUN OWNER/NAME`: the run's model with a card, as one commit on the hub. */
import { existsSync, mkdtempSync, openAsBlob, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import { parseJson, stringifyJson } from "../../core/json.ts";
import { openModel } from "../../models/open.ts";
import { saveMerged, saveTokenizer } from "../../models/save.ts";
import type { WeightDType } from "../../models/weights/dtypes.ts";
import type { FileToUpload } from "../../models/weights/hub-upload.ts";
import { uploadModel } from "../../models/weights/hub-upload.ts";
import { isHubId } from "../../models/weights/hub.ts";
import type { RunDetails } from "../../runs/compare.ts";
import { showRun } from "../../runs/compare.ts";
import { filesBelow, readWholeFile } from "../../runs/files.ts";
import { runCard } from "../../report/run-card.ts";
import { readRegularText } from "../../text/regular-file.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { addBelowHelp, examplesText } from "../display/help-text.ts";
import { formatBytes, formatTable, wrapText } from "../display/words.ts";
import { oneOf } from "../inputs/one-of.ts";

const DTYPES = { float32: "F32", float16: "F16", bfloat16: "BF16" } as const satisfies Record<
  string,
  WeightDType
>;
const CARD = "README.md";
const ADAPTER_CONFIG = "adapter_config.json";
/** Files of the run's model folder that stay here: they tell about single pairs of the data. */
const KEPT_HERE = /^held_out_pairs\.jsonl$/;

interface PushOptions {
  merged?: boolean;
  dtype?: keyof typeof DTYPES;
  baseModel?: string;
  license?: string;
  card?: string;
  public?: boolean;
  revision?: string;
  message?: string;
  dryRun?: boolean;
}

const ABOUT =
  "The token is HF_TOKEN, or what `hf auth login` stored. The card names options, metrics and " +
  "hashes of the run; of paths only the last part.";
const EXAMPLES = [
  "attune push runs/dpo me/my-model --dry-run",
  "attune push runs/dpo me/my-model --base-model HuggingFaceTB/SmolLM2-135M-Instruct",
  "attune push runs/dpo me/my-model --merged --dtype bfloat16",
];

export const command: CommandModule = {
  configure(command, bind) {
    command
      .argument("<run>", "run folder")
      .argument("<repository>", "OWNER/NAME on the hub; made where it is not there")
      .option("--merged", "the whole model with the adapter merged into it, instead of the adapter")
      .option(
        "--dtype <name>",
        `numbers of --merged (${Object.keys(DTYPES).join(", ")}; default float32)`,
        oneOf(Object.keys(DTYPES)),
      )
      .option(
        "--base-model <id>",
        "hub id of the model that was trained, where the run has it from a local folder",
      )
      .option("--license <name>", "licence to state, as the hub names it (default: none stated)")
      .option("--card <file>", "a card of your own instead of one written from the run")
      .option(
        "--public",
        "a repository that is made is public (default: private; one that is there stays as it is)",
      )
      .option("--revision <branch>", "branch to commit to (default main)")
      .option("--message <text>", "of the commit")
      .option("--dry-run", "show the card and the files, and send nothing")
      .action(
        bind<PushOptions>(async ({ values: [run, id], options, context }) =>
          push({ run: run!, id: id! }, options, context),
        ),
      );
    addBelowHelp(
      command,
      (width) => `${wrapText(ABOUT, width)}\n\n${examplesText(EXAMPLES, width)}`,
    );
  },
};

async function push(
  { run: folder, id }: { run: string; id: string },
  options: PushOptions,
  context: CommandContext,
): Promise<void> {
  const run = showRun(folder);
  checkAsked(id, options);
  const model = finishedModel(run, folder);
  const isAdapter = existsSync(join(model, ADAPTER_CONFIG)) && options.merged !== true;
  const base = hubBase(run, options.baseModel);
  if (isAdapter && base === undefined)
    throw new AttuneError(
      "usage",
      "the adapter's base model was read from this machine, and nobody else has it under that path",
      {
        file: folder,
        got: String(run.config["model"]),
        expected: "--base-model OWNER/NAME, the same model on the hub",
        hint: "or --merged, which needs no base",
      },
    );
  const scratch = mkdtempSync(join(tmpdir(), "attune-push-"));
  try {
    const source = options.merged
      ? await merge(run.folder, join(scratch, "model"), options.dtype ?? "float32", context)
      : model;
    const files = await collect(source, base);
    const card =
      options.card === undefined
        ? await runCard(run, { id, base, isAdapter, license: options.license })
        : readRegularText(options.card, { code: "usage" });
    const cardFile = { path: CARD, content: new Blob([card]) };
    await (options.dryRun ? showUpload : upload)(id, [...files, cardFile], {
      run,
      options,
      context,
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** @throws AttuneError `usage` for what cannot be meant */
function checkAsked(id: string, { dtype, merged }: PushOptions): void {
  if (!isHubId(id) || !id.includes("/"))
    throw new AttuneError("usage", "this is no name of a repository", {
      got: id,
      expected: "OWNER/NAME",
    });
  if (dtype !== undefined && !merged)
    throw new AttuneError("usage", "--dtype has no effect without --merged", {
      hint: "an adapter is kept in float32",
    });
}

/**
 * The folder of the run's model.
 * @throws AttuneError `run` where it is not there yet
 */
function finishedModel(run: RunDetails, folder: string): string {
  const model = join(run.folder, "model");
  if (run.state !== "completed" || !existsSync(model))
    throw new AttuneError("run", "the run is not finished, so it has no model to push", {
      file: folder,
      got: run.state,
      hint: `\`attune resume ${folder}\``,
    });
  return model;
}

interface Upload {
  run: RunDetails;
  options: PushOptions;
  context: CommandContext;
}

interface ListedFiles {
  listed: { path: string; bytes: number }[];
  table: string;
}

function listFiles(files: readonly FileToUpload[]): ListedFiles {
  const listed = files
    .map(({ path, content }) => ({ path, bytes: content.size }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return {
    listed,
    table: formatTable(listed.map(({ path, bytes }) => [`  ${path}`, formatBytes(bytes)])),
  };
}

/** What would be sent; the card is the last of the files. */
async function showUpload(
  id: string,
  files: readonly FileToUpload[],
  { options, context: { reporter } }: Upload,
): Promise<void> {
  const { listed, table } = listFiles(files);
  const card = await files.at(-1)!.content.text();
  reporter.result(
    { repository: id, files: listed, card },
    `${card}\nwould be sent to ${id}, ${options.public ? "public" : "private"} where it is made ` +
      `now:\n${table}`,
  );
}

async function upload(
  id: string,
  files: readonly FileToUpload[],
  { run, options, context: { reporter, signal } }: Upload,
): Promise<void> {
  const { listed, table } = listFiles(files);
  const progress = reporter.progress({
    title: `uploading to ${id}`,
    total: listed.reduce((total, { bytes }) => total + bytes, 0),
    unit: "bytes",
  });
  const visibility = options.public ? "public" : "private";
  const sent = await uploadModel(id, files, {
    message: options.message ?? `${run.info.command} by attune`,
    visibility,
    ...(options.revision === undefined ? {} : { revision: options.revision }),
    onProgress: (bytes) => progress.update(bytes),
    signal,
  }).finally(() => progress.end());
  reporter.result(
    { repository: id, ...sent, files: listed },
    `${sent.url} (${sent.created ? `made now, ${visibility}` : "was there"}), commit ` +
      `${sent.commit.slice(0, 12)}\n${table}`,
  );
}

/** What the trained model is called on the hub; undefined where that is not known. */
function hubBase(run: RunDetails, given: string | undefined): string | undefined {
  if (given !== undefined) {
    if (!isHubId(given))
      throw new AttuneError("usage", "--base-model is no hub id", {
        got: given,
        expected: "OWNER/NAME",
      });
    return given;
  }
  const model = run.config["model"];
  return typeof model === "string" &&
    isHubId(model) &&
    !existsSync(resolve(run.info.workingFolder, model))
    ? model
    : undefined;
}

async function merge(
  run: string,
  folder: string,
  dtype: keyof typeof DTYPES,
  { reporter }: CommandContext,
): Promise<string> {
  const progress = reporter.progress({ title: "merging the adapter", unit: "weights" });
  const { model, tokenizer } = await openModel(run, {
    merge: true,
    onProgress: (done) => progress.update(done),
  }).finally(() => progress.end());
  await saveMerged(model, folder, { dtype: DTYPES[dtype], tokenizer });
  await saveTokenizer(tokenizer, folder);
  return folder;
}

/** The files of a model; an adapter's configuration names its base as the hub does. */
async function collect(folder: string, base: string | undefined): Promise<FileToUpload[]> {
  const files: FileToUpload[] = [];
  for (const file of filesBelow(folder).toSorted()) {
    const path = relative(folder, file).replaceAll("\\", "/");
    if (KEPT_HERE.test(path)) continue;
    files.push({
      path,
      content: path === ADAPTER_CONFIG ? new Blob([withBase(file, base!)]) : await openAsBlob(file),
    });
  }
  return files;
}

function withBase(file: string, base: string): string {
  const config = parseJson(readWholeFile(file)) as object;
  return `${stringifyJson({ ...config, base_model_name_or_path: base }, 2)}\n`;
}

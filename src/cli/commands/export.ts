/**
 * `attune export RUN_OR_MODEL --format FORMAT --out FOLDER`: a model in the form that other
 * software reads.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import type { OpenedModel } from "../../models/open.ts";
import { saveAdapter } from "../../models/peft/write.ts";
import { saveConfig, saveMerged, saveTokenizer } from "../../models/save.ts";
import type { GgufReport } from "../../models/export/gguf.ts";
import type { WeightDType } from "../../models/weights/dtypes.ts";
import type { QuantName } from "../../models/weights/gguf-quantize.ts";
import { filesBelow, publishFolder } from "../../runs/files.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { addBelowHelp, itemsText } from "../display/help-text.ts";
import { formatBytes, formatTable } from "../display/words.ts";
import { findModel } from "../inputs/find-model.ts";
import { readModelOf } from "../inputs/read-model.ts";
import { oneOf } from "../inputs/one-of.ts";

const QUANTS = { q8_0: "Q8_0", q4_0: "Q4_0", q4_1: "Q4_1" } as const satisfies Record<
  string,
  QuantName
>;
const DTYPES = { float32: "F32", float16: "F16", bfloat16: "BF16" } as const satisfies Record<
  string,
  WeightDType
>;
type DTypeName = keyof typeof DTYPES;

interface ExportFormat {
  readonly summary: string;
  /** The adapter is merged into the weights; else it is what is written. */
  readonly merge: boolean;
  /** Whether a score head can be written too. */
  readonly scoreHead: boolean;
  readonly dtypes: readonly DTypeName[];
  /** Whether matrices can be written in blocks of few bits. */
  readonly quants: boolean;
  write(opened: OpenedModel, folder: string, options: WriteOptions): Promise<GgufReport | void>;
}

interface WriteOptions {
  dtype: WeightDType;
  quant: QuantName | undefined;
  base: string | undefined;
}

const FORMATS: Readonly<Record<string, ExportFormat>> = {
  safetensors: {
    summary: "a whole model, adapter merged, as transformers and vLLM read it",
    merge: true,
    scoreHead: true,
    dtypes: ["float32", "float16", "bfloat16"],
    quants: false,
    async write({ model, tokenizer }, folder, { dtype }) {
      await saveMerged(model, folder, { dtype, tokenizer });
      await saveTokenizer(tokenizer, folder);
    },
  },
  peft: {
    summary: "the adapter alone, as peft reads it",
    merge: false,
    scoreHead: true,
    dtypes: ["float32"],
    quants: false,
    async write({ model, tokenizer }, folder, { base }) {
      if (!model.adapter)
        throw new AttuneError("model", "the model has no adapter", {
          file: model.source ?? "",
          hint: "--format safetensors writes the whole model",
        });
      await saveAdapter(model, folder, base ?? model.source ?? "");
      await saveTokenizer(tokenizer, folder);
    },
  },
  gguf: {
    summary: "one file with tokenizer and chat template, for llama.cpp and what is built on it",
    merge: true,
    scoreHead: false,
    dtypes: ["float32", "float16", "bfloat16"],
    quants: true,
    write: async ({ model, tokenizer }, folder, { dtype, quant }) =>
      (await import("../../models/export/gguf.ts")).exportGguf(
        model,
        tokenizer,
        folder,
        quant ?? dtype,
      ),
  },
  onnx: {
    summary:
      "an inference graph for ONNX Runtime: input_ids, attention_mask -> logits, without a " +
      "key-value cache",
    merge: true,
    scoreHead: false,
    dtypes: ["float32"],
    quants: false,
    async write({ model, tokenizer }, folder) {
      await (await import("../../models/export/onnx.ts")).exportOnnx(model, folder);
      await saveConfig(model, folder, { tokenizer });
      await saveTokenizer(tokenizer, folder);
    },
  },
};

interface ExportOptions {
  readonly format: string;
  readonly out: string;
  readonly dtype?: DTypeName;
  readonly quantise?: keyof typeof QUANTS;
  readonly base?: string;
}

export const command: CommandModule = {
  configure(command, bind) {
    const names = Object.keys(FORMATS);
    addBelowHelp(command, (width) =>
      itemsText(
        "Formats:",
        Object.entries(FORMATS).map(([name, { summary }]) => [name, summary]),
        width,
      ),
    );
    command
      .argument(
        "<model>",
        "a run folder, a folder of safetensors, an adapter, a GGUF file or a Hugging Face id",
      )
      .requiredOption("--format <name>", `form to write (${names.join(", ")})`, oneOf(names))
      .requiredOption("--out <folder>", "folder to write, new or empty")
      .option(
        "--dtype <name>",
        `numbers of safetensors and gguf (${Object.keys(DTYPES).join(", ")}; default float32)`,
        oneOf(Object.keys(DTYPES)),
      )
      .option(
        "--quantize, --quantise <name>",
        `matrices of gguf in blocks of 8 or 4 bits (${Object.keys(QUANTS).join(", ")})`,
        oneOf(Object.keys(QUANTS)),
      )
      .option(
        "--base <name>",
        "what a peft adapter is to call its base model, such as a Hugging Face id (default: " +
          "where it was read from)",
      )
      .action(
        bind<ExportOptions>(async ({ values: [source], options, context }) =>
          runExport(source!, options, context),
        ),
      );
  },
};

async function runExport(
  source: string,
  options: ExportOptions,
  context: CommandContext,
): Promise<void> {
  const { format: name, out, dtype = "float32", base } = options;
  const { reporter } = context;
  const format = FORMATS[name]!;
  checkOptions(options, format);
  checkFree(out);
  const path = await findModel(source, context);
  const opened = await readModelOf(source, path, { merge: format.merge, reporter });
  if (opened.model.scoreHead && !format.scoreHead)
    throw new AttuneError("model", `${name} cannot hold a reward model`, {
      file: path,
      hint: "--format safetensors or peft",
    });
  const quant = options.quantise && QUANTS[options.quantise];
  const written: { report: GgufReport | void } = { report: undefined };
  await publishFolder(
    out,
    async (folder) =>
      void (written.report = await format.write(opened, folder, {
        dtype: DTYPES[dtype],
        quant,
        base,
      })),
  );
  if (name === "peft" && base === undefined && /\.gguf$/i.test(opened.model.source ?? "")) {
    reporter.warn(
      "gguf-base",
      "the adapter's base model is a GGUF file, which peft cannot open: name the model that it " +
        "was made from with --base",
    );
  }
  if (written.report) warnOfGguf(written.report, context);
  const files = filesBelow(out).map((file) => ({
    name: relative(out, file),
    bytes: statSync(file).size,
  }));
  const formats = written.report?.formats;
  const table = formatTable(files.map((file) => [join(out, file.name), formatBytes(file.bytes)]));
  reporter.result(
    { out, format: name, files, ...(formats ? { tensors: formats } : {}) },
    formats
      ? `${table}\ntensors: ${Object.entries(formats)
          .map(([each, count]) => `${count} in ${each}`)
          .join(", ")}`
      : table,
  );
}

/** @throws AttuneError `usage` for options that the format would not heed */
function checkOptions(
  { format: name, dtype, quantise, base }: ExportOptions,
  format: ExportFormat,
): void {
  if (dtype !== undefined && !format.dtypes.includes(dtype))
    throw new AttuneError("usage", `--format ${name} has no choice of --dtype`, {
      got: dtype,
      expected: format.dtypes.join(", "),
    });
  if (base !== undefined && format.merge)
    throw new AttuneError("usage", `--base has no effect with --format ${name}`, {
      hint: "it belongs to --format peft",
    });
  if (quantise === undefined) return;
  if (!format.quants)
    throw new AttuneError("usage", `--quantise has no effect with --format ${name}`, {
      hint: "it belongs to --format gguf",
    });
  if (dtype !== undefined)
    throw new AttuneError("usage", "--quantise and --dtype both say what matrices are written in", {
      got: `${quantise} and ${dtype}`,
      hint: "leave one out",
    });
}

/** What llama.cpp will do otherwise, and what is not as small as was asked for. */
function warnOfGguf({ window, unquantised }: GgufReport, { reporter }: CommandContext): void {
  if (window) {
    reporter.warn(
      "gguf-window",
      "llama.cpp has no sliding window for this architecture: it agrees with the model up to " +
        `${countOf(window.length, "token")} (the window), and sees all of them beyond. The file ` +
        `gives ${window.length} as its context length, in place of ${window.positions}: stay ` +
        "within it",
    );
  }
  if (unquantised.length > 0) {
    const shown = unquantised.slice(0, 2).map(({ name, row }) => `${name}, rows of ${row}`);
    reporter.warn(
      "gguf-unquantised",
      `${unquantised.length} ${unquantised.length === 1 ? "matrix stays" : "matrices stay"} in ` +
        "float16, since the rows are no multiple of 32: " +
        `${shown.join("; ")}${unquantised.length > shown.length ? "; ..." : ""}`,
    );
  }
}

function checkFree(out: string): void {
  if (!existsSync(out)) return;
  const isFolder = statSync(out).isDirectory();
  if (isFolder && readdirSync(out).length === 0) return;
  throw new AttuneError(
    "usage",
    isFolder ? "the folder to export to is not empty" : "there is a file of this name",
    { file: out, hint: "another --out" },
  );
}

/** `attune export RUN_OR_MODEL --format FORMAT --out FOLDER`: a model in the form that other software reads. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import type { OpenedModel } from "../../models/open.ts";
import { openModel } from "../../models/open.ts";
import { saveAdapter } from "../../models/peft/write.ts";
import { saveConfig, saveMerged, saveTokenizer } from "../../models/save.ts";
import type { WeightDType } from "../../models/weights/dtypes.ts";
import { filesBelow, publishFolder } from "../../runs/files.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { formatBytes, formatTable } from "../words.ts";
import { findModel } from "./find-model.ts";
import { oneOf } from "./one-of.ts";

const DTYPES = { float32: "F32", float16: "F16", bfloat16: "BF16" } as const satisfies Record<string, WeightDType>;
type DTypeName = keyof typeof DTYPES;

interface ExportFormat {
  readonly summary: string;
  /** The adapter is merged into the weights; else it is what is written. */
  readonly merge: boolean;
  /** Whether a score head can be written too. */
  readonly scoreHead: boolean;
  readonly dtypes: readonly DTypeName[];
  write(opened: OpenedModel, folder: string, options: { dtype: WeightDType; base: string | undefined }): Promise<void>;
}

const FORMATS: Readonly<Record<string, ExportFormat>> = {
  safetensors: {
    summary: "a whole model, adapter merged, as transformers and vLLM read it",
    merge: true,
    scoreHead: true,
    dtypes: ["float32", "float16", "bfloat16"],
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
    async write({ model, tokenizer }, folder, { base }) {
      if (!model.adapter) throw new AttuneError("model", "the model has no adapter", { file: model.source ?? "", hint: "--format safetensors writes the whole model" });
      await saveAdapter(model, folder, base ?? model.source ?? "");
      await saveTokenizer(tokenizer, folder);
    },
  },
  gguf: {
    summary: "one file with tokenizer and chat template, for llama.cpp and what is built on it",
    merge: true,
    scoreHead: false,
    dtypes: ["float32", "float16", "bfloat16"],
    write: async ({ model, tokenizer }, folder, { dtype }) => (await import("../../models/export/gguf.ts")).exportGguf(model, tokenizer, folder, dtype),
  },
  onnx: {
    summary: "an inference graph for ONNX Runtime: input_ids, attention_mask -> logits, without a key-value cache",
    merge: true,
    scoreHead: false,
    dtypes: ["float32"],
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
  readonly dtype: DTypeName;
  readonly base?: string;
}

export const command: CommandModule = {
  configure(command, bind) {
    const names = Object.keys(FORMATS);
    command
      .argument("<model>", "a run folder, a folder of safetensors, an adapter, a GGUF file or a Hugging Face id")
      .requiredOption("--format <name>", `form to write (${names.join(", ")})`, oneOf(names))
      .requiredOption("--out <folder>", "folder to write, new or empty")
      .option("--dtype <name>", `numbers of safetensors and gguf (${Object.keys(DTYPES).join(", ")})`, oneOf(Object.keys(DTYPES)), "float32")
      .option("--base <name>", "what a peft adapter is to call its base model, such as a Hugging Face id (default: where it was read from)")
      .addHelpText("after", `\nFormats:\n${names.map((name) => `  ${name.padEnd(12)} ${FORMATS[name]!.summary}`).join("\n")}`)
      .action(bind<ExportOptions>(async ({ values: [source], options, context }) => runExport(source!, options, context)));
  },
};

async function runExport(source: string, { format: name, out, dtype, base }: ExportOptions, context: CommandContext): Promise<void> {
  const { reporter } = context;
  const format = FORMATS[name]!;
  if (!format.dtypes.includes(dtype)) throw new AttuneError("usage", `--format ${name} has no choice of --dtype`, { got: dtype, expected: format.dtypes.join(", ") });
  if (base !== undefined && format.merge) throw new AttuneError("usage", `--base has no effect with --format ${name}`, { hint: "it belongs to --format peft" });
  checkFree(out);
  const path = await findModel(source, context);
  const progress = reporter.progress({ title: `reading ${source}`, unit: "weights" });
  const opened = await openModel(path, { merge: format.merge, onProgress: (done) => progress.update(done) }).finally(() => progress.end());
  if (opened.model.scoreHead && !format.scoreHead) throw new AttuneError("model", `${name} cannot hold a reward model`, { file: path, hint: "--format safetensors or peft" });
  await publishFolder(out, (folder) => format.write(opened, folder, { dtype: DTYPES[dtype], base }), { access: "shared" });
  if (name === "peft" && base === undefined && /\.gguf$/i.test(opened.model.source ?? "")) {
    reporter.warn("gguf-base", "the adapter's base model is a GGUF file, which peft cannot open: name the model that it was made from with --base");
  }
  const files = filesBelow(out).map((file) => ({ name: relative(out, file), bytes: statSync(file).size }));
  reporter.result({ out, format: name, files }, formatTable(files.map((file) => [join(out, file.name), formatBytes(file.bytes)])));
}

function checkFree(out: string): void {
  if (!existsSync(out)) return;
  const isFolder = statSync(out).isDirectory();
  if (isFolder && readdirSync(out).length === 0) return;
  throw new AttuneError("usage", isFolder ? "the folder to export to is not empty" : "there is a file of this name", { file: out, hint: "another --out" });
}

/** The last part of `attune align`: every model answers prompts that none was trained on, and a reward model judges. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import { stringifyJson } from "../../core/json.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import type { EvaluatedModel } from "../../evaluation/policy-evaluation.ts";
import { evaluatePolicies } from "../../evaluation/policy-evaluation.ts";
import { openModel } from "../../models/open.ts";
import { writeFileAtomic } from "../../runs/files.ts";
import { createEncoder } from "../../text/encoder.ts";
import { RewardModelSource } from "../../training/rewards.ts";
import type { AlignEvaluation, AlignFile } from "../align-file.ts";
import type { CommandContext } from "../command.ts";
import { findModel } from "./find-model.ts";

export interface JudgedModels {
  evaluated: EvaluatedModel[];
  /** What judged, and whether a policy was optimised against it. */
  judge: { name: string; optimised: boolean };
}

/** Answers and scores are kept: they are made again only when a stage, the prompts or the options have changed. */
export async function evaluate({ model, out, seed, stages }: AlignFile, config: AlignEvaluation, context: CommandContext): Promise<JudgedModels> {
  const { reporter, signal } = context;
  const judgeStage = stages.find(({ folder }) => folder === "held-out-reward") ?? stages.find(({ folder }) => folder === "reward")!;
  const judge = { name: judgeStage.title.toLowerCase(), optimised: judgeStage.folder === "reward" };
  const dataset = await loadDataset(config.data, { onBad: "few", signal });
  const kept = join(out, "evaluation.json");
  const key = createHash("sha256").update(stringifyJson([config, dataset.hash, stages.map(({ folder }) => folder), readFileSync(join(out, "pipeline.json"), "utf8").replaceAll(/"seconds": [^,\n]*/g, ""), model])).digest("hex");
  if (existsSync(kept)) {
    const before = JSON.parse(readFileSync(kept, "utf8")) as { key: string; evaluated: EvaluatedModel[] };
    if (before.key === key) return { evaluated: before.evaluated, judge };
  }
  const opener = (path: string) => async () => {
    const opened = await openModel(path, { merge: true });
    return { model: opened.model, encoder: createEncoder(opened.tokenizer, { maxLength: Math.min(config.maxLength, opened.model.config.maxPositions) }) };
  };
  const policies = stages.filter(({ makes }) => makes === "policy");
  const models = [{ name: "base", open: opener(await findModel(model, context)) }, ...policies.map(({ folder }) => ({ name: folder, open: opener(join(out, folder)) }))];
  // Every stage after SFT starts from it, so it is what they are measured against.
  const ordered = stages.some(({ folder }) => folder === "sft") ? [models.find(({ name }) => name === "sft")!, ...models.filter(({ name }) => name !== "sft")] : models;
  const judging = await opener(join(out, judgeStage.folder))();
  const source = new RewardModelSource(judging, judging.encoder, { name: judge.name, microBatchTokens: 1024, plan: "auto", recompute: true, maxLength: config.maxLength });
  const progress = reporter.progress({ title: "answering and judging", total: ordered.length, unit: "models" });
  let number = 0;
  try {
    const evaluated = await evaluatePolicies(ordered, source, recordsAs(dataset, "prompt").slice(0, config.prompts), { ...config, seed }, { signal, onModel: (name) => progress.update(number++, name) });
    if (signal.aborted) throw new AttuneError("interrupted", "stopped in the evaluation");
    writeFileAtomic(kept, stringifyJson({ key, evaluated }, 1));
    return { evaluated, judge };
  } finally {
    progress.end();
    await source.close();
  }
}

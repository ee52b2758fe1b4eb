/** `attune best-of-n`: draw n answers to each prompt, and keep the one that a reward likes most. */
import { existsSync } from "node:fs";
import { AttuneError } from "../../core/errors.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import type { Table } from "../../evaluation/table.ts";
import { formatMean, formatNumber, formatTable } from "../../evaluation/table.ts";
import { parseConfig } from "../../runs/config-sources.ts";
import { writeFileAtomic } from "../../runs/files.ts";
import { checkDecodable } from "../../sampling/decoder-graph.ts";
import { bestOfNConfig } from "../../training/best-of-n.config.ts";
import type { BestOfNPoint } from "../../training/best-of-n.ts";
import { bestOfN } from "../../training/best-of-n.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { addConfigOptions, readConfigFlags } from "../config-options.ts";
import { openRoles } from "./reward-input.ts";
import { loadOptions } from "./training-input.ts";

export const command: CommandModule = {
  configure(command, bind) {
    command.requiredOption("--out <file>", "where the best answers go: JSON lines of prompt, completion and all scores, ready for attune sft");
    addConfigOptions(command, bestOfNConfig);
    command.addHelpText("after", "\nExamples:\n  attune best-of-n --model runs/sft --reward runs/reward --data prompts.jsonl --samples 64 --out best.jsonl");
    command.action(bind<Record<string, unknown> & { out: string }>(({ options, context }) => run(options, context)));
  },
};

async function run(options: Record<string, unknown> & { out: string }, context: CommandContext): Promise<void> {
  const { reporter, signal } = context;
  const { resolved: config } = parseConfig(bestOfNConfig, { flags: readConfigFlags(bestOfNConfig, options) });
  if (existsSync(options.out)) throw new AttuneError("usage", "the file is there already, and is left as it is", { file: options.out, hint: "another --out" });
  const records = recordsAs(await loadDataset(config.data, loadOptions(config, { reporter, signal })), "prompt");
  const roles = await openRoles({ ...config, adapter: "lora", precision: "float32" }, context);
  const { policy, encoder, rewards, heldOutReward } = roles;
  const prompts = config.prompts > 0 ? records.slice(0, config.prompts) : records;
  const progress = reporter.progress({ title: `drawing ${config.samples} answers to each prompt`, total: prompts.length, unit: "prompts" });
  try {
    checkDecodable(policy.model);
    const { choices, curve } = await bestOfN({ model: policy.model, encoder, prompts, rewards, heldOutReward }, config, { signal, onProgress: (done) => progress.update(done) });
    progress.end();
    writeFileAtomic(options.out, choices.map(({ record, best, answers }) => `${JSON.stringify({ prompt: record.prompt, completion: typeof record.prompt === "string" ? answers[best]!.text : [{ role: "assistant", content: answers[best]!.text }], score: answers[best]!.score, answers })}\n`).join(""));
    reporter.result({ out: options.out, prompts: choices.length, curve }, `${formatTable(curveTable(curve, choices.length))}\n\n${choices.length} best answers -> ${options.out}`);
  } finally {
    progress.end();
    for (const reward of rewards) if ("close" in reward) await reward.close();
  }
}

function curveTable(curve: readonly BestOfNPoint[], prompts: number): Table {
  const judged = curve[0]?.heldOutScore !== undefined;
  const right = "right" as const;
  return {
    caption: "Best of k, mean [95%]",
    columns: [{ name: "k", align: right }, { name: "KL at most, nats", align: right }, { name: "reward", align: right }, ...(judged ? [{ name: "held-out reward", align: right }] : [])],
    rows: curve.map(({ k, kl, score, heldOutScore }) => [String(k), formatNumber(kl), formatMean(score), ...(heldOutScore ? [formatMean(heldOutScore)] : [])]),
    note: `Every k is estimated from the same answers to ${prompts} prompts, without bias.`,
  };
}

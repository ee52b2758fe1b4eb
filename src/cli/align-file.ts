/**
 * `attune.yaml`: one section for each stage, with the options of that stage's own command. What one stage takes from another (the model to
 * start from, the reward, the pairs) is filled in and may be overridden.
 */
import { join } from "node:path";
import { LineCounter, isMap, isScalar, parseDocument } from "yaml";
import type { ParsedNode } from "yaml";
import { z } from "zod";
import { AttuneError, nearest } from "../core/errors.ts";
import type { ConfigDefinition, ConfigOf } from "../runs/config.ts";
import { defineConfig, field, requiredField } from "../runs/config.ts";
import { parseConfig } from "../runs/config-sources.ts";
import { TRAINER_CONFIGS } from "../training/configs.ts";

type Method = keyof typeof TRAINER_CONFIGS;

interface Section {
  method: Method;
  /** Folder of the stage. */
  folder: string;
  title: string;
}

/** In the order in which they run. */
const SECTIONS: Readonly<Record<string, Section>> = {
  sft: { method: "sft", folder: "sft", title: "Supervised fine-tuning" },
  reward: { method: "reward", folder: "reward", title: "Reward model" },
  heldOutReward: { method: "reward", folder: "held-out-reward", title: "Held-out reward model" },
  ppo: { method: "ppo", folder: "ppo", title: "PPO" },
  rloo: { method: "rloo", folder: "rloo", title: "RLOO" },
  grpo: { method: "grpo", folder: "grpo", title: "GRPO" },
  "reinforce++": { method: "reinforce++", folder: "reinforce++", title: "REINFORCE++" },
  dpo: { method: "dpo", folder: "dpo", title: "DPO" },
  kto: { method: "kto", folder: "kto", title: "KTO" },
};
const POLICIES: readonly Method[] = ["ppo", "rloo", "grpo", "reinforce++", "dpo", "kto"];
const PAIRED: readonly Method[] = ["dpo", "kto"];

const count = z.int().min(1);
const evaluationConfig = defineConfig({
  name: "evaluation",
  fields: {
    data: requiredField({ type: z.string().min(1), description: "prompts that no stage was trained on", group: "Evaluation" }),
    prompts: field({ type: count, default: 100, source: "a win rate to about 10 points", description: "how many of them, the first", group: "Evaluation", unit: "prompts" }),
    maxLength: field({ type: count, default: 1024, source: "trl DPOConfig.max_length", description: "longest prompt with its answer", group: "Evaluation", unit: "tokens" }),
    maxNewTokens: field({ type: count, default: 128, source: "trl, generation defaults", description: "longest answer", group: "Evaluation", unit: "tokens" }),
    temperature: field({ type: z.number().min(0), default: 0.7, source: "attune ppo", description: "of the answers; 0 for the most likely ones", group: "Evaluation" }),
    batchSize: field({ type: count, default: 32, source: "bench/: decoding", description: "answers that are decoded together", group: "Evaluation", unit: "rows" }),
  },
});
export type AlignEvaluation = ConfigOf<typeof evaluationConfig>;

export interface AlignStage {
  section: string;
  method: Method;
  name: string;
  title: string;
  needs: string[];
  /** The options that have an effect. */
  options: Readonly<Record<string, unknown>>;
}

export interface AlignFile {
  model: string;
  out: string;
  seed: number;
  stages: AlignStage[];
  evaluation: AlignEvaluation | undefined;
}

/** @throws AttuneError `config` with file and line for whatever is wrong in it */
export function readAlignFile(text: string, file: string): AlignFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors[0];
  if (broken) throw new AttuneError("config", `not valid YAML: ${broken.message}`, { file, row: lines.linePos(broken.pos[0]).line, cause: broken });
  if (!isMap(document.contents)) throw new AttuneError("config", "the file holds no sections", { file, expected: "`attune align --init` writes one to start from" });
  const top = new Map<string, { node: ParsedNode | null; row: number }>();
  for (const { key, value } of document.contents.items as { key: ParsedNode; value: ParsedNode | null }[]) {
    const name = String(isScalar(key) ? key.value : key);
    const row = lines.linePos(key.range[0]).line;
    const names = ["model", "out", "seed", ...Object.keys(SECTIONS), "evaluation"];
    if (!names.includes(name)) {
      const near = nearest(name, names);
      throw new AttuneError("config", `${name} is not a part of this file`, { file, row, expected: names.join(", "), ...(near === undefined ? {} : { hint: `did you mean ${near}?` }) });
    }
    top.set(name, { node: value, row });
  }
  const plain = <T>(name: string, type: z.ZodType<T>, otherwise?: T): T => {
    const found = top.get(name);
    if (!found && otherwise !== undefined) return otherwise;
    const parsed = type.safeParse(found?.node?.toJSON());
    if (!parsed.success) throw new AttuneError("config", found ? `${name}: ${parsed.error.issues[0]!.message}` : `${name} is missing`, { file, ...(found ? { row: found.row } : {}), expected: name === "model" ? "a folder, a GGUF file, a run folder or a Hugging Face id" : "a value of its kind" });
    return parsed.data;
  };
  const [model, out, seed] = [plain("model", z.string().min(1)), plain("out", z.string().min(1), "runs/align"), plain("seed", z.int().min(0), 42)];
  const parse = <D extends ConfigDefinition>(name: string, definition: D, values: object) => {
    const { node, row } = top.get(name)!;
    const empty = node === null || (isScalar(node) && node.value === null);
    return parseConfig(definition as ConfigDefinition, { values: values as never, ...(empty ? {} : { yaml: { text: sectionText(text, node!.range, { file, row, name, isMap: isMap(node) }), file } }) });
  };
  const present = Object.keys(SECTIONS).filter((name) => top.has(name));
  if (present.length === 0) throw new AttuneError("config", "the file asks for no stage", { file, expected: Object.keys(SECTIONS).join(", ") });
  const stages: AlignStage[] = [];
  for (const name of present) {
    const section = SECTIONS[name]!;
    const { values, needs } = wiring(section, { model, out, seed, done: stages });
    stages.push({ section: name, method: section.method, name: section.folder, title: section.title, needs, options: parse(name, TRAINER_CONFIGS[section.method] as unknown as ConfigDefinition, values).effective });
  }
  const evaluation = top.has("evaluation") ? (parse("evaluation", evaluationConfig as unknown as ConfigDefinition, {}).resolved as unknown as AlignEvaluation) : undefined;
  if (evaluation && !stages.some(({ method }) => method === "reward")) throw new AttuneError("config", "the evaluation has no judge", { file, row: top.get("evaluation")!.row, expected: "a section reward, or better heldOutReward with pairs of its own" });
  return { model, out, seed, stages, evaluation };
}

/** The lines of a section alone, where they stand, so that errors name their lines. */
function sectionText(text: string, [start, end]: readonly [number, number, number], { file, row, name, isMap: holdsOptions }: { file: string; row: number; name: string; isMap: boolean }): string {
  if (!holdsOptions) throw new AttuneError("config", `${name} holds the options of \`attune ${SECTIONS[name]?.method ?? name}\``, { file, row, expected: "lines such as `data: pairs.jsonl`, indented below it" });
  const before = text.slice(0, start);
  const line = before.lastIndexOf("\n") + 1;
  const indent = /^\s*$/.test(before.slice(line)) ? before.slice(line) : "";
  return "\n".repeat(before.split("\n").length - 1) + indent + text.slice(start, end);
}

/** What a stage takes from those before it. */
function wiring({ method, folder }: Section, { model, out, seed, done }: { model: string; out: string; seed: number; done: readonly AlignStage[] }): { values: object; needs: string[] } {
  const stage = (name: string): AlignStage | undefined => done.find((each) => each.name === name);
  const tuned = stage("sft");
  const values: Record<string, unknown> = { seed, model: tuned ? join(out, "sft") : model };
  const needs = tuned ? ["sft"] : [];
  if (folder === "sft") return { values: { seed, model }, needs: [] };
  if (!POLICIES.includes(method)) return { values, needs };
  const reward = stage("reward");
  if (PAIRED.includes(method)) {
    const data = reward?.options["data"];
    return { values: { ...values, ...(data === undefined || method === "kto" ? {} : { data }) }, needs };
  }
  if (reward) {
    values["reward"] = [join(out, "reward")];
    needs.push("reward");
  }
  if (stage("held-out-reward")) {
    values["heldOutReward"] = join(out, "held-out-reward");
    needs.push("held-out-reward");
  }
  return { values, needs };
}

/** What `attune align --init` writes. */
export const ALIGN_TEMPLATE = `# attune align: from a model and people's judgements to a model that people prefer, and the evidence.
# Every section is a stage; leave out what you do not want. A section takes the options of its own command: \`attune sft --help\`
# lists those of sft, and so on. Paths start from where the command is run.

model: HuggingFaceTB/SmolLM2-135M-Instruct   # a Hugging Face id, a folder of safetensors, a GGUF file or a run folder
out: runs/align                              # each stage is a run folder below it
seed: 42

# 1. Imitate good answers. Starts from the model above.
sft:
  data: demonstrations.jsonl                 # {"prompt": ..., "completion": ...} or {"messages": [...]}
  epochs: 1

# 2. Learn what people prefer. Starts from the sft stage, where there is one.
reward:
  data: pairs.jsonl                          # {"prompt": ..., "chosen": ..., "rejected": ...}

# A second reward model from other pairs. It is never optimised: it judges the evaluation, and guards PPO against hacking the first.
heldOutReward:
  data: other-pairs.jsonl

# 3. Please the reward model without straying far. Takes the sft model and both reward models from above.
ppo:
  data: prompts.jsonl                        # {"prompt": ...}; pairs do too, their answers are left aside
  kl:
    coef: 0.05
  guard: stop                                # end the run when the two reward models part

# Or without a critic (rloo, grpo, reinforce++), or without a reward model at all. DPO takes the pairs of the reward stage.
dpo:
  beta: 0.1

# 4. Is it better? Answers of every model to prompts that no stage has seen, judged by the held-out reward model.
evaluation:
  data: held-out-prompts.jsonl
  prompts: 100
`;

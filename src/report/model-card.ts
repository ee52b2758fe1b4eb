/**
 * A model card for the hub, written from what a run recorded: README.md with a YAML head that the
 * hub reads. It holds no path of anybody's machine and no text of the data.
 * Source of the head's keys: the hub's documentation "Model Cards", "Model metadata".
 */
import { countOf } from "../core/counts.ts";
import { stringify } from "yaml";
import type { RewardModelQuality } from "../evaluation/reward-model-quality.ts";
import { formatNumber, formatShare } from "../evaluation/table.ts";
import { trainerEntry } from "../training/trainers.ts";

export interface CardFacts {
  /** OWNER/NAME of the repository. */
  id: string;
  /** Trainer: `sft`, `dpo`, ... */
  method: string;
  /** An adapter over `base`, or whole weights. */
  isAdapter: boolean;
  /** It gives scores instead of text. */
  isRewardModel: boolean;
  /** Hub id of what was trained; undefined where it has none. */
  base: string | undefined;
  /** Hub ids of the data, where they come from there. */
  datasets: readonly string[];
  /** Licence as the hub names it; undefined for none stated. */
  license: string | undefined;
  /** Options that were given, with their values as text. */
  options: readonly (readonly [name: string, value: string])[];
  seed: number;
  steps: number;
  versions: Readonly<Record<string, string>>;
  dataHash: string;
  /** Last values, with what they mean; held-out ones first. */
  metrics: readonly { name: string; value: number; meaning: string; unit: string }[];
  /** On held-out pairs, where there are any. */
  quality: RewardModelQuality | undefined;
  /** Whether the tokenizer carries a chat template. */
  hasTemplate: boolean;
}

function head({ isAdapter, isRewardModel, base, datasets, license, method }: CardFacts): string {
  const fields = {
    ...(license === undefined ? {} : { license }),
    library_name: isAdapter ? "peft" : "transformers",
    pipeline_tag: isRewardModel ? "text-classification" : "text-generation",
    ...(base === undefined
      ? {}
      : { base_model: base, base_model_relation: isAdapter ? "adapter" : "finetune" }),
    ...(datasets.length === 0 ? {} : { datasets: [...datasets] }),
    tags: [
      "attune",
      method,
      ...(isRewardModel ? ["reward-model"] : []),
      ...(isAdapter ? ["lora"] : []),
    ],
  };
  return `---\n${stringify(fields)}---`;
}

/** A cell of a Markdown table: no text of it may end the cell or be read as markup. */
const cell = (text: string): string =>
  text.replaceAll(/[\\`*_{}[\]<>|]/g, String.raw`\$&`).replaceAll(/\s+/g, " ");

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(columns),
    line(columns.map(() => "---")),
    ...rows.map((row) => line(row.map(cell))),
  ].join("\n");
}

function usage({ id, isAdapter, isRewardModel, base, hasTemplate }: CardFacts): string {
  const lines = isRewardModel
    ? [
        "from transformers import AutoModelForSequenceClassification, AutoTokenizer",
        ...(isAdapter ? ["from peft import PeftModel"] : []),
        "",
        `tokenizer = AutoTokenizer.from_pretrained("${id}")`,
        ...(isAdapter
          ? [
              `model = AutoModelForSequenceClassification.from_pretrained("${base}", num_labels=1)`,
              `model = PeftModel.from_pretrained(model, "${id}")`,
            ]
          : [`model = AutoModelForSequenceClassification.from_pretrained("${id}", num_labels=1)`]),
      ]
    : [
        ...(isAdapter
          ? ["from peft import AutoPeftModelForCausalLM"]
          : ["from transformers import AutoModelForCausalLM"]),
        "from transformers import AutoTokenizer",
        "",
        `tokenizer = AutoTokenizer.from_pretrained("${id}")`,
        `model = ${isAdapter ? "AutoPeftModelForCausalLM" : "AutoModelForCausalLM"}` +
          `.from_pretrained("${id}")`,
        ...(hasTemplate
          ? [
              'messages = [{"role": "user", "content": "What is the capital of France?"}]',
              "inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, " +
                'return_tensors="pt", return_dict=True)',
            ]
          : ['inputs = tokenizer("The capital of France is", return_tensors="pt")']),
        "print(tokenizer.decode(model.generate(**inputs, max_new_tokens=64)[0]))",
      ];
  const here =
    isRewardModel || isAdapter
      ? []
      : [
          "",
          "With [attune](https://www.npmjs.com/package/attune):",
          "",
          "```",
          `attune chat --model ${id}`,
          "```",
        ];
  return ["```python", ...lines, "```", ...here].join("\n");
}

function results({ metrics, quality }: CardFacts): string[] {
  const lines: string[] = [];
  if (quality) {
    const [longest] = quality.baselines;
    lines.push(
      `On ${countOf(quality.decided, "held-out pair")} the model puts ` +
        `${formatShare(quality.accuracy)} in the order of people's labels (95% interval; pairs ` +
        "of one prompt count together).",
      `Calling the longer answer better would reach ${formatShare(longest.accuracy)}.`,
      "",
    );
  }
  if (metrics.length > 0) {
    lines.push(
      "Last values. `eval_` stands before values on held-out data, of which there may be few; a " +
        "value without an interval is a single run's.",
      "",
    );
    lines.push(
      table(
        ["metric", "value", "unit", "what it is"],
        metrics.map(({ name, value, unit, meaning }) => [
          name,
          formatNumber(value, 4),
          unit,
          meaning,
        ]),
      ),
    );
  }
  return lines.length === 0 ? ["The run recorded no metrics."] : lines;
}

/** The whole README.md. */
export function modelCard(facts: CardFacts): string {
  const { id, method, isAdapter, base, options, seed, steps, versions, dataHash } = facts;
  const what = isAdapter ? "A low-rank adapter" : "A whole model";
  const over =
    base === undefined
      ? ""
      : isAdapter
        ? ` over [${base}](https://huggingface.co/${base})`
        : `, made from [${base}](https://huggingface.co/${base})`;
  return [
    head(facts),
    "",
    `# ${id.slice(id.indexOf("/") + 1)}`,
    "",
    `${what}${over}, trained by ${trainerEntry(method)?.fullName ?? method}.`,
    "",
    "## Use",
    "",
    usage(facts),
    "",
    "## Results",
    "",
    ...results(facts),
    "",
    "## How it was trained",
    "",
    `\`attune ${method}\`, ${countOf(steps, "step")}, seed ${seed}. All options that are not ` +
      "here had their defaults.",
    "",
    options.length === 0 ? "No options were given." : table(["option", "value"], options),
    "",
    `Versions: ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}. Data (SHA-256 of the content): \`${dataHash.slice(0, 16)}\`.`,
    "",
    "## Limits",
    "",
    "This card was written by the program that trained the model, from what it recorded. Nobody " +
      "has judged here whether the model is safe or fit",
    "for a purpose: whoever publishes it adds what they know, for whom it is meant, and what it " +
      "should not be used for.",
    "",
  ].join("\n");
}

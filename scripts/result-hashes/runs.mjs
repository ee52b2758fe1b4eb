/** The runs of result-hashes: commands by name, and their options. */
export const SEED = 5;

/** Options that commands have where a run does not say otherwise. */
const TRAINING = "--model model --max-length 96 --batch-size 4 --checkpoint-steps 2";
const ROWS = `${TRAINING} --max-steps 4 --learning-rate 0.01 --held-out 6 --evaluation-steps 2`;
const ROLLOUTS =
  "--model model --data prompts.jsonl --max-length 96 --batch-size 8 --checkpoint-steps 2 " +
  "--max-steps 4 --learning-rate 0.001 --max-new-tokens 16 --sample-steps 2 --sample-prompts 2";
const PRINCIPLES = "--constitution constitution.yaml --max-new-tokens 8";
export const DEFAULTS = {
  sft: ROWS,
  reward: `${ROWS} --data pairs.jsonl`,
  dpo: `${ROWS} --data pairs.jsonl`,
  kto: `${ROWS} --data judged.jsonl`,
  ppo: `${ROLLOUTS} --critic-warmup-steps 1 --ppo-epochs 2 --reward-samples 8`,
  grpo: `${ROLLOUTS} --reward reward.ts --samples 4`,
  rloo: `${ROLLOUTS} --reward reward.ts --samples 4`,
  "reinforce++": `${ROLLOUTS} --reward reward.ts`,
  "online-dpo": ROLLOUTS,
  "rejection-sampling": `${ROLLOUTS} --reward reward.ts --samples 4`,
  "best-of-n":
    "--model model --data prompts.jsonl --samples 4 --prompts 6 --prompts-per-step 3 " +
    "--max-length 96 --max-new-tokens 12 --checkpoint-steps 1",
  "constitution revise": `--model model --data prompts.jsonl --limit 4 --revisions 2 ${PRINCIPLES}`,
  "constitution compare": `--critic model --data pairs.jsonl --limit 4 ${PRINCIPLES}`,
};

/** Every loss over pairs; what a loss reads besides beta is set, so that it counts. */
const LOSSES = {
  sigmoid: "",
  robust: "--label-smoothing 0.1",
  ipo: "",
  hinge: "",
  sppo_hard: "",
  nca_pair: "",
  bco_pair: "",
  exo_pair: "",
  apo_zero: "",
  apo_down: "",
  sigmoid_norm: "--label-smoothing 0.1",
  discopop: "--discopop-tau 0.1",
  simpo: "--simpo-gamma 0.5",
  orpo: "",
  cpo: "--label-smoothing 0.1",
};
const SOFT_LOSSES = ["sigmoid", "sigmoid_norm", "simpo", "cpo"];
export const FAMILIES = [
  "gpt2",
  "llama-biases",
  "llama2",
  "llama3",
  "mistral",
  "qwen2",
  "qwen3",
  "smollm2",
];
/** Adapter and plan of the four ways in which a model is trained. */
const WAYS = ["lora whole", "lora block", "none whole", "none block"].map((way) => way.split(" "));

/** NAME: command line; other runs by `runs/NAME`, which are done before. */
export const RUNS = {
  ...inAllWays("sft-conversations", "sft --data conversations.jsonl"),
  ...inAllWays("sft-texts", "sft --data texts.jsonl --loss full"),
  "sft-demonstrations": "sft --data demonstrations.jsonl --no-packing",
  "sft-two-sets":
    "sft --data demonstrations.jsonl --data other-demonstrations.jsonl --data-weights 0.5,2 " +
    "--held-out 0.2",
  "sft-optimiser":
    "sft --data demonstrations.jsonl --weight-decay 0.1 --schedule cosine --warmup-ratio 0.5 " +
    "--max-grad-norm 0.1 --adam-beta1 0.8 --adam-beta2 0.95 --adam-epsilon 1e-6 --no-shuffle",
  "sft-epochs": "sft --data demonstrations.jsonl --max-steps 0 --epochs 0.5 --batch-size 3",
  "sft-lora-options":
    "sft --data demonstrations.jsonl --lora-rank 4 --lora-alpha 6 --lora-rslora " +
    "--lora-targets q_proj,down_proj",
  "sft-micro-batches": "sft --data demonstrations.jsonl --micro-batch-tokens 48 --batch-size 12",
  "sft-chatml": "sft --data conversations.jsonl --template chatml",
  "sft-cut": "sft --data conversations.jsonl --max-length 24",
  "sft-wide": "sft --model wide --data demonstrations.jsonl --adapter none",
  "sft-wide-block": "sft --model wide --data demonstrations.jsonl --plan block",
  "sft-on": "sft --model runs/sft-conversations-lora-whole --data demonstrations.jsonl",

  ...inAllWays("reward", "reward"),
  "reward-other": "reward --data other-pairs.jsonl",
  "reward-margin": "reward --data margins.jsonl",
  "reward-no-margin": "reward --data margins.jsonl --no-margin --center-coefficient 0",
  "reward-soft": "reward --data soft-pairs.jsonl",
  "reward-ranked": "reward --data ranked.jsonl",
  "reward-compared": "reward --data compared.jsonl --plan block",
  "reward-on-adapter": "reward --model runs/sft-conversations-lora-whole",
  "reward-several-negatives": "reward --data negatives.jsonl",

  ...Object.fromEntries(
    Object.entries(LOSSES).map(([loss, more]) => [`dpo-${loss}`, `dpo --loss ${loss} ${more}`]),
  ),
  ...inAllWays("dpo", "dpo --beta 0.3"),
  "dpo-lora-whole-again": "dpo --beta 0.3 --adapter lora --plan whole",
  ...Object.fromEntries(
    SOFT_LOSSES.map((loss) => [`dpo-soft-${loss}`, `dpo --data soft-pairs.jsonl --loss ${loss}`]),
  ),
  "dpo-messages": "dpo --data message-pairs.jsonl",
  "dpo-plain": "dpo --template none",
  "dpo-cut": "dpo --data message-pairs.jsonl --max-length 20",
  "dpo-smoothed": "dpo --label-smoothing 0.2",
  "dpo-mixture": "dpo --loss sigmoid,ipo,simpo --loss-weights 0.5,0.2,1",
  "dpo-sft-term": "dpo --sft-weight 0.5",
  "dpo-sft-term-full": "dpo --sft-weight 0.5 --sft-tokens full --plan block",
  "dpo-reference-adapter": "dpo --reference adapter",
  "dpo-reference-copy": "dpo --reference copy",
  "dpo-reference-copy-none": "dpo --reference copy --adapter none --plan block",
  "dpo-no-cache": "dpo --no-reference-cache",
  "dpo-on-adapter": "dpo --model runs/sft-conversations-lora-whole",
  "dpo-on-adapter-block": "dpo --model runs/sft-conversations-lora-block --plan block",
  "dpo-recompute-between": "dpo --plan block --recompute between",
  "dpo-recompute-none": "dpo --plan block --recompute none",
  "dpo-float16": "dpo --precision float16",
  "dpo-int8": "dpo --precision int8",
  "dpo-int8-block": "dpo --precision int8 --plan block",
  ...Object.fromEntries(
    FAMILIES.map((name) => [`dpo-${name}`, `dpo --model golden/${name} --max-length 32`]),
  ),
  "dpo-gpt2-none": "dpo --model golden/gpt2 --max-length 32 --adapter none --plan block",
  "dpo-qwen3-none": "dpo --model golden/qwen3 --max-length 32 --adapter none --plan block",

  ...inAllWays("kto", "kto"),
  "kto-pairs": "kto --data pairs.jsonl --undesirable-weight 1.33 --desirable-weight 0.9 --beta 0.3",
  "kto-reference-adapter": "kto --reference adapter",
  "kto-reference-copy": "kto --reference copy",

  "ppo-one-base": "ppo --reward runs/reward-lora-whole",
  "ppo-one-base-block": "ppo --reward runs/reward-lora-whole --plan block",
  "ppo-separate": "ppo --reward runs/reward-none-whole --adapter none",
  "ppo-separate-block": "ppo --reward runs/reward-none-whole --adapter none --plan block",
  "ppo-ensemble":
    "ppo --reward runs/reward-lora-whole,runs/reward-other --reward-combine uncertainty " +
    "--reward-uncertainty 0.7",
  "ppo-two-rewards":
    "ppo --reward runs/reward-lora-whole,reward.ts --reward-weights 1,0.5 --reward-clip 1",
  "ppo-function": "ppo --reward reward.ts --reward-normalise standard --missing-eos-penalty 0.5",
  "ppo-ptx":
    "ppo --reward reward.ts --ptx-coef 0.5 --ptx-data demonstrations.jsonl --ptx-batch-size 3",
  "ppo-guard":
    "ppo --reward runs/reward-lora-whole --held-out-reward runs/reward-other --guard warn " +
    "--guard-window 4",
  // here the guard finds fault, and the run ends with an earlier checkpoint
  "ppo-stopped":
    "ppo --reward reward.ts --held-out-reward runs/reward-other --guard stop --guard-window 4 " +
    "--guard-alpha 0.1 --guard-share 1 --max-steps 8 --epochs 2 --learning-rate 0.04 " +
    "--batch-size 16 --samples 2",
  "ppo-details":
    "ppo --reward reward.ts --kl-controller adaptive --kl-target 1 --kl-horizon 50 --gamma 0.98 " +
    "--lambda 0.9 --whiten-rewards --mini-batches 2 --clip-range 0.1 --clip-range-value 0 " +
    "--dual-clip 3 --early-stop-kl 0.01 --ppo-epochs 4 --critic-start policy " +
    "--temperature 0.9 --samples 2",
  "ppo-on-adapter": "ppo --model runs/sft-conversations-lora-whole --reward runs/reward-lora-whole",
  "ppo-pipeline": "ppo --model runs/sft-conversations-lora-whole --reward runs/reward-on-adapter",
  "ppo-float16": "ppo --reward runs/reward-lora-whole --precision float16",
  "ppo-int8": "ppo --reward runs/reward-lora-whole --precision int8",

  "grpo-dapo": "grpo",
  "grpo-grpo": "grpo --aggregation grpo --plan block",
  "grpo-dr_grpo": "grpo --aggregation dr_grpo --scale-rewards none",
  "grpo-batch-scale": "grpo --scale-rewards batch --adapter none",
  "grpo-iterations": "grpo --iterations 2 --mini-batches 2 --clip-range-high 0.28 --dual-clip 3",
  "grpo-kl": "grpo --kl-coef 0.1 --iterations 2",
  "grpo-kl-uncorrected": "grpo --kl-coef 0.1 --no-kl-correction --iterations 2",
  "grpo-dynamic-sampling": "grpo --reward strict.ts --dynamic-sampling 2 --samples 2",
  "grpo-mask-truncated": "grpo --mask-truncated --max-new-tokens 20",
  "grpo-tasks": "grpo --data tasks.jsonl",
  "grpo-model": "grpo --reward runs/reward-lora-whole --reward-samples 8",
  rloo: "rloo",
  "rloo-block": "rloo --plan block --adapter none",
  "rloo-iterations": "rloo --iterations 2 --mini-batches 2 --normalise-advantages --kl-coef 0.2",
  "reinforce++": "reinforce++",
  "reinforce++-group": "reinforce++ --baseline group --samples 4 --kl-coef 0.1 --iterations 2",
  "reinforce++-block": "reinforce++ --adapter none --plan block --gamma 0.99 --mini-batches 2",
  "online-dpo": "online-dpo --reward reward.ts",
  "online-dpo-samples": "online-dpo --reward runs/reward-lora-whole --samples 4 --reward-samples 8",
  "online-dpo-mixture": "online-dpo --reward reward.ts --loss ipo,simpo --loss-weights 1,0.5",
  "online-dpo-block": "online-dpo --reward reward.ts --adapter none --plan block --iterations 2",
  "online-dpo-judge": "online-dpo --judge model --constitution constitution.yaml --principles 2",
  "rejection-sampling-best": "rejection-sampling",
  "rejection-sampling-share": "rejection-sampling --keep share --share 0.5 --adapter none",
  "rejection-sampling-threshold":
    "rejection-sampling --keep threshold --threshold 0.2 --plan block",
  "best-of-n": "best-of-n --reward runs/reward-lora-whole --reward-samples 8",
  "best-of-n-held-out":
    "best-of-n --reward reward.ts --held-out-reward runs/reward-other --reward-samples 8",

  "constitution-revise": "constitution revise --helpful demonstrations.jsonl --helpful-limit 3",
  "constitution-compare": "constitution compare --principles 2 --export trl",
  "constitution-sampled": "constitution compare --data prompts.jsonl --model model --reasoning",
  "constitution-report": "constitution report runs/constitution-revise",
  "constitution-report-labels": "constitution report runs/constitution-compare",
  align: "align align.yaml",

  "export-safetensors": "export runs/dpo-lora-whole --format safetensors",
  "export-float16": "export runs/dpo-lora-whole --format safetensors --dtype float16",
  "export-bfloat16": "export runs/dpo-lora-whole --format safetensors --dtype bfloat16",
  "export-peft": "export runs/dpo-lora-whole --format peft --base me/base",
  "export-gguf": "export runs/dpo-lora-whole --format gguf",
  "export-gguf-q8_0": "export runs/dpo-lora-whole --format gguf --quantise q8_0",
  "export-gguf-q4_0": "export runs/dpo-lora-whole --format gguf --quantise q4_0",
  "export-onnx": "export runs/dpo-lora-whole --format onnx",
  "dpo-gguf": "dpo --model runs/export-gguf/model.gguf",
  "dpo-gguf-q8_0": "dpo --model runs/export-gguf-q8_0/model.gguf",
  "generate-greedy":
    "generate --model runs/dpo-lora-whole --temperature 0 --max-new-tokens 24 abc Hi",
  "generate-sampled":
    "generate --model runs/dpo-lora-whole --samples 3 --top-p 0.9 --max-new-tokens 24 abc Hi",
};

/** A command in all four ways. */
function inAllWays(name, command) {
  return Object.fromEntries(
    WAYS.map(([adapter, plan]) => [
      `${name}-${adapter}-${plan}`,
      `${command} --adapter ${adapter} --plan ${plan}`,
    ]),
  );
}

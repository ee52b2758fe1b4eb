/** What `attune align --init` writes. */
export const ALIGN_TEMPLATE = `# attune align: from a model and people's judgements to a model that people prefer, and the evidence.
# Every section is a stage; leave out what you do not want. A section takes the options of its own command: \`attune sft --help\`
# lists those of sft, and so on. Paths start from where the command is run.

model: HuggingFaceTB/SmolLM2-135M-Instruct   # a Hugging Face id, a folder of safetensors, a GGUF file or a run folder
out: runs/align                              # each stage is a run folder below it
seed: 42
# template: chatml                           # for a base model: how its prompts are written (auto, none, plain, chatml, llama3 or a Jinja file)

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

# Or without a critic (rloo, grpo, reinforce++), by pairs or the best of the model's own answers (onlineDpo, rejectionSampling), or
# without a reward model at all. DPO takes the pairs of the reward stage.
dpo:
  beta: 0.1

# Principles in place of people (attune constitution): revise answers the prompts of its data, and sft imitates the revisions unless it
# names data of its own; compare lets the model above judge two answers of the sft model, and reward and dpo learn from its labels.
# revise:
#   data: harmful-prompts.jsonl
# compare:
#   data: prompts.jsonl
#   model: ""                                # judge the data's own pairs instead of new answers

# 4. Is it better? Answers of every model to prompts that no stage has seen, judged by the held-out reward model; and, where judge names
# one, by a critic that compares them with the first model's in both orders, by the principles of a constitution.
evaluation:
  data: held-out-prompts.jsonl
  prompts: 100
  # judge: openai:gpt-4o-mini                # or a model's folder, file or run
`;

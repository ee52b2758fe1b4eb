"""PPO in the last TRL that had it (0.24): seconds of an iteration and peak memory.

    python trl_ppo.py [--answers 64 --prompt-tokens 64 --answer-tokens 64] [--sweep]

Policy and value model train an adapter of the same rank over frozen weights; the reference is the
policy with its adapter off; the reward model is a third network. TRL holds the policy's, the value
model's and the reward model's weights apart. Nothing stops before its end. Four epochs over one
minibatch. --sweep tries kinds of arithmetic and sizes of micro-batches, and ranks by time.
"""

import json
import statistics
import sys
import tempfile
import time

from common import SHAPE, Memory, build_model, parser, sweep, versions

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def options():
    result = parser(__doc__)
    result.add_argument("--answers", type=int, default=64)
    result.add_argument("--prompt-tokens", type=int, default=64)
    result.add_argument("--answer-tokens", type=int, default=64)
    result.add_argument("--rank", type=int, default=8)
    result.add_argument(
        "--micro-batch", type=int, default=8, help="answers of one forward and backward pass"
    )
    result.add_argument(
        "--rollout-batch", type=int, default=64, help="answers that are generated together"
    )
    result.add_argument("--iterations", type=int, default=3)
    return result.parse_args()


def settings() -> list[list[str]]:
    shapes = [(dtype, micro) for dtype in ("bfloat16", "float32") for micro in ("8", "16")] + [
        ("autocast", "8")
    ]
    return [["--dtype", dtype, "--micro-batch", micro] for dtype, micro in shapes]


def scorer(folder: str | None, dtype: str, adapter=None):
    """A network with a score head over the same kind of weights; with an adapter, all but that and
    the head is frozen.
    """
    import peft
    import torch
    import transformers

    policy = build_model(folder, dtype)
    policy.config.num_labels = 1
    model = transformers.LlamaForSequenceClassification(policy.config).to(policy.dtype)
    model.model = policy.model
    torch.nn.init.normal_(model.score.weight, std=0.02)
    if adapter is None:
        return model.requires_grad_(False)
    model = peft.inject_adapter_in_model(adapter, model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name or name.startswith("score"))
    return model


def main() -> None:
    given = options()
    if given.sweep:
        return sweep(__file__, settings(), best_of="iterations_per_hour")
    import datasets
    import peft
    import tokenizers
    import torch
    import transformers
    import trl

    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    memory = Memory()
    ends: list[float] = []

    class Stopwatch(transformers.TrainerCallback):
        def on_step_end(self, *_, **__):
            ends.append(time.perf_counter())

    words = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({"<pad>": 0, "<end>": 2}, unk_token="<pad>")
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<end>", padding_side="left"
    )
    prompts = torch.randint(10, SHAPE["vocab_size"], (given.answers, given.prompt_tokens)).tolist()
    adapter = peft.LoraConfig(
        r=given.rank, lora_alpha=2 * given.rank, lora_dropout=0.0, target_modules=PROJECTIONS
    )
    config = trl.PPOConfig(
        output_dir=tempfile.mkdtemp(),
        use_cpu=True,
        bf16=given.dtype == "autocast",
        report_to="none",
        per_device_train_batch_size=given.micro_batch,
        gradient_accumulation_steps=given.answers // given.micro_batch,
        num_mini_batches=1,
        num_ppo_epochs=4,
        total_episodes=given.answers * given.iterations,
        response_length=given.answer_tokens,
        local_rollout_forward_batch_size=given.rollout_batch,
        learning_rate=1e-5,
        temperature=0.7,
        num_sample_generations=0,
        save_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        gradient_checkpointing=False,
    )
    policy = build_model(given.model, given.dtype)
    policy.generation_config.eos_token_id = None
    trainer = trl.PPOTrainer(
        args=config,
        processing_class=tokenizer,
        model=policy,
        ref_model=None,
        reward_model=scorer(given.model, given.dtype),
        value_model=scorer(given.model, given.dtype, adapter),
        train_dataset=datasets.Dataset.from_dict({"input_ids": prompts}),
        peft_config=peft.LoraConfig(
            task_type="CAUSAL_LM",
            r=given.rank,
            lora_alpha=2 * given.rank,
            lora_dropout=0.0,
            target_modules=PROJECTIONS,
        ),
        callbacks=[Stopwatch()],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    iterations = [after - before for before, after in zip(ends, ends[1:])]
    seconds = statistics.median(iterations)
    print(
        json.dumps(
            {
                "peer": "trl ppo lora",
                "seconds": round(seconds, 3),
                "iterations_per_hour": round(3600 / seconds, 2),
                "iteration_seconds": [round(each, 3) for each in iterations],
                **memory.report(),
                "settings": {
                    "dtype": given.dtype,
                    "micro_batch": given.micro_batch,
                    "rollout_batch": given.rollout_batch,
                    "rank": given.rank,
                    "threads": torch.get_num_threads(),
                },
                "versions": versions("torch", "transformers", "trl", "peft"),
            }
        )
    )


if __name__ == "__main__":
    sys.exit(main())

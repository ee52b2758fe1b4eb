"""DPO with a LoRA adapter in TRL: tokens per second and peak memory.

    python trl_dpo.py --pairs FILE.jsonl [--sweep]

FILE has one pair a line, as token ids (prompt_ids, chosen_ids, rejected_ids) or as text (prompt,
chosen, rejected, with --model FOLDER for the tokenizer). Tokens are those of a pair's prompt,
chosen and rejected answer, each counted once and without padding, so that pairs per second and
tokens per second compare alike with any way of batching.

Reports `tokens_per_second`, the median over the steps after the first two of the step's tokens by
its time, and `tokens_per_second_with_reference`, where the time of precomputed reference
log-probabilities is added, as one pass over the data needs it. --sweep tries every kind of
arithmetic, batches of one and of several pairs, with and without precomputed reference, padding and
checkpointing, and ranks by the latter.
"""

import json
import os
import statistics
import sys
import tempfile
import time

from common import Memory, build_model, parser, product_rate, sweep, versions

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def options():
    result = parser(__doc__)
    result.add_argument("--pairs", required=True)
    result.add_argument("--rank", type=int, default=8)
    result.add_argument("--batch", type=int, default=2, help="pairs per step")
    result.add_argument("--steps", type=int, default=8)
    result.add_argument("--max-length", type=int, default=1024)
    result.add_argument(
        "--precompute", action="store_true", help="reference log-probabilities before training"
    )
    result.add_argument("--checkpointing", action="store_true")
    result.add_argument(
        "--padding-free",
        action="store_true",
        help="ask TRL for it; the result says whether it obeyed",
    )
    result.add_argument("--compile", action="store_true", help="torch.compile")
    return result.parse_args()


def settings() -> list[list[str]]:
    result = [
        ["--dtype", dtype, "--batch", batch, "--precompute"]
        for dtype in ("bfloat16", "float32")
        for batch in ("1", "4")
    ]
    result += [
        ["--dtype", dtype, "--batch", "4", "--precompute"]
        for dtype in ("autocast", "float32-medium")
    ]
    result += [
        ["--dtype", "bfloat16", "--batch", "4"],
        ["--dtype", "bfloat16", "--batch", "4", "--precompute", "--padding-free"],
    ]
    return [*result, ["--dtype", "bfloat16", "--batch", "1", "--precompute", "--checkpointing"]]


def bare_tokenizer():
    """For pairs that are token ids already: TRL only asks for a padding id."""
    import tokenizers
    import transformers

    model = tokenizers.models.WordLevel({"<pad>": 0, "<end>": 2}, unk_token="<pad>")
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizers.Tokenizer(model), pad_token="<pad>", eos_token="<end>"
    )


def main() -> None:
    given = options()
    if given.sweep:
        return sweep(__file__, settings(), best_of="tokens_per_second_with_reference")
    scratch = tempfile.mkdtemp()
    os.environ["HF_HOME"] = (
        scratch  # precomputed log-probabilities are cached between runs otherwise
    )
    import datasets
    import peft
    import torch
    import transformers
    import trl

    torch.set_num_threads(given.threads)
    datasets.disable_progress_bars()
    memory = Memory()
    with open(given.pairs) as file:
        rows = [json.loads(line) for line in file if line.strip()][: given.batch * given.steps]
    encoded = "prompt_ids" in rows[0]
    times: list[float] = []

    class Stopwatch(transformers.TrainerCallback):
        def on_step_begin(self, *_, **__):
            times.append(-time.perf_counter())

        def on_step_end(self, *_, **__):
            times[-1] += time.perf_counter()

    class Trainer(trl.DPOTrainer):
        def _prepare_dataset(self, dataset, *arguments):
            return dataset if encoded else super()._prepare_dataset(dataset, *arguments)

        def _precompute_ref_logps(self, *arguments):
            began = time.perf_counter()
            result = super()._precompute_ref_logps(*arguments)
            self.reference_seconds = time.perf_counter() - began
            return result

    config = trl.DPOConfig(
        output_dir=scratch,
        use_cpu=True,
        bf16=given.dtype == "autocast",
        per_device_train_batch_size=given.batch,
        max_steps=len(rows) // given.batch,
        beta=0.1,
        learning_rate=1e-5,
        max_length=given.max_length,
        precompute_ref_log_probs=given.precompute,
        gradient_checkpointing=given.checkpointing,
        padding_free=given.padding_free,
        torch_compile=given.compile,
        train_sampling_strategy="sequential",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trainer = Trainer(
        model=build_model(given.model, given.dtype),
        args=config,
        train_dataset=datasets.Dataset.from_list(rows),
        callbacks=[Stopwatch()],
        processing_class=bare_tokenizer()
        if encoded
        else transformers.AutoTokenizer.from_pretrained(given.model),
        peft_config=peft.LoraConfig(
            task_type="CAUSAL_LM",
            r=given.rank,
            lora_alpha=2 * given.rank,
            lora_dropout=0.0,
            target_modules=PROJECTIONS,
        ),
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    lengths = [
        [len(row[f"{part}_ids"]) for part in ("prompt", "chosen", "rejected")]
        for row in trainer.train_dataset
    ]
    steps = [
        sum(sum(length) for length in lengths[at * given.batch : (at + 1) * given.batch])
        for at in range(len(times))
    ]
    sequences = [
        sum(2 * p + c + r for p, c, r in lengths[at * given.batch : (at + 1) * given.batch])
        for at in range(len(times))
    ]
    warm = 2 if len(times) > 4 else 0
    rate = statistics.median(
        tokens / seconds for tokens, seconds in zip(steps[warm:], times[warm:], strict=True)
    )
    reference = getattr(trainer, "reference_seconds", 0.0) / sum(steps)
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    print(
        json.dumps(
            {
                "peer": "trl dpo lora",
                "tokens_per_second": round(rate, 2),
                "tokens_per_second_with_reference": round(1 / (1 / rate + reference), 2),
                "sequence_tokens_per_token": round(sum(sequences) / sum(steps), 4),
                "pairs": len(lengths),
                "mean_lengths": [round(statistics.mean(part), 1) for part in zip(*lengths)],
                "steps": len(times),
                "step_seconds": [round(seconds, 3) for seconds in times],
                "losses": [losses[0], losses[-1]],
                **memory.report(),
                "product_gflops": round(product_rate(given.dtype), 1),
                "settings": {
                    "dtype": given.dtype,
                    "batch": given.batch,
                    "rank": given.rank,
                    "precompute": given.precompute,
                    "checkpointing": given.checkpointing,
                    "padding_free": bool(trainer.padding_free),
                    "compile": given.compile,
                    "threads": torch.get_num_threads(),
                },
                "versions": versions("torch", "transformers", "trl", "peft"),
            }
        )
    )


if __name__ == "__main__":
    sys.exit(main())

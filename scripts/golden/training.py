"""Ten optimiser steps of TRL's trainers on the tiny smollm2 model and eight comparisons.

    python scripts/golden/training.py tests/golden

Needs what models.py and training_data.py wrote. Writes training/steps.json: the token ids that TRL
made of the data, and for every run its settings and, per step, TRL's log in full precision. Beside
it, per run and way of batching: some of the final weights, or the whole adapter in peft's format;
and what a run starts from where that is not the model: an adapter, a score head.

All runs: float32 on one thread, AdamW (0.9, 0.999, 1e-8, no decay), constant learning rate,
gradient norm clipped at 1, rows in the order of the file. `whole`: all rows in each step;
`accumulated`: the same in two micro-batches; `sequential`: two rows a step, five epochs' worth of
steps cut at ten.
"""

import json
import logging
import os
import tempfile
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRL_EXPERIMENTAL_SILENCE="1", CUDA_VISIBLE_DEVICES="")

import datasets
import numpy as np
import peft
import torch
import transformers
import trl
from command_line import positional
from safetensors.torch import save_file
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

STEPS, LEARNING_RATE = 10, 1e-3
BATCHES = {"whole": (8, 1), "accumulated": (4, 2), "sequential": (2, 1)}
LORA = {
    "r": 4,
    "lora_alpha": 8,
    "lora_dropout": 0.0,
    "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
}
# Final weights that are kept of a run that trains everything.
SHOWN = (
    "model.embed_tokens.weight",
    "model.layers.0.input_layernorm.weight",
    "model.layers.0.mlp.down_proj.weight",
    "model.layers.1.self_attn.q_proj.weight",
    "score.weight",
)
NOISE = ("train_runtime", "step_time", "epoch", "total_flos")


class Golden:
    """One folder of golden runs."""

    def __init__(self, target: Path):
        self.target = target / "training"
        self.base = target / "models" / "smollm2"
        self.pairs = [
            json.loads(line) for line in (self.target / "pairs.jsonl").read_text().splitlines()
        ]
        self.runs: list[dict] = []

    def model(
        self, kind=transformers.AutoModelForCausalLM, **options
    ) -> transformers.PreTrainedModel:
        return kind.from_pretrained(self.base, dtype=torch.float32, **options)

    def tokenizer(self) -> transformers.PreTrainedTokenizerBase:
        return transformers.AutoTokenizer.from_pretrained(self.base)

    def rows(self, *columns: str) -> datasets.Dataset:
        return datasets.Dataset.from_list(
            [{column: pair[column] for column in columns} for pair in self.pairs]
        )

    def run(
        self,
        name: str,
        trainer_class: type,
        config_class: type,
        *,
        model,
        data,
        batches=("whole", "accumulated", "sequential"),
        prepare=None,
        adapter=None,
        **settings,
    ) -> None:
        for batch in batches:
            size, accumulation = BATCHES[batch]
            with tempfile.TemporaryDirectory() as scratch:
                arguments = config_class(
                    output_dir=scratch,
                    use_cpu=True,
                    bf16=False,
                    max_steps=STEPS,
                    learning_rate=LEARNING_RATE,
                    lr_scheduler_type="constant",
                    warmup_steps=0,
                    weight_decay=0.0,
                    adam_beta1=0.9,
                    adam_beta2=0.999,
                    adam_epsilon=1e-8,
                    max_grad_norm=1.0,
                    optim="adamw_torch",
                    train_sampling_strategy="sequential",
                    per_device_train_batch_size=size,
                    gradient_accumulation_steps=accumulation,
                    gradient_checkpointing=False,
                    logging_steps=1,
                    save_strategy="no",
                    report_to="none",
                    disable_tqdm=True,
                    dataloader_pin_memory=False,
                    seed=1,
                    **settings,
                )
                extra = {"peft_config": adapter} if adapter else {}
                trainer = trainer_class(
                    model=model(),
                    args=arguments,
                    train_dataset=data,
                    processing_class=self.tokenizer(),
                    **extra,
                )
                if prepare:
                    prepare(trainer)
                    if batch == batches[0]:
                        self.save(trainer.model, name, "initial")
                trainer.train()
                steps = [
                    {key: value for key, value in entry.items() if key not in NOISE}
                    for entry in trainer.state.log_history
                    if "loss" in entry
                ]
                assert len(steps) == STEPS
                self.runs.append(
                    {
                        "name": name,
                        "batch": batch,
                        "trainer": trainer_class.__name__,
                        "settings": settings,
                        "steps": steps,
                    }
                )
                if batch != "accumulated":
                    self.save(trainer.model, name, f"final-{batch}")
                print(
                    f"{name} {batch}: loss {steps[0]['loss']:.6f} to {steps[-1]['loss']:.6f}",
                    flush=True,
                )

    def save(self, model, name: str, part: str) -> None:
        target = self.target / f"{name}-{part}"
        if isinstance(model, peft.PeftModel):
            model.peft_config["default"].base_model_name_or_path = "smollm2"
            model.save_pretrained(target)
            (target / "README.md").unlink(missing_ok=True)
            # peft keeps the targets in a set, whose order changes from run to run.
            config = json.loads((target / "adapter_config.json").read_text())
            (target / "adapter_config.json").write_text(
                json.dumps(
                    config | {"target_modules": LORA["target_modules"]}, indent=2, sort_keys=True
                )
                + "\n"
            )
        else:
            wanted = ("score.weight",) if part == "initial" else SHOWN
            state = {
                key: value.contiguous()
                for key, value in model.state_dict().items()
                if key in wanted
            }
            save_file(state, target.with_suffix(".safetensors"), metadata={"format": "pt"})
        for file in target.iterdir() if target.is_dir() else [target.with_suffix(".safetensors")]:
            file.chmod(0o644)


def adapter_start(*, zero: bool):
    """The adapter's values come from numpy, so that they do not depend on peft's version. peft
    starts B at zero.
    """

    def attach(trainer) -> None:
        random = np.random.default_rng(7)
        for name, parameter in sorted(trainer.model.named_parameters()):
            if "lora_" in name:
                scale = 0.0 if zero and "lora_B" in name else 0.3
                parameter.data.copy_(
                    torch.from_numpy(scale * random.normal(size=tuple(parameter.shape))).float()
                )

    return attach


def reward_head(trainer) -> None:
    weight = trainer.model.score.weight
    weight.data.copy_(
        torch.from_numpy(
            np.random.default_rng(8).normal(size=tuple(weight.shape)) / np.sqrt(weight.shape[1] + 1)
        ).float()
    )


def preference_runs(golden: Golden) -> None:
    pairs = golden.rows("prompt", "chosen", "rejected")
    dpo = {"beta": 0.1, "max_length": 64}
    golden.run(
        "dpo",
        trl.DPOTrainer,
        trl.DPOConfig,
        model=golden.model,
        data=pairs,
        **dpo,
        loss_type=["sigmoid"],
    )
    mixture = {"loss_type": ["sigmoid", "bco_pair", "sft"], "loss_weights": [0.8, 0.2, 1.0]}
    golden.run(
        "dpo-mixture",
        trl.DPOTrainer,
        trl.DPOConfig,
        model=golden.model,
        data=pairs,
        batches=("whole",),
        **dpo,
        **mixture,
    )
    golden.run(
        "ipo",
        trl.DPOTrainer,
        trl.DPOConfig,
        model=golden.model,
        data=pairs,
        batches=("whole",),
        **dpo,
        loss_type=["ipo"],
    )
    for name, zero in (("dpo-lora", True), ("dpo-lora-moved", False)):
        golden.run(
            name,
            trl.DPOTrainer,
            trl.DPOConfig,
            model=golden.model,
            data=pairs,
            adapter=peft.LoraConfig(task_type="CAUSAL_LM", **LORA),
            prepare=adapter_start(zero=zero),
            **dpo,
            loss_type=["sigmoid"],
        )
    old = {"max_length": 64}
    golden.run(
        "cpo",
        CPOTrainer,
        CPOConfig,
        model=golden.model,
        data=pairs,
        batches=("whole",),
        beta=0.1,
        cpo_alpha=1.0,
        loss_type="sigmoid",
        **old,
    )
    golden.run(
        "simpo",
        CPOTrainer,
        CPOConfig,
        model=golden.model,
        data=pairs,
        batches=("whole",),
        beta=2.0,
        cpo_alpha=0.0,
        simpo_gamma=1.0,
        loss_type="simpo",
        **old,
    )
    golden.run(
        "orpo",
        ORPOTrainer,
        ORPOConfig,
        model=golden.model,
        data=pairs,
        batches=("whole",),
        beta=0.1,
        **old,
    )


def other_runs(golden: Golden) -> None:
    completions = datasets.Dataset.from_list(
        [{"prompt": pair["prompt"], "completion": pair["chosen"]} for pair in golden.pairs]
    )
    texts = datasets.Dataset.from_list(
        [{"text": pair["prompt"] + pair["chosen"]} for pair in golden.pairs]
    )
    golden.run(
        "sft", trl.SFTTrainer, trl.SFTConfig, model=golden.model, data=completions, max_length=64
    )
    golden.run(
        "sft-text",
        trl.SFTTrainer,
        trl.SFTConfig,
        model=golden.model,
        data=texts,
        batches=("whole",),
        max_length=64,
    )
    scored = lambda: golden.model(transformers.AutoModelForSequenceClassification, num_labels=1)
    reward = {"model": scored, "prepare": reward_head, "max_length": 64}
    golden.run(
        "reward",
        trl.RewardTrainer,
        trl.RewardConfig,
        data=golden.rows("prompt", "chosen", "rejected"),
        **reward,
    )
    golden.run(
        "reward-margin",
        trl.RewardTrainer,
        trl.RewardConfig,
        data=golden.rows("prompt", "chosen", "rejected", "margin"),
        batches=("whole",),
        center_rewards_coefficient=0.01,
        **reward,
    )
    unpaired = [
        {
            "prompt": pair["prompt"],
            "completion": pair["chosen" if row % 2 == 0 else "rejected"],
            "label": row % 2 == 0,
        }
        for row, pair in enumerate(golden.pairs)
    ]
    kto = {"beta": 0.1, "desirable_weight": 1.0, "undesirable_weight": 1.25, "max_length": 64}
    golden.run(
        "kto",
        trl.KTOTrainer,
        trl.KTOConfig,
        model=golden.model,
        data=datasets.Dataset.from_list(unpaired),
        batches=("whole", "sequential"),
        **kto,
    )


def token_ids(golden: Golden) -> list[dict]:
    trainer = trl.DPOTrainer(
        model=golden.model(),
        args=trl.DPOConfig(
            output_dir=tempfile.mkdtemp(), use_cpu=True, bf16=False, report_to="none"
        ),
        train_dataset=golden.rows("prompt", "chosen", "rejected"),
        processing_class=golden.tokenizer(),
    )
    return [
        {key: row[f"{key}_ids"] for key in ("prompt", "chosen", "rejected")}
        for row in trainer.train_dataset
    ]


def main(target: str) -> None:
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    logging.disable(logging.WARNING)
    golden = Golden(Path(target))
    ids = token_ids(golden)
    preference_runs(golden)
    other_runs(golden)
    made = {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "trl": trl.__version__,
        "peft": peft.__version__,
    }
    result = {
        "made_with": made,
        "learning_rate": LEARNING_RATE,
        "batches": {
            name: {"batch_size": size, "accumulation": steps}
            for name, (size, steps) in BATCHES.items()
        },
        "token_ids": ids,
        "runs": golden.runs,
    }
    (golden.target / "steps.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(*positional(__doc__, "FOLDER"))

"""Ten steps of TRL's own trainers, for attune's beside them: SFT, reward model, DPO, KTO, GRPO and
RLOO.

    python trl_trainers.py --model FOLDER --adapter FILE.safetensors --pairs FILE.jsonl
        --out FILE.json

FOLDER is a Hugging Face model; the adapter is in peft's format and where every trainer starts, a
score head included (`score.weight`); a pair is {"prompt", "chosen", "rejected"} as texts. All runs:
float32, AdamW (0.9, 0.999, 1e-8, no decay), constant learning rate, gradient norm clipped at 1,
rows in the order of the file, answers of GRPO and RLOO drawn by TRL at temperature 1.

GRPO and RLOO take two steps of the optimiser on each roll-out: at the first the policy is the one
that answered, so their losses are close to 0 whatever they compute. Their learning rate is smaller:
at 1e-3 the second step finds nine tenths of RLOO's answers beyond the clip, and its gradient hangs
on which of them lie just beside it.

transformers reads a reward before the first padding token, and this model pads with the token that
ends an answer: the reward model gets a padding token of its own, so that the score is read at the
end, as attune reads it.

Writes, per run, TRL's log of every step and, for GRPO and RLOO, the roll-outs: prompt and answer
ids, and rewards.
"""

import argparse
import json
import logging
import os
import tempfile

os.environ.update(
    HF_HUB_OFFLINE="1",
    TRL_EXPERIMENTAL_SILENCE="1",
    CUDA_VISIBLE_DEVICES="",
    TOKENIZERS_PARALLELISM="false",
)

import datasets
import peft
import torch
import transformers
import trl
from safetensors.torch import load_file

STEPS, ROWS, PASSES = 10, 2, 2
LORA = {
    "r": 4,
    "lora_alpha": 8,
    "lora_dropout": 0.0,
    "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
}
LEARNING_RATE = 1e-3
ROLLOUT_LEARNING_RATE = 1e-4
UNUSED_TOKEN = "<file_sep>"


class Peer:
    def __init__(self, given):
        self.given = given
        self.start = load_file(given.adapter)
        with open(given.pairs) as file:
            self.pairs = [json.loads(line) for line in file]
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(given.model)
        self.results = {}

    def model(self, kind=transformers.AutoModelForCausalLM, **options):
        return kind.from_pretrained(self.given.model, dtype=torch.float32, **options)

    def rows(self, make):
        return datasets.Dataset.from_list(
            [make(index, pair) for index, pair in enumerate(self.pairs)]
        )

    def begin(self, trainer):
        """The given adapter and score head in place of fresh ones."""
        used = set()
        with torch.no_grad():
            for name, parameter in trainer.model.named_parameters():
                plain = name.replace(".default", "").replace(".modules_to_save", "")
                if plain in self.start and parameter.requires_grad:
                    parameter.copy_(self.start[plain])
                    used.add(plain)
        wanted = {
            name for name in self.start if "lora_" in name or isinstance(trainer, trl.RewardTrainer)
        }
        assert wanted <= used, f"{len(wanted - used)} tensors of the adapter found no place"

    def run(
        self,
        name,
        trainer_class,
        config_class,
        *,
        model=None,
        task="CAUSAL_LM",
        batch=ROWS,
        updates=STEPS,
        rate=LEARNING_RATE,
        trainer_options=None,
        **settings,
    ):
        with tempfile.TemporaryDirectory() as scratch:
            arguments = config_class(
                output_dir=scratch,
                use_cpu=True,
                bf16=False,
                max_steps=updates,
                learning_rate=rate,
                lr_scheduler_type="constant",
                warmup_steps=0,
                weight_decay=0.0,
                adam_beta1=0.9,
                adam_beta2=0.999,
                adam_epsilon=1e-8,
                max_grad_norm=1.0,
                optim="adamw_torch",
                per_device_train_batch_size=batch,
                gradient_accumulation_steps=1,
                gradient_checkpointing=False,
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                dataloader_pin_memory=False,
                seed=1,
                **settings,
            )
            save = {"modules_to_save": ["score"]} if task == "SEQ_CLS" else {}
            trainer = trainer_class(
                model=(model or self.model)(),
                args=arguments,
                processing_class=self.tokenizer,
                peft_config=peft.LoraConfig(task_type=task, **LORA, **save),
                **(trainer_options or {}),
            )
            self.begin(trainer)
            trainer.train()
            steps = [entry for entry in trainer.state.log_history if "loss" in entry]
            assert len(steps) == updates
            self.results[name] = {"steps": steps}
            print(f"{name}: loss {steps[0]['loss']:.6f} to {steps[-1]['loss']:.6f}", flush=True)
            return trainer

    def offline(self):
        order = {"train_sampling_strategy": "sequential"}
        completion = lambda _, pair: {"prompt": pair["prompt"], "completion": pair["chosen"]}
        unpaired = lambda index, pair: {
            "prompt": pair["prompt"],
            "completion": pair["chosen" if index % 2 == 0 else "rejected"],
            "label": index % 2 == 0,
        }
        pairs = self.rows(
            lambda _, pair: {key: pair[key] for key in ("prompt", "chosen", "rejected")}
        )
        self.run(
            "sft",
            trl.SFTTrainer,
            trl.SFTConfig,
            trainer_options={"train_dataset": self.rows(completion)},
            max_length=512,
            **order,
        )
        scored = lambda: self.model(transformers.AutoModelForSequenceClassification, num_labels=1)
        self.run(
            "reward",
            trl.RewardTrainer,
            trl.RewardConfig,
            model=scored,
            task="SEQ_CLS",
            trainer_options={"train_dataset": pairs},
            max_length=512,
            center_rewards_coefficient=0.01,
            pad_token=UNUSED_TOKEN,
            **order,
        )
        trainer = self.run(
            "dpo",
            trl.DPOTrainer,
            trl.DPOConfig,
            trainer_options={"train_dataset": pairs},
            max_length=512,
            beta=0.1,
            **order,
        )
        self.results["dpo"]["token_ids"] = [
            {key: row[f"{key}_ids"] for key in ("prompt", "chosen", "rejected")}
            for row in trainer.train_dataset
        ]
        self.run(
            "kto",
            trl.KTOTrainer,
            trl.KTOConfig,
            trainer_options={"train_dataset": self.rows(unpaired)},
            max_length=512,
            beta=0.1,
            **order,
        )

    def online(self):
        prompts = self.rows(lambda _, pair: {"prompt": pair["prompt"]})
        samples = {
            "num_generations": 4,
            "num_iterations": PASSES,
            "max_completion_length": 16,
            "temperature": 1.0,
            "shuffle_dataset": False,
        }
        for name, trainer_class, config_class, settings in (
            ("grpo", trl.GRPOTrainer, trl.GRPOConfig, {"beta": 0.04, "loss_type": "dapo"}),
            ("rloo", trl.RLOOTrainer, trl.RLOOConfig, {"beta": 0.05}),
        ):
            rollouts = []

            def reward(prompts, completions, completion_ids, rollouts=rollouts, **_):
                scores = [text.count("e") / 4 - len(text.split()) / 20 for text in completions]
                rollouts.append(
                    [
                        {
                            "prompt": self.tokenizer(prompt)["input_ids"],
                            "answer": list(ids),
                            "reward": score,
                        }
                        for prompt, ids, score in zip(prompts, completion_ids, scores)
                    ]
                )
                return scores

            self.run(
                name,
                trainer_class,
                config_class,
                batch=8,
                updates=STEPS * PASSES,
                rate=ROLLOUT_LEARNING_RATE,
                trainer_options={"train_dataset": prompts, "reward_funcs": reward},
                **samples,
                **settings,
            )
            self.results[name]["rollouts"] = rollouts


def main():
    torch.set_num_threads(
        int(os.environ.get("ATTUNE_PEERS_THREADS", "0")) or torch.get_num_threads()
    )
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "adapter", "pairs", "out"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    logging.disable(logging.WARNING)
    peer = Peer(given)
    peer.offline()
    peer.online()
    versions = {module.__name__: module.__version__ for module in (torch, transformers, trl, peft)}
    with open(given.out, "w") as file:
        json.dump({"versions": versions, "runs": peer.results}, file)


if __name__ == "__main__":
    main()

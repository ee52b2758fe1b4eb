"""Golden values of the methods without a critic (RLOO, GRPO, REINFORCE++): advantages, losses, and
twenty updates of a tiny model.

    python scripts/golden/policy_gradient.py tests/golden

Needs what models.py wrote (models/smollm2). Writes policy-gradient-maths.json (float64),
policy-gradient-run.json and policy-gradient-run.safetensors.

The losses are TRL's own: `GRPOTrainer._compute_loss` and `RLOOTrainer._compute_loss`, given a
stand-in for the trainer that returns prescribed log-probabilities, or those of a model. Advantages
are written out here after TRL's trainers; TRL has no REINFORCE++, so that is written out whole,
after Hu et al. 2025 and OpenRLHF's experience_maker.py, with PPO's whitening (ppo.py).
"""

import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import transformers
import trl
from command_line import positional
from ppo import (
    STOP,
    Random,
    gae,
    left,
    log_probabilities,
    masked_mean,
    masked_whiten,
    pad,
    policy_losses,
    ragged,
    rewards_of,
)
from safetensors.torch import save_file

LONGEST = 8  # tokens of the longest answer

# --- advantages -----------------------------------------------------------------------------------


def leave_one_out(rewards, samples, normalise):
    grouped = rewards.view(-1, samples)
    baselines = (grouped.sum(1, keepdim=True) - grouped) / (samples - 1)
    advantages = rewards - baselines.view(-1)
    return (advantages - advantages.mean()) / (advantages.std() + 1e-4) if normalise else advantages


def group_relative(rewards, samples, scale):
    grouped = rewards.view(-1, samples)
    advantages = rewards - grouped.mean(1).repeat_interleave(samples)
    if scale == "none":
        return advantages
    return advantages / (
        (grouped.std(1).repeat_interleave(samples) if scale == "group" else rewards.std()) + 1e-4
    )


def reinforce_plus_plus(old, reference, rewards, mask, samples, baseline, beta, gamma):
    """Whitened sums of rewards to the end of each answer. With a group baseline the KL is not in
    the reward.
    """
    scores = (
        rewards - rewards.view(-1, samples).mean(1).repeat_interleave(samples)
        if baseline == "group"
        else rewards
    )
    token_rewards = rewards_of(old, reference, scores, mask, 0.0 if baseline == "group" else beta)
    returns, _ = gae(token_rewards, torch.zeros_like(token_rewards), mask, gamma, 1.0)
    return masked_whiten(returns, mask)


# --- losses ---------------------------------------------------------------------------------------


def trainer(logprobs, entropies, **settings):
    """What TRL's loss methods read of a trainer."""
    accelerator = SimpleNamespace(
        num_processes=1, gather=lambda x: x, reduce=lambda x, reduction: x
    )
    args = SimpleNamespace(
        delta=settings.pop("delta", None),
        use_bias_correction_kl=settings.pop("correction", False),
        steps_per_generation=1,
    )
    return SimpleNamespace(
        model=SimpleNamespace(training=True),
        accelerator=accelerator,
        args=args,
        _metrics={"train": defaultdict(list)},
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        use_vllm=False,
        vllm_importance_sampling_correction=False,
        _entropy_bonus_enabled=False,
        current_gradient_accumulation_steps=1,
        max_completion_length=LONGEST,
        _get_per_token_logps_and_entropies=lambda *_, **__: (logprobs, entropies, None),
        **settings,
    )


def grpo_loss(logprobs, entropies, mask, old, reference, advantages, hyper):
    low, high = hyper["clip"], hyper["clip_high"] or hyper["clip"]
    owner = trainer(
        logprobs,
        entropies,
        loss_type=hyper["aggregation"],
        beta=hyper["beta"],
        epsilon_low=low,
        epsilon_high=high,
        delta=hyper["dual_clip"] or None,
        correction=hyper["correction"],
    )
    ids = torch.zeros_like(mask, dtype=torch.long)
    inputs = {
        "prompt_ids": ids[:, :1],
        "prompt_mask": ids[:, :1],
        "completion_ids": ids,
        "completion_mask": mask,
        "advantages": advantages,
        "old_per_token_logps": old,
        "ref_per_token_logps": reference,
        "num_items_in_batch": mask.sum(),
    }
    loss = trl.GRPOTrainer._compute_loss(owner, None, inputs)
    return loss, {
        name: owner._metrics["train"][name][0]
        for name in ("clip_ratio/low_mean", "clip_ratio/high_mean")
    }


def rloo_loss(logprobs, entropies, mask, old, advantages, clip):
    owner = trainer(logprobs, entropies, epsilon_low=clip, epsilon_high=clip)
    ids = torch.zeros_like(mask, dtype=torch.long)
    inputs = {
        "prompt_ids": ids[:, :1],
        "prompt_mask": ids[:, :1],
        "completion_ids": ids,
        "completion_mask": mask,
        "advantages": advantages,
        "old_logps": (old * mask).sum(1),
    }
    loss = trl.RLOOTrainer._compute_loss(owner, None, inputs)
    return loss, {"policy/clipfrac_avg": owner._metrics["train"]["clip_ratio/region_mean"][0]}


def reinforce_loss(logprobs, mask, old, reference, advantages, hyper):
    losses, ratio, clipped = policy_losses(logprobs, old, advantages, hyper["clip"])
    if hyper["baseline"] == "group":
        losses = losses + hyper["beta"] * 0.5 * (logprobs - reference) ** 2
    share = lambda flags: masked_mean(flags.to(mask.dtype), mask).item()
    return masked_mean(losses, mask), {
        "clip_ratio/low_mean": share(clipped & (ratio < 1)),
        "clip_ratio/high_mean": share(clipped & (ratio > 1)),
    }


def maths() -> dict:
    random = np.random.default_rng(31)
    samples = 4
    lengths = [5, 1, 8, 3, 7, 2, 4, 6]
    mask = torch.tensor(
        [[float(t < n) for t in range(LONGEST)] for n in lengths], dtype=torch.float64
    )
    draw = lambda scale, shift=0.0: (
        torch.tensor(random.normal(shift, scale, mask.shape), dtype=torch.float64) * mask
    )
    rewards = torch.tensor([1.5, -0.7, 0.2, 2.5, 0.3, 0.3, 0.3, 1.3], dtype=torch.float64)
    reference = draw(1.0, -2.0)
    old = (reference + draw(0.4)) * mask
    logprobs = (old + draw(0.3)) * mask
    kl = ((old - reference) * mask).sum(1)
    advantages = {
        "rloo": [
            {
                "normalise": flag,
                "beta": beta,
                "advantages": leave_one_out(rewards - beta * kl, samples, flag).tolist(),
            }
            for flag in (False, True)
            for beta in (0.0, 0.05)
        ],
        "grpo": [
            {"scale": scale, "advantages": group_relative(rewards, samples, scale).tolist()}
            for scale in ("group", "batch", "none")
        ],
        "reinforce": [
            {
                "baseline": baseline,
                "beta": 0.1,
                "gamma": gamma,
                "advantages": ragged(
                    reinforce_plus_plus(
                        old, reference, rewards, mask, samples, baseline, 0.1, gamma
                    ),
                    mask,
                ),
            }
            for baseline, gamma in (("none", 1.0), ("none", 0.9), ("group", 1.0))
        ],
    }
    zeros = torch.zeros_like(mask)
    each = group_relative(rewards, samples, "group")
    default = {
        "aggregation": "dapo",
        "clip": 0.2,
        "clip_high": 0.0,
        "dual_clip": 0.0,
        "beta": 0.0,
        "correction": True,
    }
    grpo = []
    for changed in (
        {},
        {"aggregation": "grpo"},
        {"aggregation": "dr_grpo"},
        {"clip_high": 0.28},
        {"dual_clip": 1.4},
        {"beta": 0.3},
        {"beta": 0.3, "correction": False, "aggregation": "grpo"},
    ):
        hyper = default | changed
        leaf = logprobs.clone().requires_grad_()
        loss, metrics = grpo_loss(leaf, zeros, mask, old, reference, each, hyper)
        loss.backward()
        grpo.append(
            {**hyper, "loss": loss.item(), "gradient": ragged(leaf.grad, mask), "metrics": metrics}
        )
    rloo = []
    for clip in (0.2, 0.5):
        leaf = logprobs.clone().requires_grad_()
        loss, metrics = rloo_loss(leaf, zeros, mask, old, each, clip)
        loss.backward()
        rloo.append(
            {
                "clip": clip,
                "loss": loss.item(),
                "gradient": ragged(leaf.grad, mask),
                "clipfrac": metrics["policy/clipfrac_avg"],
            }
        )
    reinforce = []
    for baseline in ("none", "group"):
        hyper = {"baseline": baseline, "beta": 0.1, "clip": 0.2}
        spread = reinforce_plus_plus(old, reference, rewards, mask, samples, baseline, 0.1, 1.0)
        leaf = logprobs.clone().requires_grad_()
        loss, metrics = reinforce_loss(leaf, mask, old, reference, spread, hyper)
        loss.backward()
        reinforce.append(
            {**hyper, "loss": loss.item(), "gradient": ragged(leaf.grad, mask), "metrics": metrics}
        )
    return {
        "samples": samples,
        "longest": LONGEST,
        "rewards": rewards.tolist(),
        "logprobs": ragged(logprobs, mask),
        "old": ragged(old, mask),
        "reference": ragged(reference, mask),
        "advantages": advantages,
        "advantage": each.tolist(),
        "grpo": grpo,
        "rloo": rloo,
        "reinforce": reinforce,
    }


# --- twenty updates -------------------------------------------------------------------------------

SHARED = {
    "seed": 17,
    "steps": 5,
    "batch_size": 8,
    "samples": 4,
    "iterations": 2,
    "mini_batches": 2,
    "learning_rate": 5e-4,
    "adam_epsilon": 1e-5,
    "max_grad_norm": 1.0,
    "temperature": 0.8,
    "clip": 0.2,
}
GRPO = {
    "method": "grpo",
    "aggregation": "dapo",
    "scale": "group",
    "clip_high": 0.0,
    "dual_clip": 0.0,
    "beta": 0.0,
    "correction": True,
    "mask_truncated": False,
    "missing_eos_penalty": 0.0,
}
RUNS = {
    "rloo": {"method": "rloo", "beta": 0.05, "normalise": False, "missing_eos_penalty": 1.0},
    "rloo-normalised": {
        "method": "rloo",
        "beta": 0.0,
        "normalise": True,
        "missing_eos_penalty": 0.0,
    },
    "grpo": GRPO,
    "grpo-dapo": GRPO | {"clip_high": 0.28, "dual_clip": 3.0, "beta": 0.04, "mask_truncated": True},
    "grpo-sequence": GRPO
    | {"aggregation": "grpo", "scale": "batch", "beta": 0.1, "correction": False},
    "grpo-dr": GRPO | {"aggregation": "dr_grpo", "scale": "none", "clip": 0.1},
    "reinforce++": {
        "method": "reinforce++",
        "baseline": "none",
        "beta": 0.05,
        "gamma": 0.99,
        "missing_eos_penalty": 1.0,
    },
    "reinforce++-baseline": {
        "method": "reinforce++",
        "baseline": "group",
        "beta": 0.05,
        "gamma": 1.0,
        "missing_eos_penalty": 1.0,
    },
}


def rollouts() -> list:
    """Prompts, answers and rewards that no model gave. In the third step all answers to the second
    prompt have the same reward.
    """
    random = np.random.default_rng(41)
    result = []
    for step in range(SHARED["steps"]):
        batch = []
        for group in range(SHARED["batch_size"] // SHARED["samples"]):
            prompt = random.integers(3, 97, size=int(random.integers(2, 7))).tolist()
            for sample in range(SHARED["samples"]):
                answer = random.integers(3, 97, size=int(random.integers(1, LONGEST))).tolist()
                reward = 0.7 if step == 2 and group == 1 else round(float(random.normal()), 3)
                batch.append(
                    {
                        "prompt": prompt,
                        "answer": answer if (group, sample) == (0, 3) else [*answer, STOP],
                        "reward": reward,
                    }
                )
        result.append(batch)
    return result


def advantages_of(s, scores, old, reference, mask):
    """One value a token [answers, time]."""
    if s["method"] == "reinforce++":
        return reinforce_plus_plus(
            old, reference, scores, mask, s["samples"], s["baseline"], s["beta"], s["gamma"]
        )
    if s["method"] == "grpo":
        each = group_relative(scores, s["samples"], s["scale"])
    else:
        each = leave_one_out(
            scores - s["beta"] * ((old - reference) * mask).sum(1), s["samples"], s["normalise"]
        )
    return each[:, None] * mask


def loss_of(s, logprobs, entropies, flags, old, reference, advantages, stopped):
    if s["method"] == "reinforce++":
        return reinforce_loss(logprobs, flags, old, reference, advantages, s)
    if s["method"] == "rloo":
        return rloo_loss(logprobs, entropies, flags, old, advantages[:, 0], s["clip"])
    counted = flags * stopped[:, None] if s["mask_truncated"] else flags
    loss, metrics = grpo_loss(logprobs, entropies, counted, old, reference, advantages[:, 0], s)
    # TRL measures clipping over the tokens that count; attune over all.
    return loss, {} if s["mask_truncated"] else metrics


def run(base: Path, name: str, batches: list) -> tuple[dict, dict]:
    s = SHARED | RUNS[name]
    load = lambda: transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    actor, frozen = load(), load().eval()
    optimizer = torch.optim.AdamW(
        actor.parameters(),
        lr=s["learning_rate"],
        betas=(0.9, 0.999),
        eps=s["adam_epsilon"],
        weight_decay=0.0,
    )
    log = []
    for step, batch in enumerate(batches):
        optimizer.param_groups[0]["lr"] = s["learning_rate"] * (1 - step / s["steps"])
        ids, attention, actions = pad(batch)
        with torch.no_grad():
            old, reference = (
                left(log_probabilities(model, ids, attention, s["temperature"])[0], actions)
                for model in (actor, frozen)
            )
        mask = left(torch.ones_like(actions), actions)
        stopped = torch.tensor([float(row["answer"][-1] == STOP) for row in batch])
        scores = torch.tensor([row["reward"] for row in batch]) - s["missing_eos_penalty"] * (
            1 - stopped
        )
        advantages = advantages_of(s, scores, old, reference, mask)
        entry = {
            "objective/kl": ((old - reference) * mask).sum(1).mean().item(),
            "objective/scores": scores.mean().item(),
            "frac_reward_zero_std": (scores.view(-1, s["samples"]).std(1) < 1e-6)
            .float()
            .mean()
            .item(),
        }
        updates = []
        for epoch in range(s["iterations"]):
            order = Random(s["seed"], "minibatches", step, epoch).shuffle(range(len(batch)))
            size = len(batch) // s["mini_batches"]
            for part in range(s["mini_batches"]):
                chosen = order[part * size : (part + 1) * size]
                flags = mask[chosen]
                full, entropy = log_probabilities(
                    actor, ids[chosen], attention[chosen], s["temperature"]
                )
                rows, columns = flags.bool().nonzero(as_tuple=True)
                place = lambda x: torch.zeros_like(flags).index_put(
                    (rows, columns), x[actions[chosen].bool()]
                )
                logprobs, entropies = place(full), place(entropy)
                loss, metrics = loss_of(
                    s,
                    logprobs,
                    entropies,
                    flags,
                    old[chosen],
                    reference[chosen],
                    advantages[chosen],
                    stopped[chosen],
                )
                optimizer.zero_grad()
                loss.backward()
                norm = torch.nn.utils.clip_grad_norm_(actor.parameters(), s["max_grad_norm"])
                optimizer.step()
                with torch.no_grad():
                    moved = (logprobs - old[chosen]) * flags
                    ratio = (
                        torch.exp(moved.sum(1)).mean()
                        if s["method"] == "rloo"
                        else masked_mean(torch.exp(moved), flags)
                    )
                    updates.append(
                        {
                            "loss/policy_avg": loss.item(),
                            "policy/approxkl_avg": masked_mean(0.5 * moved**2, flags).item(),
                            "val/ratio": ratio.item(),
                            "policy/entropy_avg": masked_mean(entropies, flags).item(),
                            "grad_norm": norm.item(),
                            **metrics,
                        }
                    )
        entry |= {
            metric: float(np.mean([update[metric] for update in updates])) for metric in updates[0]
        }
        log.append(entry)
    shown = (
        "model.embed_tokens.weight",
        "model.layers.0.input_layernorm.weight",
        "model.layers.1.self_attn.q_proj.weight",
    )
    return {"settings": s, "steps": log}, {
        f"{name}.{weight}": actor.state_dict()[weight].clone().contiguous() for weight in shown
    }


def main(target: str) -> None:
    folder = Path(target)
    torch.set_num_threads(1)
    made = {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "trl": trl.__version__,
    }
    (folder / "policy-gradient-maths.json").write_text(
        json.dumps({"made_with": made} | maths(), indent=1) + "\n"
    )
    batches, logs, tensors = rollouts(), {}, {}
    for name in RUNS:
        logs[name], final = run(folder / "models" / "smollm2", name, batches)
        tensors |= final
    (folder / "policy-gradient-run.json").write_text(
        json.dumps(
            {
                "made_with": made,
                "stop": STOP,
                "longest": LONGEST,
                "rollouts": batches,
                "runs": logs,
            },
            indent=1,
        )
        + "\n"
    )
    save_file(tensors, folder / "policy-gradient-run.safetensors")


if __name__ == "__main__":
    main(*positional(__doc__, "FOLDER"))

"""Golden values of PPO: the pure maths, and twenty updates of a tiny model. An implementation of
its own in PyTorch, written with padded tensors and masks, where attune keeps one array per answer.

    python scripts/golden/ppo.py tests/golden

Needs what models.py wrote (models/smollm2). Writes ppo-maths.json (float64) and ppo-run.json with
ppo-run.safetensors.

Formulas: Schulman et al. 2016 and 2017, Ziegler et al. 2019, and the arrangement of TRL 0.24's
PPOTrainer: masked whitening with Bessel's correction and 1e-8, value clipping with half the larger
square, approximate KL as half the squared log-ratio. The score stands at the last token of the
answer.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
import transformers
from command_line import positional
from safetensors.torch import save_file

# --- attune's seeded stream, for the order of minibatches -----------------------------------------

MASK = 0xFFFFFFFF


class Random:
    """xoshiro128** seeded by splitmix32 over an FNV-1a hash of the seed and the names of the
    stream.
    """

    def __init__(self, *path):
        state = 0x811C9DC5
        for letter in (
            "/".join(str(part) for part in path)
            if len(path) == 1
            else f"{path[0]}/" + "/".join(str(part) for part in path[1:])
        ):
            state = ((state ^ ord(letter)) * 0x01000193) & MASK
        words = []
        for _ in range(4):
            state = (state + 0x9E3779B9) & MASK
            z = ((state ^ (state >> 16)) * 0x21F0AAAD) & MASK
            z = ((z ^ (z >> 15)) * 0x735A2D97) & MASK
            words.append(z ^ (z >> 15))
        self.a, self.b, self.c, self.d = words

    def bits(self) -> int:
        rotate = lambda x, k: ((x << k) | (x >> (32 - k))) & MASK
        result = (rotate((self.b * 5) & MASK, 7) * 9) & MASK
        t = (self.b << 9) & MASK
        self.c ^= self.a
        self.d ^= self.b
        self.b ^= self.c
        self.a ^= self.d
        self.c ^= t
        self.d = rotate(self.d, 11)
        return result

    def integer(self, n: int) -> int:
        return int(((self.bits() >> 5) * 67108864 + (self.bits() >> 6)) / 9007199254740992 * n)

    def shuffle(self, items) -> list:
        result = list(items)
        for i in range(len(result) - 1, 0, -1):
            j = self.integer(i + 1)
            result[i], result[j] = result[j], result[i]
        return result


# --- the maths, on [answers, time] with a mask ----------------------------------------------------


def masked_mean(x, mask):
    return (x * mask).sum() / mask.sum()


def masked_whiten(x, mask, shift_mean=True):
    count = mask.sum()
    mean = masked_mean(x, mask)
    variance = (((x - mean) ** 2) * mask).sum() / count * count / (count - 1)
    whitened = (x - mean) * torch.rsqrt(variance + 1e-8)
    return (whitened if shift_mean else whitened + mean) * mask


def rewards_of(logprobs, reference, scores, mask, beta):
    rewards = -beta * (logprobs - reference) * mask
    last = mask.sum(1).long() - 1
    rewards[torch.arange(len(scores)), last] += scores
    return rewards


def gae(rewards, values, mask, gamma, lam):
    steps = rewards.shape[1]
    values = values * mask
    advantages, carried = torch.zeros_like(rewards), torch.zeros(len(rewards), dtype=rewards.dtype)
    for t in reversed(range(steps)):
        following = (
            values[:, t + 1] if t + 1 < steps else torch.zeros(len(rewards), dtype=rewards.dtype)
        )
        delta = rewards[:, t] + gamma * following - values[:, t]
        carried = (delta + gamma * lam * carried) * mask[:, t]
        advantages[:, t] = carried
    return advantages, (advantages + values) * mask


def policy_losses(logprobs, old, advantages, clip, dual=0.0, limit=20.0):
    ratio = torch.exp(torch.clamp(logprobs - old, -limit, limit))
    first, second = -advantages * ratio, -advantages * torch.clamp(ratio, 1 - clip, 1 + clip)
    losses = torch.maximum(first, second)
    if dual:
        losses = torch.where(advantages < 0, torch.minimum(losses, -advantages * dual), losses)
    return losses, ratio, second > first


def value_losses(values, old, returns, clip):
    first = (values - returns) ** 2
    if not clip:
        return 0.5 * first, torch.zeros_like(first, dtype=torch.bool)
    second = (torch.clamp(values, old - clip, old + clip) - returns) ** 2
    return 0.5 * torch.maximum(first, second), second > first


def ragged(x, mask):
    return [row[: int(flags.sum())].tolist() for row, flags in zip(x, mask, strict=True)]


def maths() -> dict:
    random = np.random.default_rng(7)
    lengths = [5, 1, 9, 3, 7]
    mask = torch.tensor(
        [[float(t < n) for t in range(max(lengths))] for n in lengths], dtype=torch.float64
    )
    draw = lambda scale, shift=0.0: (
        torch.tensor(random.normal(shift, scale, mask.shape), dtype=torch.float64) * mask
    )
    logprobs, reference, values = draw(1.0, -2.0), draw(1.0, -2.0), draw(0.8)
    scores = torch.tensor([1.5, -0.7, 0.2, 2.5, -3.0], dtype=torch.float64)
    cases = []
    for beta, gamma, lam, whiten_rewards in (
        (0.05, 1.0, 0.95, False),
        (0.2, 0.9, 0.8, True),
        (0.0, 1.0, 1.0, False),
    ):
        rewards = rewards_of(logprobs, reference, scores, mask, beta)
        used = masked_whiten(rewards, mask, shift_mean=False) if whiten_rewards else rewards
        advantages, returns = gae(used, values, mask, gamma, lam)
        case = {"beta": beta, "gamma": gamma, "lambda": lam, "whiten_rewards": whiten_rewards}
        for name, x in (
            ("rewards", rewards),
            ("used", used),
            ("advantages", advantages),
            ("returns", returns),
            ("whitened", masked_whiten(advantages, mask)),
        ):
            case[name] = ragged(x, mask)
        cases.append(case)

    flat = lambda scale: torch.tensor(random.normal(0, scale, 48), dtype=torch.float64)
    old, advantages = flat(1.0) - 3, flat(1.0)
    moved = old + flat(0.4)
    moved[:4] = old[:4] + torch.tensor([30.0, -30.0, 30.0, -30.0], dtype=torch.float64)
    advantages[:4] = torch.tensor([-0.2, -0.2, 0.3, 0.3], dtype=torch.float64)
    policy = []
    for clip, dual, limit in ((0.2, 0.0, 20.0), (0.1, 3.0, 20.0), (0.2, 1.5, 2.0)):
        leaf = moved.clone().requires_grad_()
        losses, ratio, clipped = policy_losses(leaf, old, advantages, clip, dual, limit)
        losses.mean().backward()
        difference = leaf.detach() - old
        policy.append(
            {
                "clip": clip,
                "dual": dual,
                "limit": limit,
                "losses": losses.tolist(),
                "gradient": leaf.grad.tolist(),
                "ratio": ratio.tolist(),
                "clipfrac": clipped.double().mean().item(),
                "approxkl": (0.5 * difference**2).mean().item(),
            }
        )
    old_values, returns = flat(1.0), flat(1.5)
    new_values = old_values + flat(0.4)
    value = []
    for clip in (0.2, 0.5, 0.0):
        leaf = new_values.clone().requires_grad_()
        losses, clipped = value_losses(leaf, old_values, returns, clip)
        losses.mean().backward()
        value.append(
            {
                "clip": clip,
                "losses": losses.tolist(),
                "gradient": leaf.grad.tolist(),
                "clipfrac": clipped.double().mean().item(),
            }
        )

    beta, betas, observed = 0.15, [], [0.0, 3.0, 6.5, 30.0, 5.5, -2.0, 7.0]
    for kl in observed:
        beta *= 1 + min(max(kl / 6 - 1, -0.2), 0.2) * 64 / 10_000
        betas.append(beta)
    ratios = [-2.0, -0.5, 0.0, 1e-4, 0.7, 3.0]
    return {
        "advantages": {
            "lengths": lengths,
            "logprobs": ragged(logprobs, mask),
            "reference": ragged(reference, mask),
            "values": ragged(values, mask),
            "scores": scores.tolist(),
            "cases": cases,
        },
        "policy": {
            "logprobs": moved.tolist(),
            "old": old.tolist(),
            "advantages": advantages.tolist(),
            "cases": policy,
        },
        "value": {
            "values": new_values.tolist(),
            "old": old_values.tolist(),
            "returns": returns.tolist(),
            "cases": value,
        },
        "adaptive": {
            "initial": 0.15,
            "target": 6,
            "horizon": 10_000,
            "answers": 64,
            "observed": observed,
            "coefficients": betas,
        },
        "kl": {
            "log_ratios": ratios,
            "k1": ratios,
            "k2": [x * x / 2 for x in ratios],
            "k3": [math.expm1(-x) + x for x in ratios],
        },
    }


# --- twenty updates -------------------------------------------------------------------------------

SETTINGS = {
    "seed": 11,
    "steps": 5,
    "batch_size": 8,
    "ppo_epochs": 2,
    "mini_batches": 2,
    "learning_rate": 5e-4,
    "critic_learning_rate": 1e-3,
    "adam_epsilon": 1e-5,
    "max_grad_norm": 1.0,
    "beta": 0.1,
    "gamma": 1.0,
    "lambda": 0.95,
    "clip": 0.2,
    "clip_value": 0.2,
    "temperature": 0.7,
    "missing_eos_penalty": 1.0,
    "mean": 0.3,
    "deviation": 0.8,
    "reward_clip": 2.0,
}
STOP = 2


class Critic(torch.nn.Module):
    def __init__(self, body, head):
        super().__init__()
        self.body, self.score = body, torch.nn.Parameter(head.clone())

    def forward(self, ids, mask):
        return (
            self.body(input_ids=ids, attention_mask=mask).last_hidden_state @ self.score.T
        ).squeeze(-1)


def rollouts(steps: int, count: int) -> list:
    """Prompts and answers that no model wrote: the test feeds the same."""
    random = np.random.default_rng(23)
    result = []
    for _ in range(steps):
        batch = []
        for row in range(count):
            prompt = random.integers(3, 97, size=int(random.integers(2, 7))).tolist()
            answer = random.integers(3, 97, size=int(random.integers(1, 9))).tolist()
            batch.append({"prompt": prompt, "answer": answer if row % 4 == 3 else [*answer, STOP]})
        result.append(batch)
    return result


def pad(batch: list) -> tuple:
    """Right-padded ids and their mask, and for each answer the places of its tokens in the shifted
    rows.
    """
    width = max(len(row["prompt"]) + len(row["answer"]) for row in batch)
    ids, attention = (
        torch.zeros(len(batch), width, dtype=torch.long),
        torch.zeros(len(batch), width, dtype=torch.long),
    )
    actions = torch.zeros(len(batch), width - 1)
    for index, row in enumerate(batch):
        whole = row["prompt"] + row["answer"]
        ids[index, : len(whole)] = torch.tensor(whole)
        attention[index, : len(whole)] = 1
        actions[index, len(row["prompt"]) - 1 : len(whole) - 1] = 1
    return ids, attention, actions


def left(x, actions):
    """The entries of the answers, moved to the left of a [answers, longest] tensor."""
    longest = int(actions.sum(1).max())
    result = torch.zeros(len(x), longest)
    for row, flags in enumerate(actions.bool()):
        values = x[row][flags]
        result[row, : len(values)] = values
    return result


def log_probabilities(model, ids, attention, temperature):
    logits = model(input_ids=ids, attention_mask=attention).logits[:, :-1] / temperature
    logs = torch.log_softmax(logits, dim=-1)
    return logs.gather(-1, ids[:, 1:, None]).squeeze(-1), -(logs.exp() * logs).sum(-1)


def run(base: Path) -> tuple[dict, dict]:
    torch.manual_seed(0)
    s = SETTINGS
    load = lambda: transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    actor, reference, judge, critic_body = load(), load().eval(), load(), load()
    # The reward model differs from the policy, so that a mix-up of roles shows.
    noise = torch.Generator().manual_seed(5)
    for parameter in judge.parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=noise)
    head = torch.randn(1, judge.config.hidden_size, generator=noise) * 0.5
    critic_body.load_state_dict(judge.state_dict())
    # In units of normalised scores: V = (head h - mean) / deviation, the constant apart.
    critic = Critic(critic_body.model, head / s["deviation"])
    offset = -s["mean"] / s["deviation"]
    initial = {
        f"reward.{name}": value.clone().contiguous()
        for name, value in judge.model.state_dict(prefix="model.").items()
    } | {"reward.score.weight": head}

    adam = lambda parameters, rate: torch.optim.AdamW(
        parameters, lr=rate, betas=(0.9, 0.999), eps=s["adam_epsilon"], weight_decay=0.0
    )
    optimizers = (
        adam(actor.parameters(), s["learning_rate"]),
        adam(critic.parameters(), s["critic_learning_rate"]),
    )
    batches, log = rollouts(s["steps"], s["batch_size"]), []
    for step, batch in enumerate(batches):
        factor = 1 - step / s["steps"]
        for optimizer, rate in zip(
            optimizers, (s["learning_rate"], s["critic_learning_rate"]), strict=True
        ):
            optimizer.param_groups[0]["lr"] = rate * factor
        ids, attention, actions = pad(batch)
        lengths = attention.sum(1)
        with torch.no_grad():
            old_full, entropy_full = log_probabilities(actor, ids, attention, s["temperature"])
            reference_full, _ = log_probabilities(reference, ids, attention, s["temperature"])
            values_full = critic(ids, attention)[:, :-1] + offset
            hidden = judge.model(input_ids=ids, attention_mask=attention).last_hidden_state
            raw = (hidden @ head.T).squeeze(-1)[torch.arange(len(ids)), lengths - 1]
        stopped = torch.tensor([row["answer"][-1] == STOP for row in batch])
        scores = torch.clamp(
            (raw - s["mean"]) / s["deviation"], -s["reward_clip"], s["reward_clip"]
        )
        scores = torch.where(stopped, scores, scores - s["missing_eos_penalty"])
        mask = left(torch.ones_like(actions), actions)
        old, ref, values = (
            left(old_full, actions),
            left(reference_full, actions),
            left(values_full, actions),
        )
        rewards = rewards_of(old, ref, scores, mask, s["beta"])
        advantages, returns = gae(rewards, values, mask, s["gamma"], s["lambda"])
        advantages = masked_whiten(advantages, mask)
        per_answer = lambda x: (x * mask).sum(1).mean().item()
        entry = {
            "objective/kl": per_answer(old - ref),
            "objective/entropy": per_answer(-old),
            "objective/scores": scores.mean().item(),
            "objective/non_score_reward": per_answer(-s["beta"] * (old - ref)),
            "objective/rlhf_reward": scores.mean().item() + per_answer(-s["beta"] * (old - ref)),
            "val/num_eos_tokens": stopped.float().sum().item(),
        }
        updates = []
        for epoch in range(s["ppo_epochs"]):
            order = Random(s["seed"], "minibatches", step, epoch).shuffle(range(len(batch)))
            size = len(batch) // s["mini_batches"]
            for part in range(s["mini_batches"]):
                chosen = order[part * size : (part + 1) * size]
                flags = mask[chosen]
                logps_full, entropies = log_probabilities(
                    actor, ids[chosen], attention[chosen], s["temperature"]
                )
                width = flags.shape[1]
                fit = lambda x: torch.nn.functional.pad(x, (0, width - x.shape[1]))
                logps = torch.zeros_like(flags)
                rows, columns = flags.bool().nonzero(as_tuple=True)
                logps = logps.index_put((rows, columns), logps_full[actions[chosen].bool()])
                losses, ratio, clipped = policy_losses(
                    logps, old[chosen], advantages[chosen], s["clip"]
                )
                policy_loss = masked_mean(losses, flags)
                optimizers[0].zero_grad()
                policy_loss.backward()
                grad_norm = torch.nn.utils.clip_grad_norm_(actor.parameters(), s["max_grad_norm"])
                optimizers[0].step()

                predicted_full = critic(ids[chosen], attention[chosen])[:, :-1] + offset
                predicted = torch.zeros_like(flags).index_put(
                    (rows, columns), predicted_full[actions[chosen].bool()]
                )
                errors, value_clipped = value_losses(
                    predicted, values[chosen], returns[chosen], s["clip_value"]
                )
                value_loss = masked_mean(errors, flags)
                optimizers[1].zero_grad()
                value_loss.backward()
                critic_norm = torch.nn.utils.clip_grad_norm_(
                    critic.parameters(), s["max_grad_norm"]
                )
                optimizers[1].step()
                with torch.no_grad():
                    updates.append(
                        {
                            "loss/policy_avg": policy_loss.item(),
                            "loss/value_avg": value_loss.item(),
                            "policy/approxkl_avg": masked_mean(
                                0.5 * (logps - old[chosen]) ** 2, flags
                            ).item(),
                            "policy/clipfrac_avg": masked_mean(clipped.float(), flags).item(),
                            "val/clipfrac_avg": masked_mean(value_clipped.float(), flags).item(),
                            "val/ratio": masked_mean(ratio, flags).item(),
                            "policy/entropy_avg": (
                                left(entropies, actions[chosen]).sum() / flags.sum()
                            ).item(),
                            "grad_norm": grad_norm.item(),
                            "critic/grad_norm": critic_norm.item(),
                        }
                    )
        for name in updates[0]:
            entry[name] = float(np.mean([update[name] for update in updates]))
        log.append({"metrics": entry, "scores": scores.tolist(), "updates": updates})
    shown = (
        "model.embed_tokens.weight",
        "model.layers.0.input_layernorm.weight",
        "model.layers.0.mlp.down_proj.weight",
        "model.layers.1.self_attn.q_proj.weight",
    )
    final = (
        {f"actor.{name}": actor.state_dict()[name] for name in shown}
        | {
            f"critic.{name}": critic.body.state_dict()[name.removeprefix("model.")]
            for name in shown
        }
        | {"critic.score.weight": critic.score.detach()}
    )
    tensors = {
        name: value.clone().contiguous()
        for name, value in (
            initial | {f"final.{name}": value for name, value in final.items()}
        ).items()
    }
    return {"settings": s, "stop": STOP, "rollouts": batches, "steps": log}, tensors


def main(target: str) -> None:
    folder = Path(target)
    torch.set_num_threads(1)
    made = {"torch": torch.__version__, "transformers": transformers.__version__}
    (folder / "ppo-maths.json").write_text(
        json.dumps({"made_with": made} | maths(), indent=1) + "\n"
    )
    log, tensors = run(folder / "models" / "smollm2")
    (folder / "ppo-run.json").write_text(json.dumps({"made_with": made} | log, indent=1) + "\n")
    save_file(tensors, folder / "ppo-run.safetensors")


if __name__ == "__main__":
    main(*positional(__doc__, "FOLDER"))

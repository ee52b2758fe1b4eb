"""Values and gradients of TRL's losses on prescribed log-probabilities, in float64.

    python scripts/golden/losses.py tests/golden/losses.json

TRL's own methods compute them (each entry's `source` names the method): a stand-in for the model
returns the prescribed log-probability of every token. Where TRL has no such loss (cDPO, soft
labels) the formula is written out here.

`losses` holds each example's loss, `mean` what TRL returns for the batch. `gradient` is that of the
sum of the losses (so of an example's own loss, where examples do not mix) with respect to the
log-probability of any one token of the answer, which is the same for all its tokens: the gradient
with respect to the answer's summed log-probability.
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
from trl.experimental.cpo import CPOTrainer
from trl.experimental.orpo import ORPOTrainer

logsigmoid = torch.nn.functional.logsigmoid
PROMPT = 3  # tokens of the prompt in every row; they carry no loss

# Log-ratios of chosen and rejected: the start (both 0), small, large, and wrong-way ones.
LOG_RATIOS = [
    (0.0, 0.0),
    (1.5, -0.75),
    (-2.0, 1.25),
    (0.4, 0.9),
    (12.0, -31.0),
    (-24.0, 17.0),
    (3.0, 2.9),
    (-0.6, -5.0),
]


def make_pairs(random: np.random.Generator) -> list[dict]:
    pairs = []
    for log_ratios in LOG_RATIOS:
        tokens = [int(n) for n in random.integers(1, 24, size=2)]
        answers = [np.round(-random.gamma(1.2, 1.4, size=n) - 0.01, 6) for n in tokens]
        sums = [float(answer.sum()) for answer in answers]
        pairs.append(
            {
                "chosen": answers[0].tolist(),
                "rejected": answers[1].tolist(),
                "chosen_tokens": tokens[0],
                "rejected_tokens": tokens[1],
                "chosen_sum": sums[0],
                "rejected_sum": sums[1],
                "reference_chosen": sums[0] - log_ratios[0],
                "reference_rejected": sums[1] - log_ratios[1],
            }
        )
    return pairs


def trainer(**settings) -> SimpleNamespace:
    """What the loss methods read of a trainer."""
    accelerator = SimpleNamespace(
        device=torch.device("cpu"), gather=lambda x: x, gather_for_metrics=lambda x: x
    )
    return SimpleNamespace(
        model=SimpleNamespace(training=True),
        accelerator=accelerator,
        aux_loss_enabled=False,
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
        **settings,
    )


def rows(answers: list[list[float]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of the tokens after the first [B, T-1] and the mask of the answers' tokens
    [B, T].
    """
    width = PROMPT + max(len(answer) for answer in answers)
    logps, mask = (
        torch.zeros(len(answers), width - 1, dtype=torch.float64),
        torch.zeros(len(answers), width, dtype=torch.long),
    )
    for row, answer in enumerate(answers):
        logps[row, PROMPT - 1 : PROMPT - 1 + len(answer)] = torch.tensor(
            answer, dtype=torch.float64
        )
        mask[row, PROMPT : PROMPT + len(answer)] = 1
    return logps.requires_grad_(), mask


def stand_in(logps: torch.Tensor):
    other = torch.zeros_like(logps)
    return lambda **_: SimpleNamespace(
        log_probs=logps, entropy=other, mean_logits=other, is_top1=other.bool()
    )


def per_answer(gradient: torch.Tensor, mask: torch.Tensor) -> list[float]:
    result = []
    for row, flags in zip(gradient, mask[:, 1:].bool(), strict=True):
        values = row[flags]
        assert (values - values[0]).abs().max() < 1e-15
        result.append(values[0].item())
    return result


def pair_loss(pairs: list[dict], losses: dict[str, float], hyper: dict) -> dict:
    logps, mask = rows([pair["chosen"] for pair in pairs] + [pair["rejected"] for pair in pairs])
    owner = trainer(
        beta=hyper["beta"],
        label_smoothing=hyper.get("label_smoothing", 0.0),
        args=SimpleNamespace(discopop_tau=hyper.get("discopop_tau", 0.05)),
        loss_types=list(losses),
        loss_weights=list(losses.values()),
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        use_weighting=False,
    )
    inputs = {
        "input_ids": torch.zeros_like(mask),
        "attention_mask": torch.ones_like(mask),
        "completion_mask": mask,
    }
    for side in ("chosen", "rejected"):
        inputs[f"ref_{side}_logps"] = torch.tensor(
            [pair[f"reference_{side}"] for pair in pairs], dtype=torch.float64
        )
    mean = trl.DPOTrainer._compute_loss(owner, stand_in(logps), inputs, False)
    (mean * len(pairs)).backward()
    gradient = per_answer(logps.grad, mask)
    metrics = {
        name: values[0]
        for name, values in owner._metrics["train"].items()
        if name.startswith(("rewards/", "logps/"))
    }
    return {
        "mean": mean.item(),
        "gradient": {"chosen": gradient[: len(pairs)], "rejected": gradient[len(pairs) :]},
        "metrics": metrics,
    }


def dpo_entries(pairs: list[dict]) -> list[dict]:
    plain = [{"beta": 0.1}, {"beta": 0.5}]
    smooth = [{"beta": 0.1, "label_smoothing": 0.1}, {"beta": 0.5, "label_smoothing": 0.3}]
    settings = {
        name: plain
        for name in (
            "sigmoid",
            "ipo",
            "hinge",
            "sppo_hard",
            "nca_pair",
            "bco_pair",
            "apo_zero",
            "apo_down",
            "sigmoid_norm",
        )
    }
    settings |= {
        "robust": [*plain, *smooth],
        "exo_pair": [{"beta": 0.1, "label_smoothing": 0.001}, *smooth],
        "aot": smooth,
        "aot_unpaired": smooth,
    }
    settings |= {
        "discopop": [{"beta": 0.1, "discopop_tau": 0.05}, {"beta": 0.5, "discopop_tau": 0.5}],
        "sft": [{"beta": 0.1}],
    }
    entries = []
    for name, hypers in settings.items():
        for hyper in hypers:
            entry = {"loss": name, **hyper, "source": "trl DPOTrainer._compute_loss"} | pair_loss(
                pairs, {name: 1.0}, hyper
            )
            if name not in ("aot", "aot_unpaired", "sft"):
                alone = [pair_loss([pair], {name: 1.0}, hyper) for pair in pairs]
                entry["losses"] = [one["mean"] for one in alone]
                for side in ("chosen", "rejected"):
                    np.testing.assert_allclose(
                        [one["gradient"][side][0] for one in alone],
                        entry["gradient"][side],
                        rtol=1e-12,
                        atol=1e-15,
                    )
            entries.append(entry)
    mixture = {"sigmoid": 0.8, "bco_pair": 0.2, "sft": 1.0}
    entries.append(
        {"mixture": mixture, "beta": 0.1, "source": "trl DPOTrainer._compute_loss"}
        | pair_loss(pairs, mixture, {"beta": 0.1})
    )
    return entries


def entry_of(
    losses: torch.Tensor, leaves: dict[str, torch.Tensor], kinks: tuple[int, ...] = ()
) -> dict:
    """At a kink of the loss, the pairs `kinks`, rounding decides about the slope, and none is
    stated.
    """
    losses.sum().backward()
    gradient = {
        name: [None if index in kinks else slope for index, slope in enumerate(leaf.grad.tolist())]
        for name, leaf in leaves.items()
    }
    return {"losses": losses.tolist(), "mean": losses.mean().item(), "gradient": gradient}


def leaves_of(pairs: list[dict]) -> dict[str, torch.Tensor]:
    return {
        side: torch.tensor(
            [pair[f"{side}_sum"] for pair in pairs], dtype=torch.float64, requires_grad=True
        )
        for side in ("chosen", "rejected")
    }


def written_out(pairs: list[dict]) -> list[dict]:
    """cDPO: P(chosen is better) is q = p (1 - e) + (1 - p) e, and the loss is the cross-entropy of
    sigma(beta Delta) with q.
    """
    entries = []
    soft = [1.0, 0.5, 0.7, 0.9, 0.25, 0.6, 0.0, 0.8]
    for beta, smoothing, p in (
        (0.1, 0.1, None),
        (0.5, 0.3, None),
        (0.1, 0.0, soft),
        (0.5, 0.1, soft),
    ):
        leaves = leaves_of(pairs)
        reference = [
            torch.tensor([pair[f"reference_{side}"] for pair in pairs], dtype=torch.float64)
            for side in ("chosen", "rejected")
        ]
        x = beta * ((leaves["chosen"] - reference[0]) - (leaves["rejected"] - reference[1]))
        probability = torch.tensor(p or [1.0] * len(pairs), dtype=torch.float64)
        q = probability * (1 - smoothing) + (1 - probability) * smoothing
        hyper = {"loss": "sigmoid", "beta": beta, "label_smoothing": smoothing} | (
            {"p": p} if p else {}
        )
        entries.append(
            {**hyper, "source": "formula of cDPO (Mitchell 2023)"}
            | entry_of(-q * logsigmoid(x) - (1 - q) * logsigmoid(-x), leaves)
        )
    return entries


def reference_free(pairs: list[dict]) -> list[dict]:
    entries = []
    tokens = {
        side: torch.tensor([float(pair[f"{side}_tokens"]) for pair in pairs], dtype=torch.float64)
        for side in ("chosen", "rejected")
    }
    for name, loss_type, hyper in (
        ("cpo", "sigmoid", {"beta": 0.1, "label_smoothing": 0.0}),
        ("cpo", "sigmoid", {"beta": 0.5, "label_smoothing": 0.2}),
        ("simpo", "simpo", {"beta": 2.0, "simpo_gamma": 1.0, "label_smoothing": 0.0}),
        ("simpo", "simpo", {"beta": 10.0, "simpo_gamma": 3.0, "label_smoothing": 0.1}),
    ):
        leaves = leaves_of(pairs)
        read = [leaves[side] / tokens[side] if name == "simpo" else leaves[side] for side in leaves]
        owner = trainer(alpha=0.0, loss_type=loss_type, **{"simpo_gamma": None} | hyper)
        entries.append(
            {"loss": name, **hyper, "source": "trl.experimental CPOTrainer.cpo_loss"}
            | entry_of(CPOTrainer.cpo_loss(owner, *read)[0], leaves)
        )
    for beta in (0.1, 0.5):
        leaves = leaves_of(pairs)
        read = [leaves[side] / tokens[side] for side in leaves]
        # TRL subtracts this term from the loss.
        losses = -ORPOTrainer.odds_ratio_loss(trainer(beta=beta), *read)[0]
        entries.append(
            {
                "loss": "orpo",
                "beta": beta,
                "precision": "float32",
                "source": "trl.experimental ORPOTrainer.odds_ratio_loss",
            }
            | entry_of(losses, leaves)
        )
    return entries


def kto_entries(pairs: list[dict]) -> dict:
    """Answers of the pairs, chosen or rejected as their label says; z0 from prescribed log-ratios
    of mismatched answers.
    """
    labels = [True, False, True, True, False, False, True, False]
    sides = ["chosen" if label else "rejected" for label in labels]
    answers = [pair[side] for pair, side in zip(pairs, sides, strict=True)]
    reference = torch.tensor(
        [pair[f"reference_{side}"] for pair, side in zip(pairs, sides, strict=True)],
        dtype=torch.float64,
    )
    mismatched = {
        "positive": [0.5, 2.0, -0.25, 1.0, 3.5, 0.0, -1.0, 2.25],
        "negative": [-0.5, -2.0, 0.25, -1.0, -3.5, 0.0, 1.0, -2.25],
    }

    def run(
        indices: list[int], ratios: list[float], hyper: dict
    ) -> tuple[torch.Tensor, list[float], float]:
        logps, mask = rows([answers[index] for index in indices])
        kl = torch.tensor(ratios, dtype=torch.float64)
        owner = trainer(
            **hyper,
            loss_type="kto",
            calculate_KL=True,
            precompute_ref_logps=True,
            _compute_kl_logps=lambda *_: kl,
        )
        inputs = {
            "input_ids": torch.zeros_like(mask),
            "attention_mask": torch.ones_like(mask),
            "completion_mask": mask,
            "label": torch.tensor([labels[index] for index in indices]),
            "ref_logps": reference[indices],
            "ref_KL_logps": torch.zeros_like(kl),
        }
        mean = trl.KTOTrainer._compute_loss(owner, stand_in(logps), inputs, False)
        (mean * len(indices)).backward()
        return mean, per_answer(logps.grad, mask), owner._metrics["train"]["kl"][0]

    entries = []
    for beta, desirable, undesirable in ((0.1, 1.0, 1.0), (0.5, 1.0, 1.33), (0.1, 0.75, 1.5)):
        hyper = {"beta": beta, "desirable_weight": desirable, "undesirable_weight": undesirable}
        for name, ratios in mismatched.items():
            everything = list(range(len(labels)))
            mean, gradient, z0 = run(everything, ratios, hyper)
            losses = [run([index], [z0], hyper)[0].item() for index in everything]
            entries.append(
                {
                    **hyper,
                    "mismatched": name,
                    "z0": z0,
                    "losses": losses,
                    "mean": mean.item(),
                    "gradient": gradient,
                }
            )
    answers_shown = [
        {
            "tokens": len(answer),
            "sum": pair[f"{side}_sum"],
            "reference": pair[f"reference_{side}"],
            "label": label,
        }
        for answer, pair, side, label in zip(answers, pairs, sides, labels, strict=True)
    ]
    return {
        "source": "trl KTOTrainer._compute_loss",
        "answers": answers_shown,
        "mismatched_log_ratios": mismatched,
        "entries": entries,
    }


def reward_entries() -> dict:
    scores = {
        "chosen": [0.0, 1.25, -0.5, 3.0, -8.0, 20.0, 0.1, 2.0],
        "rejected": [0.0, -0.75, 0.5, 2.5, 9.0, -14.0, 0.2, -1.0],
    }
    margin = [0.0, 0.5, 1.0, 0.25, 2.0, 3.0, 0.0, 1.5]
    entries = []
    for with_margin in (False, True):
        for coefficient in (None, 0.01):
            owner = trainer(args=SimpleNamespace(center_rewards_coefficient=coefficient))

            def run(indices: list[int]) -> tuple[float, list[float]]:
                leaf = torch.tensor(
                    [[scores[side][index]] for side in scores for index in indices],
                    dtype=torch.float64,
                    requires_grad=True,
                )
                inputs = {"attention_mask": torch.ones(2 * len(indices), 1)} | (
                    {"margin": torch.tensor(margin, dtype=torch.float64)[indices]}
                    if with_margin
                    else {}
                )
                loss = trl.RewardTrainer.compute_loss(
                    owner, lambda **_: SimpleNamespace(logits=leaf), inputs
                )
                (loss * len(indices)).backward()
                return loss.item(), leaf.grad[:, 0].tolist()

            count = len(margin)
            mean, gradient = run(list(range(count)))
            losses = [run([index])[0] for index in range(count)]
            entries.append(
                {
                    "margin": with_margin,
                    "center_rewards_coefficient": coefficient,
                    "losses": losses,
                    "mean": mean,
                    "gradient": {"chosen": gradient[:count], "rejected": gradient[count:]},
                }
            )
    return {
        "source": "trl RewardTrainer.compute_loss",
        "scores": scores,
        "margin": margin,
        "entries": entries,
    }


def main(target: str) -> None:
    torch.set_default_dtype(torch.float64)  # exo_pair makes tensors of its own
    pairs = make_pairs(np.random.default_rng(20_240))
    result = {
        "made_with": {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "trl": trl.__version__,
        },
        "pairs": pairs,
        "preference": [*dpo_entries(pairs), *written_out(pairs), *reference_free(pairs)],
        "kto": kto_entries(pairs),
        "reward": reward_entries(),
    }
    lines = json.dumps(result, indent=1)
    Path(target).write_text(lines + "\n")


if __name__ == "__main__":
    main(*positional(__doc__, "FILE"))

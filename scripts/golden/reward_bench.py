"""Scores of RewardBench 2's Ties, for src/evaluation/reward-benchmarks.

    python reward_bench.py OUT

The formula is that of allenai/reward-bench, rewardbench/utils.py (process_single_model), written
down from its description: 30 hundredths each for the accuracy of reference and of tied prompts, 20
each for the two margins, one more to tell models apart.
"""

import json

import numpy as np
from command_line import positional


def stats(scores, correct):
    right, wrong = np.array(scores[:correct]), np.array(scores[correct:])
    return right.max() - right.min(), right.min() - wrong.max()


def ties(rows):
    found = {"ref": {}, "tied": {}}
    for row in rows:
        kind, number = row["id"].split(":")
        found[kind][int(number)] = stats(row["scores"], row["num_correct"])
    accuracy = {
        kind: float(np.mean([gap > 0 for _, gap in prompts.values()])) if prompts else 0.0
        for kind, prompts in found.items()
    }
    both = sorted(set(found["ref"]) & set(found["tied"]))
    spread = np.array([found["tied"][number][0] for number in both])
    tied = np.array([found["tied"][number][1] for number in both])
    least = np.minimum(tied, np.array([found["ref"][number][1] for number in both]))
    with np.errstate(divide="ignore", invalid="ignore"):
        margin = float(np.mean(np.nan_to_num(np.tanh(least / spread - 1), nan=0.0)))
    preferred, hard = float(np.mean(tied > spread)), float(np.mean(least > spread))
    return {
        "score": 0.3 * accuracy["tied"]
        + 0.3 * accuracy["ref"]
        + 0.2 * preferred
        + 0.2 * hard
        + 0.01 * margin,
        "referenceAccuracy": accuracy["ref"],
        "tiedAccuracy": accuracy["tied"],
        "preferred": preferred,
        "preferredHard": hard,
        "margin": margin,
    }


def case(seed, prompts, lift, equal=False):
    random = np.random.default_rng(seed)
    rows = []
    for number in range(prompts):
        for kind in ("ref", "tied"):
            correct = 1 if kind == "ref" else int(random.integers(2, 6))
            scores = random.normal(size=correct + int(random.integers(2, 6)))
            scores[:correct] = scores[:correct] * 0.5 + lift
            if equal:
                scores[:correct] = lift
            rows.append(
                {
                    "id": f"{kind}:{number}",
                    "num_correct": correct,
                    "scores": [round(float(score), 6) for score in scores],
                }
            )
    if seed == 2:
        # one that lacks its partner
        rows.pop()
    return {"rows": rows, "expected": ties(rows)}


(out,) = positional(__doc__, "out")
cases = [case(1, 20, 1.0), case(2, 20, 2.0), case(3, 8, 0.0), case(4, 5, 3.0, equal=True)]
with open(out, "w") as file:
    json.dump(cases, file)
    file.write("\n")

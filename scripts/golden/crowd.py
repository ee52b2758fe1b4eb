"""Reference values of models of annotators, for the tests of src/stats/annotators.

    python scripts/golden/crowd.py src/stats/annotators/golden/crowd.json

`dawid_skene`: labels of several annotators, some items gold, and what crowd-kit's DawidSkene ends
at when its own stopping rule is off (3,000 rounds). `noisy_bradley_terry`: comparisons with side
and annotator. `optimum` is the maximum of the likelihood that crowd-kit's NoisyBradleyTerry states
(its `_compute_log_likelihood` without its own penalty) less normal priors, found by scipy with
numerical slopes. `crowd_kit` is where crowd-kit itself ends: its slopes of biases and skills are
written one place early and overwritten instead of added up, so that it stops short of its maximum;
only the likelihood of that place is compared.
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from command_line import positional
from crowdkit.aggregation import DawidSkene, NoisyBradleyTerry
from scipy.optimize import minimize
from scipy.special import expit, logit

warnings.filterwarnings("ignore")


def dawid_skene(random: np.random.Generator, shape: tuple[int, int, int], gold: int) -> dict:
    items, annotators, classes = shape
    truth = random.integers(classes, size=items)
    confusion = np.stack(
        [
            0.35 * random.dirichlet(np.ones(classes), size=classes) + 0.65 * np.eye(classes)
            for _ in range(annotators)
        ]
    )
    rows = []
    for item in range(items):
        for worker in random.choice(annotators, size=4, replace=False):
            label = random.choice(classes, p=confusion[worker, truth[item]])
            rows.append((item, int(worker), int(label)))
    frame = pd.DataFrame(rows, columns=["task", "worker", "label"])
    known = pd.Series(truth[:gold], index=range(gold)) if gold else None
    fit = DawidSkene(n_iter=3000, tol=-1.0).fit(frame, true_labels=known)
    errors = np.zeros((annotators, classes, classes))
    for (worker, label), row in fit.errors_.iterrows():
        for k in range(classes):
            errors[worker, k, label] = row[k]
    return {
        "items": items,
        "annotators": annotators,
        "classes": classes,
        "votes": rows,
        "gold": truth[:gold].tolist(),
        "shares": [float(fit.priors_[k]) for k in range(classes)],
        "confusion": errors.round(12).tolist(),
        "posterior": fit.probas_.sort_index()[list(range(classes))].to_numpy().tolist(),
    }


def noisy_bradley_terry(random: np.random.Generator, shape: tuple[int, int, int]) -> dict:
    players, annotators, votes = shape
    strengths = random.normal(0, 1.5, players)
    skills = random.uniform(0.5, 1, annotators)
    biases = random.uniform(0.2, 0.8, annotators)
    rows = []
    for _ in range(votes):
        left, right = random.choice(players, size=2, replace=False)
        worker = random.integers(annotators)
        attends = random.random() < skills[worker]
        p = expit(strengths[left] - strengths[right]) if attends else biases[worker]
        rows.append((int(left), int(right), int(worker), int(random.random() < p)))
    # in crowd-kit's form: players from 1, player 0 is the virtual one
    data = np.array([(a + 1, b + 1, a + 1 if y else b + 1) for a, b, _, y in rows])
    workers = np.array([w for _, _, w, _ in rows])
    prior = {"strength": 0.5, "skill": 0.4, "skill_mean": 1.0, "bias": 0.3}

    def likelihood(x: np.ndarray, ratio: float = 0.0) -> float:
        return -NoisyBradleyTerry._compute_log_likelihood(
            x, data, workers, players, annotators, ratio
        )

    def loss(x: np.ndarray) -> float:
        s, q, gamma = np.split(x, [players, players + annotators])
        penalty = (
            prior["strength"] * (s**2).sum()
            + prior["bias"] * (q**2).sum()
            + prior["skill"] * ((gamma - prior["skill_mean"]) ** 2).sum()
        )
        return -likelihood(np.concatenate([[0.0], x])) + penalty / 2

    start = np.concatenate([np.zeros(players + annotators), np.ones(annotators)])
    best = minimize(loss, start, method="L-BFGS-B", jac="3-point", options={"maxiter": 5000})
    best = minimize(loss, best.x, method="BFGS", jac="3-point", options={"gtol": 1e-8})
    s, q, gamma = np.split(best.x, [players, players + annotators])

    frame = pd.DataFrame(
        [(w, f"p{a:02}", f"p{b:02}", f"p{a:02}" if y else f"p{b:02}") for a, b, w, y in rows],
        columns=["worker", "left", "right", "label"],
    )
    own = NoisyBradleyTerry(n_iter=1000, tol=1e-9).fit(frame)
    scores = own.scores_.reindex([f"p{i:02}" for i in range(players)])
    place = [logit(scores.to_numpy()), logit(own.biases_.sort_index().to_numpy())]
    place.append(logit(own.skills_.sort_index().to_numpy()))
    return {
        "players": players,
        "annotators": annotators,
        "votes": rows,
        "prior": prior,
        "optimum": {"strengths": s.tolist(), "biases": q.tolist(), "skills": gamma.tolist()},
        "log_likelihood": likelihood(np.concatenate([[0.0], best.x])),
        "crowd_kit": {
            "strengths": place[0].tolist(),
            "biases": place[1].tolist(),
            "skills": place[2].tolist(),
            "log_likelihood": likelihood(np.concatenate([[0.0], *place])),
        },
    }


def main(target: str) -> None:
    random = np.random.default_rng(5)
    result = {
        "made_with": {name: version(name) for name in ("crowd-kit", "scipy", "numpy", "pandas")},
        "dawid_skene": [
            dawid_skene(random, *case) for case in (((60, 6, 2), 0), ((80, 7, 3), 0), ((60, 6, 2), 15))
        ],
        "noisy_bradley_terry": [
            noisy_bradley_terry(random, shape) for shape in ((6, 4, 300), (12, 6, 700))
        ],
    }
    Path(target).write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(*positional(__doc__, "FILE"))

"""Reference values of estimators of src/stats, by scipy, statsmodels and formulas in numpy.

    python scripts/golden/estimators.py src/stats/golden/estimators.json

`sequential`: wealth of a mixture of bets, multiplied out one observation after the other, and the
means that it leaves (scipy.optimize.brentq). `equivalence`: ttost_paired. `unpaired`: Welch's and
Newcombe's intervals (scipy, statsmodels) and the z test of lm-evaluation-harness. `mcnemar`:
statsmodels, and Fagerland's mid-p. `adjusted`: multipletests. `powered`: ppi_py, whose error is read
off the width of its interval. `corrected`: Lang and Reiczigel's equations.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from command_line import positional
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.weightstats import ttost_paired

FRACTIONS = 2.0 ** (-np.arange(19) / 2)


def wealth(outcomes: np.ndarray, m: float) -> float:
    """Half of it on more and half on less than m, in equal parts on each fraction."""
    above = np.ones(len(FRACTIONS))
    below = np.ones(len(FRACTIONS))
    for outcome in outcomes:
        above *= 1 + FRACTIONS * (outcome - m) / m
        below *= 1 + FRACTIONS * (m - outcome) / (1 - m)
    return float((above.mean() + below.mean()) / 2)


def sequential(random: np.random.Generator) -> list[dict]:
    results = []
    for n, weights in ((5, (0.2, 0.2, 0.6)), (40, (0.3, 0.4, 0.3)), (120, (0.35, 0.1, 0.55))):
        outcomes = random.choice([0.0, 0.5, 1.0], size=n, p=weights)
        largest = max(1.0, *(wealth(outcomes[:i], 0.5) for i in range(1, n + 1)))
        ends = [
            optimize.brentq(lambda m: wealth(outcomes, m) - 20, far, outcomes.mean(), xtol=1e-13)
            for far in (1e-4, 1 - 1e-4)
        ]
        results.append(
            {
                "outcomes": outcomes.tolist(),
                "e": wealth(outcomes, 0.5),
                "p": 1 / largest,
                "interval": ends,
            }
        )
    return results


def equivalence(random: np.random.Generator) -> list[dict]:
    results = []
    for n, shift, margin in ((12, 0.1, 0.8), (30, 0.2, 0.6), (60, -0.1, 0.2)):
        a = np.round(random.normal(size=n), 3)
        b = np.round(a - shift + random.normal(scale=0.6, size=n), 3)
        p, _, _ = ttost_paired(a, b, -margin, margin)
        results.append({"a": a.tolist(), "b": b.tolist(), "margin": margin, "p": float(p)})
    return results


def unpaired(random: np.random.Generator) -> dict:
    a = np.round(random.normal(0.4, 1.3, size=14), 3)
    b = np.round(random.normal(0.0, 0.5, size=23), 3)
    welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    shares = [
        [*counts, *map(float, confint_proportions_2indep(*counts, method="newcomb"))]
        for counts in ((56, 70, 48, 80), (9, 10, 3, 10), (10, 10, 0, 20), (0, 30, 0, 40))
    ]
    return {"a": a.tolist(), "b": b.tolist(), "welch": list(map(float, welch)), "shares": shares}


def mcnemar_tests() -> list[dict]:
    results = []
    for a, b in ((30, 12), (27, 10), (8, 0), (5, 5), (61, 40), (1, 2)):
        table = [[0, a], [b, 0]]
        exact = float(mcnemar(table, exact=True).pvalue)
        seen = float(stats.binom.pmf(min(a, b), a + b, 0.5))
        results.append(
            {
                "counts": [a, b],
                "exact": exact,
                "mid": 1 - seen / 2 if a == b else exact - seen,
                "chi_square": float(mcnemar(table, exact=False, correction=False).pvalue),
                "corrected": float(mcnemar(table, exact=False, correction=True).pvalue),
            }
        )
    return results


def same_items() -> list[dict]:
    """Every table of 220 pairs of which the unpaired z test says 0.080 and McNemar's 0.008."""
    found = []
    for a in range(1, 60):
        for b in range(a):
            if f"{mcnemar([[0, a], [b, 0]], exact=True).pvalue:.3f}" != "0.008":
                continue
            for both in range(221 - a - b):
                first, second = (both + a) / 220, (both + b) / 220
                error = np.sqrt((first * (1 - first) + second * (1 - second)) / 219)
                p = float(2 * stats.norm.sf((first - second) / error))
                if f"{p:.3f}" == "0.080":
                    neither = 220 - both - a - b
                    found.append({"table": [both, a, b, neither], "unpaired": p})
    return found


def adjusted(random: np.random.Generator) -> list[dict]:
    results = []
    for count in (1, 3, 8, 20):
        p = np.round(random.beta(0.5, 2, size=count), 4)
        p[count // 2] = p[0]
        results.append(
            {
                "p": p.tolist(),
                **{
                    name: multipletests(p, method=method)[1].tolist()
                    for name, method in (
                        ("holm", "holm"),
                        ("discovery", "fdr_bh"),
                        ("bonferroni", "bonferroni"),
                    )
                },
            }
        )
    return results


def powered(random: np.random.Generator) -> list[dict]:
    results = []
    for n, others, share, right in ((12, 60, 0.4, 0.8), (40, 500, 0.1, 0.95), (30, 30, 0.7, 0.5)):
        truth = random.random(n + others) < share
        guess = np.where(random.random(n + others) < right, truth, ~truth).astype(float)
        if right == 0.8:
            guess = np.round(0.2 + 0.6 * guess, 3)
        y, f, rest = truth[:n].astype(float), guess[:n], guess[n:]
        for weight in (None, 1, 0.4):
            low, high = (float(end[0]) for end in ppi_mean_ci(y, f, rest, alpha=0.05, lam=weight))
            estimate = np.asarray(ppi_mean_pointestimate(y, f, rest, lam=weight)).item()
            results.append(
                {
                    "labels": y.tolist(),
                    "predictions": f.tolist(),
                    "unlabelled": rest.tolist(),
                    "weight": weight,
                    "estimate": estimate,
                    "error": (high - low) / 2 / float(stats.norm.ppf(0.975)),
                }
            )
    return results


def corrected() -> list[dict]:
    results = []
    z = stats.norm.ppf(0.975)
    for positives, tested, hits, ill, passed, well in (
        (23, 150, 48, 50, 89, 100),
        (6, 151, 96, 100, 93, 100),
        (60, 100, 17, 20, 29, 30),
        (0, 40, 10, 10, 30, 30),
        (40, 40, 45, 50, 30, 30),
    ):
        apparent = (positives + z**2 / 2) / (tested + z**2)
        se, sp = (hits + 1) / (ill + 2), (passed + 1) / (well + 2)
        share = (apparent + sp - 1) / (se + sp - 1)
        shift = 2 * z**2 * (
            share * se * (1 - se) / (ill + 2) - (1 - share) * sp * (1 - sp) / (well + 2)
        )
        variance = (
            apparent * (1 - apparent) / (tested + z**2)
            + share**2 * se * (1 - se) / (ill + 2)
            + (1 - share) ** 2 * sp * (1 - sp) / (well + 2)
        ) / (se + sp - 1) ** 2
        half = z * np.sqrt(variance)
        plain = (positives / tested + passed / well - 1) / (hits / ill + passed / well - 1)
        results.append(
            {
                "counts": [positives, tested, hits, ill, passed, well],
                "uncut": plain,
                "interval": np.clip([share + shift - half, share + shift + half], 0, 1).tolist(),
            }
        )
    return results


def main(target: str) -> None:
    random = np.random.default_rng(31)
    result = {
        "made_with": {name: version(name) for name in ("scipy", "statsmodels", "numpy", "ppi-python")},
        "sequential": sequential(random),
        "equivalence": equivalence(random),
        "unpaired": unpaired(random),
        "mcnemar": mcnemar_tests(),
        "same_items": same_items(),
        "adjusted": adjusted(random),
        "powered": powered(random),
        "corrected": corrected(),
    }
    Path(target).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(*positional(__doc__, "FILE"))

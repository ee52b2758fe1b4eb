"""Reference values of the tests of src/stats, by scipy and statsmodels.

    python scripts/golden/significance.py src/stats/golden/tests.json

`flips`: sums of clusters and the p-value of flipping their signs in every pattern
(scipy.stats.permutation_test). `binomial`: the same for sums of 1 and -1, which is McNemar's exact
test (statsmodels). `weighted`: a weighted least-squares fit of the laws of over-optimisation with
its t intervals (statsmodels WLS.conf_int).
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import statsmodels.api as sm
from command_line import positional
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar


def flips(random: np.random.Generator, units: int, whole: bool) -> dict:
    sums = (
        random.integers(-5, 7, size=units).astype(float)
        if whole
        else np.round(random.normal(0.5, 1.0, size=units), 3)
    )
    test = stats.permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    return {"sums": sums.tolist(), "p": float(test.pvalue)}


def weighted() -> list[dict]:
    distance, reward, weight = (
        np.array([0.5, 1, 1.5, 2, 2.5, 3]),
        np.array([0.6, 1.05, 1.2, 1.25, 1.1, 0.8]),
        np.array([1, 2, 1, 1, 3, 1]),
    )
    results = []
    for kind, second in (("best-of-n", -(distance**2)), ("rl", -distance * np.log(distance))):
        fit = sm.WLS(reward, np.column_stack([distance, second]), weights=weight).fit()
        results.append(
            {
                "kind": kind,
                "coefficients": fit.params.tolist(),
                "intervals": fit.conf_int(0.05).tolist(),
            }
        )
    return results


def main(target: str) -> None:
    random = np.random.default_rng(23)
    binomial = [
        [a, b, float(mcnemar([[0, a], [b, 0]], exact=True).pvalue)]
        for a, b in ((9, 2), (30, 12), (4, 4), (61, 40))
    ]
    made = {name: version(name) for name in ("scipy", "statsmodels", "numpy")}
    result = {
        "made_with": made,
        "flips": [
            flips(random, units, whole) for units in (3, 5, 8, 12) for whole in (True, False)
        ],
        "binomial": binomial,
        "weighted": weighted(),
    }
    Path(target).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(*positional(__doc__, "FILE"))

"""Reference values of measures of agreement, for the tests of src/stats.

    python scripts/golden/agreement.py src/stats/golden/agreement.json

`pairs`: two raters; Cohen's kappa with its standard error and interval, plain and weighted
(statsmodels cohens_kappa). `crowds`: items with labels of several raters, some missing; Fleiss'
kappa where none is (statsmodels), Krippendorff's alpha (krippendorff), Gwet's AC1 and AC2 with
their standard errors and intervals (irrCAC).
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import krippendorff
import numpy as np
import pandas as pd
from command_line import positional
from irrCAC.raw import CAC
from statsmodels.stats.inter_rater import aggregate_raters, cohens_kappa, fleiss_kappa

warnings.filterwarnings("ignore")


def two(random: np.random.Generator, items: int, classes: int, skill: float) -> dict:
    truth = random.integers(classes, size=items)
    said = [
        np.where(random.random(items) < skill, truth, random.integers(classes, size=items))
        for _ in range(2)
    ]
    table = np.zeros((classes, classes))
    for a, b in zip(*said):
        table[a, b] += 1
    result = {}
    for name in (None, "linear", "quadratic"):
        fit = cohens_kappa(table, wt=name)
        result[name or "plain"] = {
            "kappa": float(fit.kappa),
            "se": float(fit.std_kappa),
            "low": float(fit.kappa_low),
            "high": float(fit.kappa_upp),
        }
    return {
        "a": said[0].tolist(),
        "b": said[1].tolist(),
        "classes": classes,
        "found": result,
    }


def gwet(frame: pd.DataFrame, classes: int, weights: str) -> dict:
    cac = CAC(frame, weights=weights, categories=list(range(classes)), digits=15)
    found = cac.gwet()["est"]
    low, high = found["confidence_interval"]
    return {
        "value": float(found["coefficient_value"]),
        "se": float(found["se"]),
        "low": float(low),
        "high": float(high),
    }


def crowd(random: np.random.Generator, shape: tuple[int, int, int], missing: float) -> dict:
    items, raters, classes = shape
    truth = random.integers(classes, size=items)
    right = random.random((items, raters)) < 0.7
    said = np.where(right, truth[:, None], random.integers(classes, size=(items, raters)))
    labels = said.astype(float)
    labels[random.random((items, raters)) < missing] = np.nan
    frame = pd.DataFrame(labels)
    result = {
        "items": [[None if np.isnan(x) else int(x) for x in row] for row in labels],
        "classes": classes,
        "alpha": {
            level: float(
                krippendorff.alpha(
                    reliability_data=labels.T,
                    level_of_measurement=level,
                    value_domain=list(range(classes)),
                )
            )
            for level in ("nominal", "ordinal", "interval")
        },
        "gwet": {name: gwet(frame, classes, name) for name in ("identity", "linear", "quadratic")},
    }
    if missing == 0:
        result["fleiss"] = float(fleiss_kappa(aggregate_raters(said)[0]))
    return result


def main(target: str) -> None:
    random = np.random.default_rng(12)
    names = ("statsmodels", "krippendorff", "irrCAC", "numpy")
    result = {
        "made_with": {name: version(name) for name in names},
        "pairs": [two(random, *case) for case in ((40, 2, 0.6), (60, 3, 0.5), (25, 5, 0.8))],
        "crowds": [
            crowd(random, *case)
            for case in (
                ((30, 4, 2), 0.0),
                ((30, 4, 3), 0.0),
                ((40, 5, 3), 0.3),
                ((25, 3, 5), 0.2),
            )
        ],
    }
    Path(target).write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(*positional(__doc__, "FILE"))

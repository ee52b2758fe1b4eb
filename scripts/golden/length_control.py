"""Length-controlled win rates of synthetic comparisons with a known truth, by AlpacaEval's own code.

    pip install --no-deps alpaca_eval==0.6.6
    python scripts/golden/length_control.py src/evaluation/compare/golden/length-control.json

`alpaca`: the formula `length_controlled_minimal` of alpaca_eval/metrics/glm_winrate.py, fitted by its
fit_LogisticRegressionCV (L1, five folds): the one of its formulas that needs no downloaded
difficulty of instructions and no answers of gamed models. `glm`: the same formula without a penalty
(statsmodels). `truth`: the win rate at equal length that the data were drawn with. Only
glm_winrate.py is loaded; what the package imports besides is replaced by empty modules.
"""

import importlib.util
import json
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import statsmodels.api as sm
from command_line import positional


def load_glm() -> ModuleType:
    folder = Path(importlib.util.find_spec("alpaca_eval").origin).parent
    for name in ["alpaca_eval", "alpaca_eval.metrics", "alpaca_eval.metrics.winrate"]:
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__path__ = []
    for name in ["constants", "utils", "types"]:
        setattr(sys.modules["alpaca_eval"], name, ModuleType(name))
    sys.modules["alpaca_eval"].types.AnyLoadableDF = object
    sys.modules["alpaca_eval.metrics.winrate"].get_winrate = None
    hub = sys.modules["huggingface_hub"] = ModuleType("huggingface_hub")
    hub.hf_hub_download = None
    spec = importlib.util.spec_from_file_location(
        "alpaca_eval.metrics.glm_winrate", folder / "metrics" / "glm_winrate.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draw(random: np.random.Generator, n: int, quality: float, effect: float, soft: bool) -> dict:
    """A judge whose log-odds are quality + effect * tanh(difference of lengths / its deviation)."""
    baseline = random.integers(150, 900, size=n)
    candidate = np.maximum(20, baseline + np.round(random.normal(120, 250, size=n)).astype(int))
    difference = candidate - baseline
    scaled = np.tanh(difference / difference.std(ddof=1))
    p = 1 / (1 + np.exp(-(quality + effect * scaled)))
    outcome = np.round(p, 6) if soft else random.binomial(1, p).astype(float)
    return {
        "candidate": candidate.tolist(),
        "baseline": baseline.tolist(),
        "outcomes": outcome.tolist(),
        "truth": float(1 / (1 + np.exp(-quality))),
    }


def controlled(glm: ModuleType, case: dict) -> dict:
    difference = pd.Series(np.array(case["baseline"]) - np.array(case["candidate"]))
    train = pd.DataFrame(
        {
            "preference": case["outcomes"],
            "std_delta_len": difference / difference.std(),
            "not_gamed_baseline": True,
        }
    )
    test = train[["not_gamed_baseline"]].copy()
    test["std_delta_len"] = 0.0
    info = glm.GLM_INFO["length_controlled_minimal"]
    design, at_equal = glm.make_dmatrix_for_model(train, test, formula=info["formula"])
    model = glm.fit_LogisticRegressionCV(
        design, "preference", is_ytrue_proba=True, **info["kwargs"]
    )
    plain = sm.GLM(
        train["preference"], design.drop(columns=["preference"]), family=sm.families.Binomial()
    ).fit()
    return {
        **case,
        "alpaca": float(model.predict_proba(at_equal)[:, 1].mean()),
        "glm": float(plain.predict(at_equal).mean()),
    }


def main() -> None:
    (target,) = positional(__doc__, "output")
    glm = load_glm()
    random = np.random.default_rng(12)
    cases = [
        controlled(glm, draw(random, n, quality, effect, soft))
        for n, quality, effect, soft in [
            (805, 0.0, 1.2, False),
            (805, 0.5, 1.2, False),
            (805, -0.4, 0.0, False),
            (300, 0.8, -0.7, False),
            (805, 0.3, 2.0, True),
        ]
    ]
    versions = {name: version(name) for name in ["statsmodels", "scikit-learn", "patsy", "numpy"]}
    made = {"versions": {**versions, "alpaca_eval": "0.6.6"}, "cases": cases}
    Path(target).write_text(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()

"""Ratings of battles by scikit-learn's logistic regression: a tie is half a win each.

    python scripts/golden/battles.py src/evaluation/compare/golden/battles.json

C is 1 / the precision of the prior (0.01).
"""

import json
from pathlib import Path

import numpy as np
from command_line import positional
from sklearn.linear_model import LogisticRegression

# wins of the first, ties, wins of the second
COUNTS = [("a", "b", 9, 2, 4), ("b", "c", 8, 0, 3), ("c", "d", 7, 3, 5), ("a", "c", 5, 1, 1)]
NAMES = ["a", "b", "c", "d"]

rows, targets, weights = [], [], []
for one, other, wins, ties, losses in COUNTS:
    row = np.zeros(4)
    row[NAMES.index(one)], row[NAMES.index(other)] = 1, -1
    for target, weight in ((1, wins + ties / 2), (0, losses + ties / 2)):
        rows.append(row)
        targets.append(target)
        weights.append(weight)
fit = LogisticRegression(C=100, fit_intercept=False, tol=1e-12, max_iter=10000)
fit.fit(np.array(rows), targets, sample_weight=weights)
strengths = fit.coef_[0] - fit.coef_[0][0]
ratings = {name: 1000 + 400 / np.log(10) * float(s) for name, s in zip(NAMES, strengths)}
(target,) = positional(__doc__, "output")
Path(target).write_text(json.dumps({"counts": COUNTS, "ratings": ratings}, indent=2) + "\n")

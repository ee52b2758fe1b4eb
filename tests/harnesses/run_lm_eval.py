"""Runs lm_eval on task files and writes what it found as JSON.

    python tests/harnesses/run_lm_eval.py REQUEST OUT

REQUEST is JSON: model, model_args, tasks (files), and further arguments of simple_evaluate. Standard
errors are left out: lm_eval draws 100,000 bootstrap samples for some.
"""

import json
import sys

import lm_eval
from lm_eval.tasks import TaskManager


def main(request_file: str, out: str) -> None:
    with open(request_file, encoding="utf8") as file:
        request = json.load(file)
    found = lm_eval.simple_evaluate(
        **request,
        task_manager=TaskManager(include_defaults=False),
        bootstrap_iters=0,
        log_samples=True,
        device="cpu",
    )
    kept = {
        "results": found["results"],
        "samples": {
            task: [
                {key: value for key, value in sample.items() if key != "doc"} for sample in samples
            ]
            for task, samples in found["samples"].items()
        },
        "versions": {"lm_eval": lm_eval.__version__},
    }
    with open(out, "w", encoding="utf8") as file:
        json.dump(kept, file, ensure_ascii=False, default=str)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Runs an Inspect AI task on local samples against an OpenAI-compatible server.

    python tests/harnesses/run_inspect.py SAMPLES LOGS FORMAT

SAMPLES is JSON Lines of `input` and `target`. The server and the key are those that Inspect reads
from the environment (ATTUNE_BASE_URL, ATTUNE_API_KEY). FORMAT is eval or json. Prints the score.
"""

import sys

from inspect_ai import Task, eval
from inspect_ai.dataset import json_dataset
from inspect_ai.scorer import includes
from inspect_ai.solver import generate


def main(samples: str, logs: str, log_format: str) -> None:
    task = Task(
        dataset=json_dataset(samples),
        solver=generate(),
        scorer=includes(ignore_case=True),
        name="spelling",
    )
    (log,) = eval(
        task,
        model="openai-api/attune/tiny",
        temperature=0,
        max_tokens=8,
        seed=1,
        log_dir=logs,
        log_format=log_format,
        display="none",
    )
    if log.status != "success":
        raise SystemExit(str(log.error))
    print("accuracy", log.results.scores[0].metrics["accuracy"].value)


if __name__ == "__main__":
    main(*sys.argv[1:])

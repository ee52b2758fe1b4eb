"""Sample logs of lm-evaluation-harness (--log_samples), written by lm_eval itself.

    python scripts/golden/lm_eval_logs.py src/evaluation/answer-files/golden/lm-eval

Two tasks over twelve sums, multiple choice (acc, acc_norm) and generation (exact_match), with
lm_eval's `dummy` model, which draws log-likelihoods at random: what matters is which choice its acc
and acc_norm take for the answer. Of the results only the model's name is kept.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from command_line import positional

HEAD = """task: {task}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
doc_to_text: "Q: {{{{question}}}}\\nA:"
"""
CHOICE = """output_type: multiple_choice
doc_to_choice: choices
doc_to_target: label
metric_list:
  - metric: acc
  - metric: acc_norm
"""
GENERATE = """output_type: generate_until
doc_to_target: "{{choices[label]}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 5}
metric_list:
  - metric: exact_match
"""

[target] = positional(__doc__, "folder")
into = Path(target)
into.mkdir(parents=True, exist_ok=True)
rows = [
    {
        "question": f"Is {i} even?",
        "choices": ["yes", "certainly not", "no"],
        "label": i % 2,
        "category": "sums",
    }
    for i in range(12)
]
with tempfile.TemporaryDirectory() as folder:
    place = Path(folder)
    data = place / "data.jsonl"
    data.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    for task, rest in [("tiny_choice", CHOICE), ("tiny_text", GENERATE)]:
        (place / f"{task}.yaml").write_text(HEAD.format(task=task, data=data) + rest)
    command = [sys.executable, "-m", "lm_eval", "--model", "dummy", "--batch_size", "1"]
    command += ["--tasks", "tiny_choice,tiny_text", "--include_path", folder]
    command += ["--log_samples", "--output_path", str(place / "out")]
    subprocess.run(command, check=True)
    for file in (place / "out").rglob("*"):
        if file.name.startswith("samples_"):
            (into / file.name).write_text(file.read_text())
        elif file.name.startswith("results_"):
            results = {"model_name": json.loads(file.read_text())["model_name"]}
            (into / file.name).write_text(json.dumps(results) + "\n")

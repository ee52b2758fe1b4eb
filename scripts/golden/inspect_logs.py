"""Logs of Inspect AI in both of its forms, written by Inspect AI itself with a scripted model.

    python scripts/golden/inspect_logs.py src/evaluation/answer-files/golden

Two questions, asked twice (epochs), one with a category; a system message; the scorer `includes`.
Writes tiny.eval (a zip archive, compressed with Zstandard) and tiny.json, less the events, whose
size is no use here. Dates and ids differ from run to run.
"""

import json
import tempfile
from pathlib import Path
from shutil import copyfile

from command_line import positional
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, system_message

ANSWERS = ["2", "It is 3", "I do not know", "Romans"]


def output(text: str) -> ModelOutput:
    found = ModelOutput.from_content("mockllm/small", text)
    # else Inspect counts tokens with a vocabulary from the network
    found.usage = ModelUsage(input_tokens=5, output_tokens=2, total_tokens=7)
    return found


def run(folder: str, form: str) -> Path:
    samples = [
        Sample(id="one", input="What is 1 + 1?", target="2", metadata={"category": "sums"}),
        Sample(id=2, input=[ChatMessageUser(content="Who lives in Rome?")], target="Romans"),
    ]
    task = Task(
        dataset=MemoryDataset(samples),
        name="tiny",
        solver=[system_message("Be short."), generate()],
        scorer=[includes()],
        epochs=2,
    )
    model = get_model("mockllm/small", custom_outputs=[output(text) for text in ANSWERS])
    eval(
        task, model=model, log_dir=folder, log_format=form, max_samples=1, display="none"
    )
    return next(Path(folder).glob(f"*.{form}"))


[target] = positional(__doc__, "folder")
into = Path(target)
into.mkdir(parents=True, exist_ok=True)
with tempfile.TemporaryDirectory() as folder:
    copyfile(run(folder, "eval"), into / "tiny.eval")
with tempfile.TemporaryDirectory() as folder:
    log = json.loads(run(folder, "json").read_text())
for sample in log["samples"]:
    sample["events"] = []
    sample["events_data"] = {}
log["eval"]["model_args"] = {}
(into / "tiny.json").write_text(json.dumps(log, indent=1) + "\n")

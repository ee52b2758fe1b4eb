"""Values by tag and step that TensorBoard and trackio read from a folder of event files, as a last
line of JSON: tests/peers/reports.test.ts.

    TRACKIO_DIR=EMPTY_FOLDER python scripts/golden/read_event_files.py RUN/tensorboard
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import trackio
from command_line import positional
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

(folder,) = positional(__doc__, "FOLDER")


def number(value):
    """As attune's JSON has it."""
    if isinstance(value, str) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


accumulator = EventAccumulator(folder, size_guidance={"scalars": 0})
accumulator.Reload()
tensorboard = {
    tag: [[event.step, number(event.value)] for event in accumulator.Scalars(tag)]
    for tag in accumulator.Tags()["scalars"]
}

trackio.import_tf_events(folder, project="attune")
command = [str(Path(sys.executable).parent / "trackio")]


def ask(*words):
    return json.loads(
        subprocess.run(
            [*command, *words, "--project", "attune", "--run", "main", "--json"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )


imported = {
    tag: [
        [point["step"], number(point["value"])]
        for point in ask("get", "metric", "--metric", tag)["values"]
    ]
    for tag in ask("list", "metrics")["metrics"]
}
print(json.dumps({"tensorboard": tensorboard, "trackio": imported}))

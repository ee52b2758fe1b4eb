"""An event file as TensorBoard's own messages and record writer make it:
tests/golden/tensorboard/events.json.

    pip install -r scripts/golden/requirements.txt tensorboard==2.21.0
    python scripts/golden/tensorboard_events.py
"""

import io
import json
from pathlib import Path

from command_line import positional
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "golden" / "tensorboard"
WALL_TIME = 1_700_000_000.25
LINES = [
    {"step": 1, "loss": 0.6931471805599453, "rewards/accuracies": 0.5, "learning_rate": 1e-5},
    {"step": 300, "loss": "NaN", "grad_norm": -3.5e38 * 1e-30},
    {"step": 2**40, "eval_loss": 0.25, "eval_rewards/margins": -1.5},
]


class Kept(io.BytesIO):
    def close(self):
        pass


def tag(name):
    return "eval/" + name[len("eval_") :] if name.startswith("eval_") else "train/" + name


def main():
    file = Kept()
    writer = RecordWriter(file)
    writer.write(Event(wall_time=WALL_TIME, file_version="brain.Event:2").SerializeToString())
    for line in LINES:
        values = [
            Summary.Value(tag=tag(name), simple_value=float(value))
            for name, value in line.items()
            if name != "step"
        ]
        writer.write(
            Event(
                wall_time=WALL_TIME, step=line["step"], summary=Summary(value=values)
            ).SerializeToString()
        )
    writer.flush()
    FOLDER.mkdir(parents=True, exist_ok=True)
    golden = {"wallTime": WALL_TIME, "lines": LINES, "file": file.getvalue().hex()}
    (FOLDER / "events.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main(*positional(__doc__))

"""An offline run as W&B's own client writes it, and the records that attune's should be:
tests/golden/wandb.

    pip install wandb==0.31.0
    python scripts/golden/wandb_run.py

`client.wandb.gz` is the client's file as it is. `records.json.gz` holds its records without what
attune does not tell (the machine, telemetry, the list of files, `_info`), with fixed times, and
with items in the order of the call (the client's is that of a Go map).
"""

import gzip
import hashlib
import json
import os
import struct
import tempfile
from pathlib import Path

os.environ["WANDB_MODE"] = "offline"
os.environ["WANDB_SILENT"] = "true"

import wandb
from command_line import positional
from google.protobuf.json_format import MessageToDict
from wandb.proto import wandb_internal_pb2 as pb

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "golden" / "wandb"
BLOCK = 32 * 1024
CREATED, CREATED_SECONDS, CREATED_NANOS = "2026-01-02T03:04:05.678Z", 1767323045, 678_000_000
BEGAN = 1767323045.678
NOW = BEGAN + 12.25
INFO = {
    "command": "dpo",
    "argv": ["dpo", "--beta", "0.1"],
    "workingFolder": "/home/somebody",
    "seed": 7,
    "versions": {"attune": "0.0.0", "node": "20.19.0"},
    "dataHash": "data",
    "modelFingerprint": "model",
    "created": CREATED,
}
# the long text makes the run's record go over blocks
CONFIG = {
    "beta": 0.1,
    "lora": {"rank": 8, "targets": ["all-linear"]},
    "adapter": "lora",
    "shuffle": True,
    "prompt": "A long prompt. " * 3000,
}
LINES = [
    {"step": 1, "loss": 0.6931471805599453, "rewards/accuracies": 0.5, "learning_rate": 0.001},
    {"step": 2, "loss": "NaN", "grad_norm": "Infinity", "rewards/margins": "-Infinity"},
    {"step": 2, "eval_loss": 0.25, "eval_rewards/margins": -1.5},
]


def run_id():
    text = json.dumps(
        [
            INFO[name]
            for name in ("created", "workingFolder", "argv", "dataHash", "modelFingerprint")
        ],
        separators=(",", ":"),
    )
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits.rjust(8, "0")[-8:]


def tag(name):
    return "eval/" + name[len("eval_") :] if name.startswith("eval_") else "train/" + name


def write(folder):
    """The calls that transformers' WandbCallback makes."""
    settings = wandb.Settings(
        x_disable_stats=True,
        x_disable_meta=True,
        console="off",
        host="golden",
        x_save_requirements=False,
    )
    facts = {
        name: INFO[name] for name in ("command", "seed", "versions", "dataHash", "modelFingerprint")
    }
    run = wandb.init(
        project="attune",
        name="golden",
        id=run_id(),
        job_type=INFO["command"],
        dir=folder,
        config={**CONFIG, "attune": facts},
        settings=settings,
    )
    run.define_metric("train/global_step")
    run.define_metric("*", step_metric="train/global_step", step_sync=True)
    for line in LINES:
        run.log(
            {
                **{tag(name): float(value) for name, value in line.items() if name != "step"},
                "train/global_step": line["step"],
            }
        )
    run.finish(exit_code=255)
    return next(Path(folder).glob("wandb/offline-run-*/*.wandb")).read_bytes()


def read(file):
    at, content = 7, b""
    while at + 7 <= len(file):
        left = BLOCK - at % BLOCK
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", file[at : at + 7])
        content += file[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            record = pb.Record()
            record.ParseFromString(content)
            content = b""
            yield record


def name_of(item):
    return "/".join(item.nested_key) or item.key


def set_times(items):
    for item in items:
        fixed = {"_timestamp": NOW, "_runtime": NOW - BEGAN}.get(name_of(item))
        if fixed is not None:
            item.value_json = json.dumps(fixed)


def expected(records):
    kept, summary = [], {}
    lines = iter(LINES)
    for record in records:
        kind = record.WhichOneof("record_type")
        for field in ("_info", "control", "uuid"):
            record.ClearField(field)
        message = getattr(record, kind)
        if kind == "header":
            message.version_info.producer = "attune " + INFO["versions"]["attune"]
            message.version_info.ClearField("min_consumer")
        elif kind == "run":
            for field in ("host", "telemetry"):
                message.ClearField(field)
            message.start_time.seconds, message.start_time.nanos = CREATED_SECONDS, CREATED_NANOS
            items = [item for item in message.config.update if item.key != "_wandb"]
            order = [*CONFIG, "attune"]
            del message.config.update[:]
            message.config.update.extend(sorted(items, key=lambda item: order.index(item.key)))
        elif kind == "summary":
            summary.update(
                {
                    name_of(item): item
                    for item in message.update
                    if list(item.nested_key) != ["_wandb", "runtime"] and item.nested_key
                }
            )
            continue
        elif kind == "history":
            order = [
                *(tag(name) for name in next(lines) if name != "step"),
                "train/global_step",
                "_timestamp",
                "_runtime",
                "_step",
            ]
            items = sorted(message.item, key=lambda item: order.index(name_of(item)))
            del message.item[:]
            message.item.extend(items)
            update = [summary[name] for name in order if name in summary]
            assert len(update) == len(order), (order, list(summary))
            update.append(pb.SummaryItem(nested_key=["_wandb", "runtime"], value_json="12"))
            set_times(message.item)
            set_times(update)
            kept.append(pb.Record(summary=pb.SummaryRecord(update=update)))
            summary = {}
        elif kind == "exit":
            message.runtime = 12
        elif kind != "metric":
            continue
        kept.append(record)
    for number, record in enumerate(kept, 1):
        record.num = number
    return kept


def main():
    with tempfile.TemporaryDirectory() as folder:
        file = write(folder)
    records = expected(list(read(file)))
    assert len(records) == 4 + 2 * len(LINES) + 1, f"the client's file holds {len(records)} records"
    for record in records:
        print(json.dumps(MessageToDict(record, preserving_proto_field_name=True))[:600])
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "client.wandb.gz").write_bytes(gzip.compress(file, mtime=0))
    golden = {
        "id": run_id(),
        "info": INFO,
        "config": CONFIG,
        "lines": LINES,
        "now": NOW,
        "records": [record.SerializeToString().hex() for record in records],
    }
    (FOLDER / "records.json.gz").write_bytes(gzip.compress(json.dumps(golden).encode(), mtime=0))


if __name__ == "__main__":
    main(*positional(__doc__))

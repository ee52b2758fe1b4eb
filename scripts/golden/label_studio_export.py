"""Exports of Label Studio for the tests of src/data/formats.

    python scripts/golden/label_studio_export.py src/data/formats/golden

`label-studio.json` has the form of the documented JSON export (labelstud.io/guide/task_format):
comparisons by the controls Pairwise, Choices and Rating, of two people, one of them skipped.
`label-studio-min.json` is what label_studio_sdk's own converter makes of it.
"""

import json
import tempfile
from pathlib import Path

from command_line import positional
from label_studio_sdk.converter import Converter

CONFIG = """
<View>
  <Text name="text0" value="$prompt"/>
  <Pairwise name="pw" toName="text1,text2"/>
  <Text name="text1" value="$response_a"/>
  <Text name="text2" value="$response_b"/>
  <Choices name="harmless" toName="text0">
    <Choice value="Response A"/><Choice value="Response B"/><Choice value="Tie"/>
  </Choices>
  <Rating name="hard" toName="text0"/>
  <TextArea name="comment" toName="text0"/>
</View>
"""


def result(kind: str, name: str, value: dict) -> dict:
    return {
        "id": f"{name}-1",
        "from_name": name,
        "to_name": "text1" if kind == "pairwise" else "text0",
        "type": kind,
        "value": value,
        "origin": "manual",
    }


def annotation(number: int, person: int, results: list, **more: object) -> dict:
    return {
        "id": number,
        "completed_by": person,
        "result": results,
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-03-09T22:16:08.728353Z",
        "updated_at": "2026-03-09T22:16:08.728378Z",
        "lead_time": 4.288,
        "task": number // 10,
        **more,
    }


def tasks() -> list:
    left = result("pairwise", "pw", {"selected": "left"})
    right = result("pairwise", "pw", {"selected": "right"})
    harmless = result("choices", "harmless", {"choices": ["Response B"]})
    hard = result("rating", "hard", {"rating": 4})
    comment = result("textarea", "comment", {"text": ["close"]})
    annotations = [
        [annotation(11, 1, [left, harmless, hard, comment]), annotation(12, 2, [right])],
        [annotation(21, 1, [], was_cancelled=True), annotation(22, 2, [left], ground_truth=True)],
        [],
    ]
    return [
        {
            "id": n + 1,
            "data": {
                "prompt": f"question {n + 1}",
                "response_a": f"first {n + 1}",
                "response_b": f"second {n + 1}",
            },
            "annotations": own,
            "predictions": [],
            "meta": {"topic": "tea"},
            "project": 83,
            "created_at": "2026-03-09T21:52:49.513742Z",
            "updated_at": "2026-03-09T22:16:08.746926Z",
        }
        for n, own in enumerate(annotations)
    ]


def main(folder: str) -> None:
    made = tasks()
    (Path(folder) / "label-studio.json").write_text(json.dumps(made, indent=1) + "\n")
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "in"
        source.mkdir()
        (source / "tasks.json").write_text(json.dumps(made))
        Converter(CONFIG, place).convert_to_json_min(str(source), place)
        least = json.loads((Path(place) / "result.json").read_text())
    (Path(folder) / "label-studio-min.json").write_text(json.dumps(least, indent=1) + "\n")


if __name__ == "__main__":
    main(*positional(__doc__, "FOLDER"))

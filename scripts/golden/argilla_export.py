"""Exports of Argilla, as its own package writes them, for the tests of src/data/formats.

    python scripts/golden/argilla_export.py src/data/formats/golden

Needs argilla 2.8 and no server. `argilla.json` is what `records.to_json` writes, `argilla.parquet`
what `records.to_datasets` gives and the Hub keeps: a comparison with two people and a draft, one
that nobody has judged, and a ranking.
"""

import json
from pathlib import Path
from uuid import UUID

import argilla as rg
from argilla.records._io import GenericIO, JsonIO
from command_line import positional
from datasets import Dataset

ANN = UUID("11111111-1111-4111-8111-111111111111")
BOB = UUID("22222222-2222-4222-8222-222222222222")


def answer(question: str, value: object, user: UUID, status: str = "submitted") -> rg.Response:
    return rg.Response(question, value, user_id=user, status=status)


def pair(number: int, responses: list, **more: object) -> rg.Record:
    fields = {
        "prompt": f"question {number}",
        "response1": f"first {number}",
        "response2": f"second {number}",
    }
    record = rg.Record(
        id=f"record-{number}", fields=fields, responses=responses, metadata={"topic": "tea"}, **more
    )
    return record


def records() -> list:
    suggestion = rg.Suggestion("preference", "response1", score=0.9, agent="a-judge")
    return [
        pair(
            1,
            [
                answer("preference", "response1", ANN),
                answer("preference", "response2", BOB),
                answer("comment", "close", ANN),
            ],
        ),
        pair(2, [answer("preference", "response2", ANN, "draft")], suggestions=[suggestion]),
        pair(3, [answer("ranking", ["response2", "response1"], BOB)]),
        pair(4, []),
    ]


def main(folder: str) -> None:
    made = records()
    path = Path(folder) / "argilla.json"
    path.unlink(missing_ok=True)
    JsonIO.to_json(made, path)
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1) + "\n")
    flat = GenericIO.to_dict(made, flatten=True)
    Dataset.from_dict(flat).to_parquet(Path(folder) / "argilla.parquet")


if __name__ == "__main__":
    main(*positional(__doc__, "FOLDER"))

"""Writes tests/golden/parquet: rows of data as pyarrow writes them, in every codec and encoding that the reader knows.

    python3 -m venv venv && venv/bin/pip install pyarrow==26.0.1
    venv/bin/python scripts/golden/parquet.py
"""

import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "parquet"
MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
SCHEMA = pa.schema(
    [
        ("messages", pa.list_(MESSAGE)),
        ("prompt", pa.large_string()),
        ("label", pa.bool_()),
        ("margin", pa.float64()),
        ("count", pa.int64()),
        ("tags", pa.list_(pa.list_(pa.int32()))),
    ]
)


def row(i):
    """A row that repeats values, leaves some out and has lists of every length."""
    return {
        "messages": None if i % 7 == 3 else [{"role": ["user", "assistant"][j % 2], "content": None if j == 3 else f"héllo {(i + j) % 5}"} for j in range(i % 5)],
        "prompt": None if i % 11 == 5 else f"question {i % 13} " + "and so on " * (i % 3),
        "label": None if i % 5 == 4 else i % 2 == 0,
        "margin": None if i % 3 == 1 else i / 7,
        "count": i**7 - 1000,
        "tags": [[k for k in range(j)] for j in range(i % 4)],
    }


ROWS = [row(i) for i in range(45)]
TABLE = pa.Table.from_pylist(ROWS, schema=SCHEMA)
FLAT = TABLE.select(["prompt", "label", "margin", "count"])
DELTA = {"prompt": "DELTA_BYTE_ARRAY", "label": "RLE", "margin": "BYTE_STREAM_SPLIT", "count": "DELTA_BINARY_PACKED"}


def write(name, table, **options):
    pq.write_table(table, OUT / f"{name}.parquet", row_group_size=20, data_page_size=512, **options)


OUT.mkdir(parents=True, exist_ok=True)
(OUT / "rows.json").write_text(json.dumps(ROWS, ensure_ascii=False) + "\n")
write("snappy-1.0-dictionary", TABLE, compression="snappy", data_page_version="1.0")
write("zstd-2.0-dictionary", TABLE, compression="zstd", data_page_version="2.0")
write("gzip-1.0-plain", TABLE, compression="gzip", data_page_version="1.0", use_dictionary=False)
write("brotli-2.0-plain", TABLE, compression="brotli", data_page_version="2.0", use_dictionary=False)
write("lz4-2.0-dictionary", TABLE, compression="lz4", data_page_version="2.0")
write("flat-delta", FLAT, compression="none", data_page_version="2.0", use_dictionary=False, column_encoding=DELTA)
write("flat-delta-length", FLAT, compression="none", data_page_version="1.0", use_dictionary=False, column_encoding={**DELTA, "prompt": "DELTA_LENGTH_BYTE_ARRAY"})

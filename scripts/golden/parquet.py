"""Writes tests/golden/parquet: rows of data as pyarrow writes them, in every codec and encoding
that the reader knows.

    python3 -m venv venv && venv/bin/pip install pyarrow==26.0.1
    venv/bin/python scripts/golden/parquet.py
"""

import datetime
import decimal
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
from command_line import positional

positional(__doc__)

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
        "messages": None
        if i % 7 == 3
        else [
            {
                "role": ["user", "assistant"][j % 2],
                "content": None if j == 3 else f"héllo {(i + j) % 5}",
            }
            for j in range(i % 5)
        ],
        "prompt": None if i % 11 == 5 else f"question {i % 13} " + "and so on " * (i % 3),
        "label": None if i % 5 == 4 else i % 2 == 0,
        "margin": None if i % 3 == 1 else i / 7,
        "count": i**7 - 1000,
        "tags": [[k for k in range(j)] for j in range(i % 4)],
    }


ROWS = [row(i) for i in range(45)]
TABLE = pa.Table.from_pylist(ROWS, schema=SCHEMA)
FLAT = TABLE.select(["prompt", "label", "margin", "count"])
DELTA = {
    "prompt": "DELTA_BYTE_ARRAY",
    "label": "RLE",
    "margin": "BYTE_STREAM_SPLIT",
    "count": "DELTA_BINARY_PACKED",
}


def write(name, table, **options):
    pq.write_table(table, OUT / f"{name}.parquet", row_group_size=20, data_page_size=512, **options)


OUT.mkdir(parents=True, exist_ok=True)
(OUT / "rows.json").write_text(json.dumps(ROWS, ensure_ascii=False) + "\n")
write("snappy-1.0-dictionary", TABLE, compression="snappy", data_page_version="1.0")
write("zstd-2.0-dictionary", TABLE, compression="zstd", data_page_version="2.0")
write("gzip-1.0-plain", TABLE, compression="gzip", data_page_version="1.0", use_dictionary=False)
write(
    "brotli-2.0-plain", TABLE, compression="brotli", data_page_version="2.0", use_dictionary=False
)
write("lz4-2.0-dictionary", TABLE, compression="lz4", data_page_version="2.0")
write(
    "flat-delta",
    FLAT,
    compression="none",
    data_page_version="2.0",
    use_dictionary=False,
    column_encoding=DELTA,
)
write(
    "flat-delta-length",
    FLAT,
    compression="none",
    data_page_version="1.0",
    use_dictionary=False,
    column_encoding={**DELTA, "prompt": "DELTA_LENGTH_BYTE_ARRAY"},
)

# values that a double does not hold, each beside its text
EXACT = OUT / "exact"
EXACT.mkdir(exist_ok=True)
MICROS = [0, 1_234_567_890_123_456, -1, 1_000]
NANOS = [0, 1_234_567_890_123_456_789, -1, 1_000_000]
BIG = [2**53 + 1, -(2**63), 2**63 - 1, 5]
DECIMALS = ["12345678901234567890.123456", "-0.000001", "0.500000", "3.000000"]
SMALL = ["1234.567", "-0.001", "0.500", "0.000"]


def iso(count, digits):
    """The time as ISO 8601 with the digits of its unit."""
    seconds, fraction = divmod(count, 10**digits)
    return (
        datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    ).isoformat() + f".{fraction:0{digits}d}Z"


def exact(name, columns, texts, **options):
    pq.write_table(pa.table(columns), EXACT / f"{name}.parquet", **options)
    (EXACT / f"{name}.json").write_text(json.dumps(texts) + "\n")


exact(
    "values",
    {
        "micros": pa.array(MICROS, pa.timestamp("us")),
        "nanos": pa.array(NANOS, pa.timestamp("ns")),
        "big": pa.array(BIG, pa.int64()),
        "unsigned": pa.array([2**64 - 1, 0, 1, 2**53], pa.uint64()),
        "wide": pa.array([decimal.Decimal(d) for d in DECIMALS], pa.decimal128(30, 6)),
        "small": pa.array([decimal.Decimal(d) for d in SMALL], pa.decimal128(9, 3)),
        "whole": pa.array([decimal.Decimal(d) for d in [2**60, -7, 0, 1]], pa.decimal128(20, 0)),
    },
    {
        "micros": [iso(c, 6) for c in MICROS],
        "nanos": [iso(c, 9) for c in NANOS],
        "big": [str(b) for b in BIG],
        "unsigned": [str(b) for b in [2**64 - 1, 0, 1, 2**53]],
        "wide": DECIMALS,
        "small": SMALL,
        "whole": [str(2**60), "-7", "0", "1"],
    },
    store_decimal_as_integer=True,
)
exact(
    "int96",
    {"nanos": pa.array(NANOS, pa.timestamp("ns"))},
    {"nanos": [iso(c, 9) for c in NANOS]},
    use_deprecated_int96_timestamps=True,
)
exact(
    "decimal-bytes",
    {"small": pa.array([decimal.Decimal(d) for d in SMALL], pa.decimal128(9, 3))},
    {"small": SMALL},
)

"""A program that scores rows with a saved bundle.

It loads the bundle, and reads and writes Arrow streams by its pipes.

`python -m leeway.model.score_in_new_process FOLDER`.
"""

import sys
from pathlib import Path

import pyarrow as pa


def packed(rows: pa.Table) -> bytes:
    """Pack rows into an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return bytes(sink.getvalue())


def unpacked(content: bytes) -> pa.Table:
    """Unpack rows from an Arrow stream."""
    return pa.ipc.open_stream(content).read_all()


def main() -> None:
    """Score standard input to standard output."""
    from leeway.model.bundle import load

    rows = unpacked(sys.stdin.buffer.read()).to_pandas()
    p = load(Path(sys.argv[1])).score(rows)
    sys.stdout.buffer.write(packed(pa.table({str(k): p[:, k] for k in range(p.shape[1])})))


if __name__ == "__main__":
    main()

"""Byte-identical skops files for identical content.

skops names its files by memory addresses, and a zip archive keeps the time of writing. Both are replaced, so that a bundle
that is made again has the same checksum.
"""

import io
import json
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

SCHEMA = "schema.json"


def dump(content: Any, path: Path) -> None:
    """Write an object as a skops file."""
    import skops.io

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(content))) as written, zipfile.ZipFile(path, "w") as file:
        names: dict[str, str] = {}
        schema = _renumbered(json.loads(written.read(SCHEMA)), {}, names)
        for former, name in names.items():
            _put(file, name, written.read(former))
        _put(file, SCHEMA, json.dumps(schema, indent=2).encode())


def _renumbered(node: Any, ids: dict[int, int], names: dict[str, str]) -> Any:
    """Renumber ids and file names in order of occurrence."""
    if isinstance(node, list):
        return [_renumbered(item, ids, names) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _renumbered(item, ids, names) for key, item in node.items()}
    if isinstance(own := node.get("__id__"), int):
        found["__id__"] = ids.setdefault(own, len(ids) + 1)
    if "__loader__" in node and isinstance(file := node.get("file"), str):
        found["file"] = names.setdefault(file, f"{len(names) + 1}{PurePosixPath(file).suffix}")
    return found


def _put(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    information = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    file.writestr(information, content, zipfile.ZIP_DEFLATED)

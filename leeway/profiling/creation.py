"""Write a new classifier's two files, both or neither."""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from leeway.core.errors import DefinitionError, LeewayError
from leeway.core.files import replacing
from leeway.core.settings import settings
from leeway.definition import RESERVED_NAMES
from leeway.profiling import writing
from leeway.profiling.options import Options
from leeway.profiling.profile import Profile, profile


@dataclass(frozen=True)
class Created:
    """What was written.

    Attributes:
        changed: whether a file is other than it was.
    """

    profile: Profile
    definition: Path
    suite: Path
    changed: bool


def create(options: Options, *, force: bool = False) -> Created:
    """Profile the data and write `models/NAME.py` and `expectations/NAME.py`.

    Args:
        force: overwrite files that differ from what would be written.

    Raises:
        DefinitionError: the name is impossible, or a file is there that somebody may have edited.
        SourceError: the data cannot be profiled.
    """
    _check_name(options.name)
    project = settings().project.absolute()
    paths = project / "models" / f"{options.name}.py", project / "expectations" / f"{options.name}.py"
    found = profile(options)
    texts = writing.definition(found), writing.suite(found)
    compile(texts[0], str(paths[0]), "exec")
    differing = [path for path, text in zip(paths, texts, strict=True) if path.exists() and path.read_text() != text]
    if differing and not force:
        raise DefinitionError(
            f"writing {options.name}",
            problem="a file that is there may have been edited, and is not overwritten",
            found=", ".join(str(path) for path in differing),
            hint="choose another name, or add --force to replace it",
        )
    changed = bool(differing) or not all(path.exists() for path in paths)
    _write(dict(zip(paths, texts, strict=True)))
    return Created(found, *paths, changed=changed)


def _check_name(name: str) -> None:
    if re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) and name not in RESERVED_NAMES and not name.startswith("pg_"):
        return
    suggestion = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "mine"
    raise DefinitionError(
        "naming a classifier",
        problem="a name has lower-case letters, digits and underscores, starts with a letter, and is at most 40 long",
        found=name,
        hint=f"such as {suggestion if suggestion[0].isalpha() else f'c_{suggestion}'}"[:60],
    )


def _write(texts: dict[Path, str]) -> None:
    before = {path: path.read_text() if path.exists() else None for path in texts}
    try:
        for path, text in texts.items():
            if before[path] != text:
                with replacing(path, f"writing {path}") as beside:
                    beside.write_text(text)
    except LeewayError:
        for path, earlier in before.items():
            with suppress(OSError):
                path.unlink(missing_ok=True) if earlier is None else path.write_text(earlier)
        raise

"""Creation of a new classifier's two files."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from leeway.core.errors import DefinitionError, LeewayError
from leeway.core.files import replacing
from leeway.core.logs import logger
from leeway.core.settings import settings
from leeway.definition import RESERVED_NAMES
from leeway.profiling import trial, writing
from leeway.profiling.options import Options
from leeway.profiling.profile import Profile, profile

log = logger(__name__)


@dataclass(frozen=True)
class Created:
    """The files that were written.

    Attributes:
        changed: whether a file differs from before.
    """

    profile: Profile
    definition: Path
    suite: Path
    changed: bool


def create(options: Options, *, force: bool = False) -> Created:
    """Profile the data and write a classifier's two files.

    They are `models/NAME.py` and `expectations/NAME.py`. Either both are written, or neither.

    Args:
        force: overwrite files that differ from the new ones.

    Raises:
        DefinitionError: the name is not valid, or a file exists that somebody may have edited.
        SourceError: the data cannot be profiled.
    """
    _check_name(options.name)
    project = settings().project.absolute()
    paths = project / "models" / f"{options.name}.py", project / "expectations" / f"{options.name}.py"
    found, texts = _readable(options)
    differing = [path for path, text in zip(paths, texts, strict=True) if path.exists() and path.read_text() != text]
    if differing and not force:
        raise DefinitionError(
            f"writing {options.name}",
            problem="a file exists and may have been edited",
            found=", ".join(str(path) for path in differing),
            hint="choose another name, or add --force to replace it",
        )
    changed = bool(differing) or not all(path.exists() for path in paths)
    _write(dict(zip(paths, texts, strict=True)))
    return Created(found, *paths, changed=changed)


def _readable(options: Options) -> tuple[Profile, tuple[str, str]]:
    """Profile the data, and try the definition on it; a feature that a night could not read is set aside."""
    aside: dict[str, str] = {}
    while True:
        found = profile(options, aside=aside)
        texts = writing.definition(found), writing.suite(found)
        faults = trial.unreadable(found, texts[0], datetime.now(UTC))
        wrong = {
            fault.column: f"a night cannot read {fault.count:,} of its values, such as {fault.example!r}"
            for fault in faults
            if fault.share > trial.MOST and fault.column not in aside and found.used[fault.column].use == "feature"
        }
        if not wrong:
            return replace(found, unreadable=tuple(f"{item.rule} ({item.count:,} rows)" for item in faults)), texts
        aside |= wrong


def _check_name(name: str) -> None:
    is_reserved = name in RESERVED_NAMES or name.startswith("pg_")
    if re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) and not is_reserved:
        return
    suggestion = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "mine"
    suggestion = f"my_{suggestion}" if is_reserved else suggestion
    raise DefinitionError(
        "naming a classifier",
        problem="the name is reserved" if is_reserved else "the name is not valid",
        found=name,
        hint="use at most 40 lower-case letters, digits and underscores, with a letter first, such as "
        + (suggestion if suggestion[0].isalpha() else f"c_{suggestion}")[:40],
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
            try:
                path.unlink(missing_ok=True) if earlier is None else path.write_text(earlier)
            except OSError as error:
                log.warning("cannot restore %s: %s", path, error)
        raise

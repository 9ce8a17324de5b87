"""Creation of a new classifier's two files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from leeway.core.errors import DefinitionError, LeewayError
from leeway.core.files import replacing
from leeway.core.logs import logger
from leeway.core.settings import settings
from leeway.definition import RESERVED_NAMES, catalog
from leeway.profiling import trial, writing
from leeway.profiling.options import Options
from leeway.profiling.profile import Profile, answered, profile
from leeway.profiling.questions import NOT_KNOWN
from leeway.profiling.source_code import quoted

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


@dataclass(frozen=True)
class Draft:
    """A profile that is not written yet, so that a person can answer its questions first."""

    profile: Profile
    definition: Path
    suite: Path

    def answered(self, answers: Mapping[str, bool]) -> "Draft":
        """Return the draft with answers.

        Args:
            answers: whether a column is known when the event happens.
        """
        return replace(self, profile=answered(self.profile, answers))

    def write(self) -> Created:
        """Write both files, or neither."""
        texts = self.texts
        changed = any(not path.exists() or path.read_text() != text for path, text in texts.items())
        _write(texts)
        return Created(self.profile, self.definition, self.suite, changed=changed)

    @property
    def texts(self) -> dict[Path, str]:
        """The files' texts."""
        return {self.definition: writing.definition(self.profile), self.suite: writing.suite(self.profile)}


def draft(options: Options, *, force: bool = False) -> Draft:
    """Profile the data for a classifier's two files.

    They are `models/NAME.py` and `expectations/NAME.py`. What a former definition answers is not asked again.

    Args:
        force: overwrite files that differ from the new ones.

    Raises:
        DefinitionError: the name is not valid, or a file exists that somebody may have edited.
        SourceError: the data cannot be profiled.
    """
    _check_name(options.name)
    project = settings().project.absolute()
    paths = project / "models" / f"{options.name}.py", project / "expectations" / f"{options.name}.py"
    found = _readable(options)
    found = answered(found, _answers_before(found, paths[0]))
    made = Draft(found, *paths)
    texts = made.texts
    compile(texts[paths[0]], str(paths[0]), "exec")
    differing = [path for path, text in texts.items() if path.exists() and path.read_text() != text]
    if differing and not force:
        raise DefinitionError(
            f"writing {options.name}",
            problem="a file exists and may have been edited",
            found=", ".join(str(path) for path in differing),
            hint="choose another name, or add --force to replace it",
        )
    return made


def create(options: Options, *, force: bool = False) -> Created:
    """Profile the data and write a classifier's two files, asking nothing.

    Raises:
        DefinitionError: the name is not valid, or a file exists that somebody may have edited.
        SourceError: the data cannot be profiled.
    """
    return draft(options, force=force).write()


def _answers_before(found: Profile, path: Path) -> dict[str, bool]:
    """Return what the former definition says of the columns that are asked about.

    A column whose line somebody has deleted stays out. One that does not load says nothing.
    """
    if not path.exists():
        return {}
    try:
        former = catalog.load_anew(found.options.name)
    except LeewayError as error:
        log.info("the former definition of %s answers no question: %s", found.options.name, error)
        return {}
    text = path.read_text()
    same_label = set(former.label.source_columns) == set(found.outcome.columns)
    answers: dict[str, bool] = {}
    for question in found.questions:
        for name in question.columns:
            column = former.columns.get(found.renamed.get(name, name))
            if column is None:
                said = f"{quoted(name)}: {NOT_KNOWN}" in text
                answers |= {name: False} if said or (same_label and not question.aside) else {}
            elif column.known_at_event is not None:
                answers[name] = column.known_at_event
            elif column.feature is False:
                answers[name] = False
            elif found.renamed.get(name, name) in former.gates.trusted:
                answers[name] = True
    return answers


def _readable(options: Options) -> Profile:
    """Profile the data, and try both files on it.

    A feature that a night could not read is set aside, and an expectation that would reject a delivery is left out.
    """
    aside: dict[str, str] = {}
    now = datetime.now(UTC)
    while True:
        found = profile(options, aside=aside)
        tried = trial.read(found, now)
        wrong = {
            fault.column: f"a night cannot read {fault.count:,} of its values, such as {fault.example!r}"
            for fault in tried.unreadable
            if fault.share > trial.MOST and fault.column not in aside and found.used[fault.column].use == "feature"
        }
        if not wrong:
            break
        aside |= wrong
    told = [f"{item.rule} ({item.count:,} rows)" for item in tried.unreadable]
    return replace(
        found,
        tried=tried.rows,
        unreadable=tuple(told),
        left_out=tuple(trial.rejecting(found, tried, now)),
    )


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

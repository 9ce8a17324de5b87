"""The steps of the Dockerfile, carried out in a folder of their own, where no engine is there to build the image."""

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACES = ("/opt/leeway", "/build")  # where the image keeps what it builds
LIBRARIES = "--constraint requirements.lock"  # the step that installs the libraries
MACHINE = ("useradd",)  # a step that would change this machine


@dataclass
class Image:
    """What the Dockerfile says, and what became of it.

    Attributes:
        root: the folder that stands for the root of the image's files.
        environment: what `ENV` of the last stage says.
    """

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    ran: list[str] = field(default_factory=list)

    @property
    def venv(self) -> Path:
        return self.root / "opt" / "leeway"

    def here(self, text: str) -> str:
        """A step with the image's places as they are in the folder."""
        return re.sub(rf"(?<![\w/])({'|'.join(PLACES)})\b", lambda found: f"{self.root}{found[0]}", text)


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, in their order."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined)]


def sent(path: str, patterns: list[str]) -> bool:
    """Whether .dockerignore lets a path of the project get to the engine; the last pattern that fits decides."""
    kept = True
    for pattern in patterns:
        name = pattern.removeprefix("!").removeprefix("**/")
        if any(fnmatch.fnmatch(part, name) for part in Path(path).parts):
            kept = pattern.startswith("!")
    return kept


def build(root: Path) -> Image:
    """Carry out the Dockerfile in a folder.

    What installs the libraries takes minutes and is carried out only if `LEEWAY_BUILD_IMAGE` is set; else those of this
    environment, which `make setup` installs from the same lock, are linked in the end. A step that adds a user is left out.
    """
    image = Image(root)
    ignored = [line for line in (ROOT / ".dockerignore").read_text().split("\n") if line and line[0] != "#"]
    folder, linked = root, False
    for word, rest in instructions((ROOT / "Dockerfile").read_text()):
        match word:
            case "FROM":
                image.environment, image.user = {}, "root"
            case "ENV":
                image.environment |= dict(part.split("=", 1) for part in shlex.split(rest))
            case "USER":
                image.user = rest
            case "WORKDIR":
                folder = root / rest.strip("/")
                folder.mkdir(parents=True, exist_ok=True)
            case "COPY" if not rest.startswith("--from"):
                *sources, target = rest.split()
                for source in sources:
                    assert sent(source, ignored), f"{source} never gets to the engine"
                    _copy(ROOT / source, root / target.strip("/"), target.endswith("/"))
            case "RUN" if not any(name in rest for name in MACHINE):
                if LIBRARIES in rest and not os.environ.get("LEEWAY_BUILD_IMAGE"):
                    linked = True
                    continue
                _run(image.here(rest), folder, image.environment)
                image.ran.append(rest)
    if linked:
        _link(image)
    return image


def _copy(source: Path, target: Path, into: bool) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target / source.name if into else target)


def _run(command: str, folder: Path, environment: dict[str, str]) -> None:
    inherited = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-ec", command], cwd=folder, env=inherited | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def _link(image: Image) -> None:
    """Let the image's environment find the libraries of this one, and their commands."""
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(image.venv), "platbase": str(image.venv)}))
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    for script in Path(sys.prefix, "bin").iterdir():
        if script.is_file() and not script.is_symlink() and script.read_bytes().startswith(f"#!{sys.prefix}".encode()):
            copy = image.venv / "bin" / script.name
            if not copy.exists():
                copy.write_text(script.read_text().replace(f"#!{sys.prefix}", f"#!{image.venv}", 1))
                copy.chmod(0o755)

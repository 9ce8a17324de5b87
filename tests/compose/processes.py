"""The services of docker-compose.yml as plain processes: the same commands, environments and health checks, in their order."""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leeway.operations.platform.local import free_port
from tests.compose.image import ROOT, Image

PORTS = ("5432", "6379", "4200", "5000", "4270", "4280", "4290")
LOCAL_TO_EACH = "4290"  # every runner listens on it, in a container of its own
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


@dataclass
class Unit:
    """One container that would run: its command, and what else the compose file says of it."""

    name: str
    service: dict[str, Any]
    process: "subprocess.Popen[bytes] | None" = None
    healthy: bool = False


@dataclass
class Stack:
    """All of docker-compose.yml on this machine.

    Attributes:
        config: the compose file, as `docker-compose config` resolves it.
        root: the folder that stands for the root of every container's files.
    """

    config: dict[str, Any]
    root: Path
    image: Image
    ports: dict[str, int] = field(default_factory=lambda: {port: free_port(0) for port in PORTS})
    units: dict[str, Unit] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)

    def here(self, text: str, own: int | None = None) -> str:
        """A text of the compose file as it must read without containers: all on one address, and in one folder."""
        services = "|".join(self.config["services"])
        text = re.sub(rf"(?<=[@/])({services})(?=:\d)", "127.0.0.1", text).replace("0.0.0.0", "127.0.0.1")
        ports = self.ports | ({LOCAL_TO_EACH: own} if own else {})
        text = re.sub(rf"\b({'|'.join(PORTS)})\b", lambda found: str(ports[found[0]]), text)
        return re.sub(r"(?<![\w.])/(data|project|tmp)\b", lambda found: f"{self.root}{found[0]}", text)

    def up(self) -> None:
        """Start everything, each after what it depends on, and wait until all is healthy."""
        for folder in ("data", "project", "tmp"):
            (self.root / folder).mkdir(exist_ok=True)
        for name, service in self.config["services"].items():
            for number in range(service.get("deploy", {}).get("replicas", 1)):
                self.units[f"{name}-{number + 1}"] = Unit(name, service)
        deadline = time.monotonic() + 240
        while not all(self._is_done(unit) for unit in self.units.values()):
            for key, unit in self.units.items():
                if unit.process is None and self._may_start(unit):
                    self._start(key, unit)
                elif unit.process is not None and not unit.healthy:
                    self._look_at(key, unit)
            assert time.monotonic() < deadline, {key: (unit.healthy, self.log(key)) for key, unit in self.units.items()}
            time.sleep(0.2)

    def down(self) -> None:
        """Stop everything, those first that depend on others, each within its time."""
        for key in reversed(self._started()):
            self.stop(key)

    def stop(self, key: str) -> None:
        """Stop one container, as the engine does."""
        unit = self.units[key]
        process = unit.process
        assert process is not None
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_seconds(unit.service.get("stop_grace_period", "10s")))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.ended.setdefault(key, process.returncode)

    def log(self, key: str) -> str:
        """What a container has said last."""
        path = self.root / f"{key}.log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""

    def url(self, port: str) -> str:
        """The address of a front door."""
        return f"http://127.0.0.1:{self.ports[port]}"

    def environment(self, unit: Unit, own: int | None = None) -> dict[str, str]:
        """What a container would see, and nothing of what this process sees."""
        ours = self.image.environment | {"PATH": f"{self.image.venv}/bin:/usr/bin:/bin"}
        image = ours if "build" in unit.service else {"PATH": f"{postgres_folder()}:/usr/bin:/bin", "HOME": "/tmp"}
        given = image | {name: str(value) for name, value in unit.service.get("environment", {}).items()}
        return {"TMPDIR": str(self.root / "tmp")} | {
            name: self.here(value, own) if name != "PATH" else value for name, value in given.items()
        }

    def _started(self) -> list[str]:
        return [key for key, unit in self.units.items() if unit.process is not None]

    def _is_done(self, unit: Unit) -> bool:
        return unit.healthy or ("healthcheck" not in unit.service and unit.process is not None)

    def _may_start(self, unit: Unit) -> bool:
        for name, how in unit.service.get("depends_on", {}).items():
            for key, other in self.units.items():
                if other.name != name:
                    continue
                if how["condition"] == "service_completed_successfully":
                    code = other.process.poll() if other.process else None
                    assert code in (None, 0), f"{key} failed:\n{self.log(key)}"
                    if code is None:
                        return False
                elif not other.healthy:
                    return False
        return True

    def _start(self, key: str, unit: Unit) -> None:
        own = free_port(0) if unit.name == "runner" else None
        unit.service = unit.service | {"own": own}
        environment = self.environment(unit, own)
        if unit.name == "postgres":
            command, user = self._fill_postgres(unit, environment), _other_user()
        else:
            command, user = [self.here(part.replace("$$", "$"), own) for part in unit.service["command"]], None
        if "build" in unit.service:
            command[0] = str(self.image.venv / "bin" / command[0])
        with (self.root / f"{key}.log").open("wb") as log:
            unit.process = subprocess.Popen(
                command,
                cwd=self.root / "project",
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=user,
                start_new_session=True,
            )
        self.units = {name: item for name, item in self.units.items() if name != key} | {key: unit}  # in their order

    def _look_at(self, key: str, unit: Unit) -> None:
        assert unit.process is not None
        if "healthcheck" not in unit.service:
            return
        assert unit.process.poll() is None, f"{key} ended with {unit.process.returncode}:\n{self.log(key)}"
        kind, *test = unit.service["healthcheck"]["test"]
        own = unit.service["own"]
        test = [self.here(part.replace("$$", "$"), own) for part in test]
        command = test if kind == "CMD" else ["sh", "-c", test[0]]
        if "build" in unit.service:
            command[0] = str(self.image.venv / "bin" / command[0])
        seconds = _seconds(unit.service["healthcheck"]["timeout"])
        try:
            done = subprocess.run(
                command, env=self.environment(unit, own), capture_output=True, timeout=seconds, check=False
            )
            unit.healthy = done.returncode == 0
        except subprocess.TimeoutExpired:
            unit.healthy = False

    def _fill_postgres(self, unit: Unit, environment: dict[str, str]) -> list[str]:
        """What the image does on an empty volume: a cluster with a password, and the script of the compose file."""
        folder, sockets, user = self.root / "postgres", str(self.root / "tmp"), _other_user()
        folder.mkdir()
        password = self.root / "password"
        password.write_text(environment["POSTGRES_PASSWORD"])
        (self.root / "tmp").chmod(0o777)
        if user:
            shutil.chown(folder, user)
            shutil.chown(password, user)

        def run(*command: str) -> None:
            done = subprocess.run(
                command, env=environment, user=user, cwd="/", capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

        run("initdb", "--pgdata", str(folder), "-U", "postgres", f"--pwfile={password}", "--auth-host=scram-sha-256")
        options = f"-c listen_addresses= -k {sockets} -p {self.ports['5432']}"
        run("pg_ctl", "-D", str(folder), "-w", "-l", f"{folder}/first.log", "-o", options, "start")
        script = next(item for item in unit.service["volumes"] if "initdb.d" in item).split(":")[0]
        run("psql", "-h", sockets, "-p", str(self.ports["5432"]), "-U", "postgres", "-f", str(ROOT / script))
        run("pg_ctl", "-D", str(folder), "-w", "-m", "fast", "stop")
        return ["postgres", "-D", str(folder), "-p", str(self.ports["5432"]), "-k", sockets, "-h", "127.0.0.1"]


def postgres_folder() -> str | None:
    """Where Debian keeps the programs of its PostgreSQL server; the newest one's."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return str(found[-1].parent) if found else None


def _other_user() -> str | None:
    return "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root


def _seconds(text: str) -> float:
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|s|m)", text))

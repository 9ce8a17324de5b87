"""An S3 server of the tests' own, spoken to over HTTP."""

import logging
from contextlib import suppress
from urllib.request import Request, urlopen

import fsspec
from moto.server import ThreadedMotoServer

from leeway.store import storage

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
}


class S3:
    """A server with one bucket `shared`; what it holds survives that it is stopped."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._port = 0
        self.start()
        # What an earlier server of this process held is held still.
        urlopen(Request(f"{self.address}/moto-api/reset", method="POST")).close()
        self.files().mkdir("shared")

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()
        self._port = self._server.get_host_and_port()[1]

    def stop(self) -> None:
        with suppress(AttributeError):
            self._server.stop()
        storage._opened.cache_clear()  # and its open connections

    def files(self):
        """What a person sees who looks into it."""
        secrets = {"key": "test", "secret": "test"}
        return fsspec.filesystem("s3", endpoint_url=self.address, skip_instance_cache=True, **secrets)

    def names(self, below: str) -> list[str]:
        return sorted(path.removeprefix(f"shared/{below}/") for path in self.files().find(f"shared/{below}"))

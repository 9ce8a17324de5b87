"""An S3 server of the tests' own, spoken to over HTTP."""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.request import Request, urlopen

import fsspec
from botocore.loaders import JSONFileLoader
from moto.server import ThreadedMotoServer

from leeway.store import storage

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
}

# A client reads descriptions of Amazon's services, megabytes of JSON, and the tests make hundreds of clients.
_as_it_was: Callable[[JSONFileLoader, str], Any] = JSONFileLoader.load_file
_described = cache(lambda path: _as_it_was(JSONFileLoader(), path))
JSONFileLoader.load_file = lambda self, path: _described(path)


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
        secrets = {"key": "test", "secret": "test"}
        self._files = fsspec.filesystem("s3", endpoint_url=self.address, skip_instance_cache=True, **secrets)

    def stop(self) -> None:
        with suppress(AttributeError):
            self._server.stop()
        storage._opened.cache_clear()  # and its open connections

    def files(self):
        """What a person sees who looks into it."""
        self._files.invalidate_cache()
        return self._files

    def names(self, below: str) -> list[str]:
        return sorted(path.removeprefix(f"shared/{below}/") for path in self.files().find(f"shared/{below}"))

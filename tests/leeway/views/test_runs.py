import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from leeway.views import runs

NOW = datetime(2026, 4, 1, 6, tzinfo=UTC)


@pytest.fixture
def prefect_server(project, monkeypatch):
    """What a Prefect server would answer: runs in the order in which they are asked for."""
    answers = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answers.pop(0)).encode())

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_port}/api")
    monkeypatch.setenv("PREFECT_UI_URL", "http://prefect.example")
    yield answers
    server.shutdown()
    server.server_close()


def run(name, end, message=""):
    return {"id": f"id-{name}", "name": name, "state_name": "Failed", "end_time": end, "state": {"message": message}}


def test_a_run_that_failed_says_why_in_one_line_with_its_runbook(prefect_server):
    message = "Flow run encountered an exception: SourceError: reading x.csv: it must be there\n(found: nothing)"
    prefect_server += [[run("toy 2026-03-31", "2026-04-01T02:00:00Z", message)], []]
    (found,) = runs.failed(NOW)
    assert found.error == "SourceError: reading x.csv: it must be there (found: nothing)"
    assert (found.runbook, found.link) == ("source-error", "http://prefect.example/runs/flow-run/id-toy 2026-03-31")


def test_a_run_that_succeeded_since_is_not_told(prefect_server):
    failed = [run("a", "2026-04-01T02:00:00Z"), run("b", "2026-04-01T04:00:00Z")]
    prefect_server += [failed, [run("a", "2026-04-01T03:00:00Z"), run("b", "2026-04-01T03:00:00Z")]]
    assert [item.name for item in runs.failed(NOW)] == ["b"]


def test_without_a_server_nothing_is_known(project, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("PREFECT_UI_URL", raising=False)
    assert runs.failed(NOW) is None
    assert runs.named("toy 2026-03-31") is None
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")  # one that does not answer
    assert runs.failed(NOW) is None

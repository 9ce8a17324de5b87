"""Prefect's server answers who knows the secret, by its own names and for its own pages."""

import base64
import json
import stat
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("platform")]


@pytest.fixture
def api(platform):
    return f"{platform.url('prefect')}/api"


def test_who_does_not_know_the_secret_is_refused(platform, api):
    wrong = base64.b64encode(b"leeway:guessed").decode()
    for headers in ({}, {"Authorization": f"Basic {wrong}"}):
        assert httpx.get(f"{api}/admin/version", headers=headers).status_code == 401
        assert httpx.get(f"{api}/csrf-token?client=me", headers=headers).status_code == 401
        assert httpx.post(f"{api}/deployments/filter", json={}, headers=headers).status_code in (401, 403)
    assert httpx.post(f"{api}/deployments/filter", json={}, headers=platform.known(api)).status_code == 403, (
        "no CSRF token"
    )
    assert httpx.post(f"{api}/deployments/filter", json={}, headers=platform.own(api)).status_code == 200
    assert httpx.get(f"{api}/health").status_code == 200


def test_another_page_gets_no_answer_not_even_with_the_secret(platform, api):
    known = platform.known(api)
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        for found in (
            httpx.get(f"{api}/health", headers={"Origin": origin}),
            httpx.get(f"{api}/admin/version", headers={**known, "Origin": origin}),
            httpx.post(f"{api}/deployments/filter", json={}, headers={**platform.own(api), "Origin": origin}),
            httpx.options(f"{api}/deployments/filter", headers=asked),
        ):
            assert found.status_code == 403
            assert "access-control-allow-origin" not in found.headers
    own = httpx.get(f"{api}/admin/version", headers={**known, "Origin": platform.url("prefect")})
    assert (own.status_code, own.headers["access-control-allow-origin"]) == (200, platform.url("prefect"))


def test_its_pages_may_ask_no_other_machine(platform):
    for path in ("/", "/v2/"):
        policy = httpx.get(f"{platform.url('prefect')}{path}", follow_redirects=True).headers["content-security-policy"]
        assert policy.startswith("connect-src 'self' http://127.0.0.1:")
        assert "*" not in policy


def test_another_name_of_this_machine_gets_no_answer(platform, api):
    for path in ("/api/health", "/api/admin/version", "/"):
        found = httpx.get(
            f"{platform.url('prefect')}{path}", headers={**platform.known(api), "Host": "evil.example:4200"}
        )
        assert found.status_code == 400
    assert httpx.get(f"{api}/health", headers={"Host": "localhost:4200"}).status_code == 200


def test_a_websocket_is_held_to_the_same(api):
    address = f"{api.replace('http', 'ws', 1)}/events/out"
    with pytest.raises(InvalidStatus, match="403"), connect(address, origin="https://evil.example"):
        pass
    with connect(address, subprotocols=["prefect"]) as socket:
        socket.send(json.dumps({"type": "auth", "token": "guessed"}))
        with pytest.raises(Exception, match="1008"):
            socket.recv(timeout=20)


def test_the_secret_is_its_owners_and_stays_and_nobody_prints_it(platform):
    file = platform.home / "platform" / "prefect-secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(platform.secret) > 40
    assert str(file) in platform.output
    written = [path for path in (platform.home / "platform").iterdir() if path.is_file() and path != file]
    assert not [path.name for path in (*written, platform.root / "up.log") if platform.secret in path.read_text()]
    again = platform.leeway("up")
    assert str(file) in again.stdout
    assert platform.secret not in again.stdout + again.stderr
    commands = [entry / "cmdline" for entry in Path("/proc").glob("[0-9]*")]
    assert not [
        command for command in commands if command.exists() and platform.secret.encode() in command.read_bytes()
    ]

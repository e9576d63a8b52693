# SPDX-License-Identifier: Apache-2.0
"""Who is let in, and what they are told."""

import http.client
import json
import time
from pathlib import Path

import pytest

from tests.view.viewing import Served, end, serve

TILE = "/api/tiles/0/0/0?leads=I,aVR"


def ask(served: Served, path: str, *, token: str | None = None, method: str = "GET", body: object = None, **headers: str):
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        sent["cookie"] = f"octolead-{served.port}={token}"
    if body is not None:
        sent.setdefault("content-type", "application/json")
    connection.request(method, path, body=None if body is None else json.dumps(body), headers=sent)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data, dict(answer.getheaders())


def ready(served: Served) -> None:
    by = time.monotonic() + 30
    while not json.loads(ask(served, "/api/status", token=served.token)[1])["analysis"]:
        assert time.monotonic() < by
        time.sleep(0.1)


@pytest.fixture(scope="module")
def viewer(demo: Path, tmp_path_factory: pytest.TempPathFactory):
    source = tmp_path_factory.mktemp("served") / "patient <b>name.olr"
    source.write_bytes(demo.read_bytes())
    running = serve(source)
    ready(running)
    yield running
    end(running)


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/api/info", "/api/facts", "/api/edits", TILE])
def test_nothing_without_the_token(viewer: Served, path: str) -> None:
    assert ask(viewer, path)[0] == 403
    assert ask(viewer, path, token="wrong")[0] == 403
    assert ask(viewer, f"{path}{'&' if '?' in path else '?'}token=wrong")[0] == 403
    assert ask(viewer, path, token=viewer.token)[0] == 200


def test_the_address_gives_a_cookie_scripts_and_other_sites_cannot_use(viewer: Served) -> None:
    status, _, headers = ask(viewer, f"/?token={viewer.token}")
    assert status == 303
    assert headers["location"] == "/"
    assert {"HttpOnly", "SameSite=strict"} <= set(headers["set-cookie"].split("; "))


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1"])
def test_another_name_for_this_computer_is_refused(viewer: Served, host: str) -> None:
    assert ask(viewer, "/api/info", token=viewer.token, host=host.format(port=viewer.port))[0] == 421
    assert ask(viewer, f"/?token={viewer.token}", host=host.format(port=viewer.port))[0] == 421


def test_another_origin_may_not_ask_or_change(viewer: Served) -> None:
    edit = {"op": "delete", "frame": 1}
    for headers in (
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ):
        assert ask(viewer, "/api/info", token=viewer.token, **headers)[0] == 403
        assert ask(viewer, "/api/edits", token=viewer.token, method="POST", body=edit, **headers)[0] == 403
    plain = ask(viewer, "/api/edits", token=viewer.token, method="POST", body=edit, content_type="text/plain")
    assert plain[0] == 400
    assert json.loads(ask(viewer, "/api/edits", token=viewer.token)[1]) == []


def test_policy_is_strict_on_every_answer(viewer: Served) -> None:
    for path, token in (("/", viewer.token), ("/api/info", viewer.token), ("/nothing", viewer.token), ("/", None)):
        headers = ask(viewer, path, token=token)[2]
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/%2e%2e/errors.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/../../etc/passwd",
    ],
)
def test_no_file_but_the_pages_own(viewer: Served, path: str) -> None:
    status, data, _ = ask(viewer, path, token=viewer.token)
    assert status == 404
    assert b"root:" not in data
    assert b"import" not in data


def test_no_path_of_the_machine_in_any_answer(viewer: Served) -> None:
    secret = str(viewer.source.parent).encode()
    for path in (
        "/",
        "/api/info",
        "/api/status",
        "/api/facts",
        "/api/edits",
        "/api/beat?frame=5000",
        "/api/tiles/99/0/0?leads=I",
        "/nothing",
    ):
        assert secret not in ask(viewer, path, token=viewer.token)[1]


@pytest.mark.parametrize(
    "path",
    ["/api/tiles/0/0/0", "/api/tiles/0/0/0?leads=", "/api/tiles/0/0/0?leads=X9", "/api/tiles/0/0/0?leads=I&lowpass=7",
     "/api/tiles/0/0/0?leads=I&baseline=nan",
     "/api/beats?start=a&stop=2", "/api/beats", "/api/superpose?cluster=0&lead=%3Cscript%3E", "/api/next?kind=V&from=x"],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_in_words(viewer: Served, path: str) -> None:
    status, data, _ = ask(viewer, path, token=viewer.token)
    assert status == 400
    assert b"Traceback" not in data
    assert json.loads(data)["error"]


def test_change_that_is_none_is_refused_and_not_written(viewer: Served) -> None:
    for edit in (
        {"op": "x"},
        {"op": "relabel", "frame": 1, "symbol": "Z"},
        {"op": "add", "frame": -1, "symbol": "N"},
        {"op": "undo"},
        [],
        3,
    ):
        assert ask(viewer, "/api/edits", token=viewer.token, method="POST", body=edit)[0] == 400
    big = {"op": "delete", "frame": 1, "who": "x" * 10_000}
    assert ask(viewer, "/api/edits", token=viewer.token, method="POST", body=big)[0] == 400
    assert json.loads(ask(viewer, "/api/edits", token=viewer.token)[1]) == []


def test_listens_on_loopback_only(viewer: Served) -> None:
    listening = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()[1:]]
    mine = [row[1] for row in listening if int(row[1].split(":")[1], 16) == viewer.port and row[3] == "0A"]
    assert [address.split(":")[0] for address in mine] == ["0100007F"]

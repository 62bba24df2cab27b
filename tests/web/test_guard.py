"""Who is let in: the owner of the address, once, under the names of loopback, and no foreign page."""

import http.client
import json

import planted
import psutil
import pytest

from workflow_miniscope.results.caiman import write_result


class Client:
    """Requests with headers of one's own."""

    def __init__(self, server):
        self.host = server.origin.removeprefix("http://")
        self.origin = server.origin
        self.path = server.address.removeprefix(server.origin)
        self.cookie = None

    def ask(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection(self.host, timeout=20)
        if self.cookie:
            headers.setdefault("Cookie", self.cookie)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read()

    def enter(self):
        answer, _ = self.ask(self.path)
        assert answer.status == 200
        self.cookie = answer.headers["set-cookie"].split(";")[0]
        return answer


@pytest.fixture
def unopened(serve, folder):
    """A server whose address was not used yet."""
    return Client(serve(folder))


@pytest.fixture(scope="module")
def running(serve_module, tmp_path_factory):
    """One server for all requests that change nothing, and its folder."""
    folder = tmp_path_factory.mktemp("guarded")
    write_result(folder / "caiman_result.hdf5", planted.result())
    client = Client(serve_module(folder))
    client.enter()
    return client, folder, client.cookie


@pytest.fixture
def client(running):
    """A client that was let in."""
    running[0].cookie = running[2]
    return running[0]


@pytest.fixture
def lines(running):
    """Count the lines of the log."""
    return lambda: len((running[1] / "caiman_result.decisions-ada.jsonl").read_text().splitlines())


EVENT = {"id": "a1", "action": "decide", "components": [0], "decision": "accepted"}


def post(client, event=EVENT, **headers):
    headers = {"Origin": client.origin, "Content_Type": "application/json"} | headers
    body = json.dumps({"seen": 0, "events": [event]})
    return client.ask("/api/decisions", "POST", body, **{k: v for k, v in headers.items() if v is not None})


@pytest.mark.parametrize("path", ["/", "/api/result", "/api/traces/0", "/static/main.js", "/?token=", "/?token=wrong"])
def test_without_the_address_nothing_is_read(client, path):
    client.cookie = None
    answer, body = client.ask(path)
    assert answer.status == 403 and b"works once" in body
    assert "set-cookie" not in answer.headers


def test_the_token_works_once_and_the_cookie_stays(unopened):
    client = unopened
    cookie = client.enter().headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert client.ask("/api/result")[0].status == 200
    client.cookie = None
    assert client.ask(client.path)[0].status == 403


def test_a_wrong_cookie_opens_nothing(client):
    name = client.cookie.split("=")[0]
    for cookie in (f"{name}=guess", f"{name}=", "other=1", "\xff"):
        assert client.ask("/api/result", Cookie=cookie)[0].status == 403


def test_a_foreign_host_name_is_refused(client):
    for host in ("attacker.example", f"attacker.example:{client.host.split(':')[1]}", "127.0.0.1", ""):
        assert client.ask("/api/result", Host=host)[0].status == 421


def test_foreign_origins_decide_nothing(client, lines):
    before = lines()
    for origin in ("http://attacker.example", "null", "http://127.0.0.1:1", None):
        assert post(client, Origin=origin)[0].status == 403
    assert post(client, Content_Type="text/plain")[0].status == 415
    assert lines() == before
    assert post(client)[0].status == 200
    assert lines() == before + 1


def test_every_answer_carries_the_policy(client):
    refused, _ = client.ask("/", Cookie="")
    for answer in (refused, client.ask("/")[0], client.ask("/api/result")[0], client.ask("/no")[0]):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store" and answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/%2e%2e/guard.py",
        "/static//etc/passwd",
        "/static/vendor/../../guard.py",
        "/static/",
        "/api/image/..%2fcaiman_result.hdf5",
        "/api/image/none",
        "/api/traces/4",
        "/api/traces/-1",
        "/api/neighbours/99",
        "/caiman_result.hdf5",
    ],
)
def test_no_path_reaches_a_file(client, path):
    assert client.ask(path)[0].status == 404


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        EVENT | {"components": [4]},
        EVENT | {"components": [True]},
        EVENT | {"decision": "maybe"},
        EVENT | {"action": "delete"},
        EVENT | {"id": "a/b"},
        EVENT | {"path": "/etc"},
        EVENT | {"note": "x" * 5000},
    ],
)
def test_what_no_page_sends_is_refused_and_not_saved(client, lines, event):
    before = lines()
    answer, body = post(client, event)
    assert answer.status == 400 and json.loads(body)["error"]
    assert lines() == before


def test_the_page_listens_on_loopback_only(unopened):
    port = int(unopened.host.rsplit(":", 1)[1])
    listening = [c.laddr.ip for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port]
    assert listening == ["127.0.0.1"]

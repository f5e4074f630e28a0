"""Every verb, where something else than a tracking server that lets us in answers: one sentence."""

import pytest

from tests.gateway import Answer, gateway
from tests.sweep.conftest import TINY, verb

pytestmark = [pytest.mark.timeout(120)]

VERBS = (
    "ls", "status tiny", "front tiny", "compare tiny base 1", "pause tiny", "stop tiny",
    "cancel tiny", "retry tiny", "resume tiny", "sync tiny", "run tiny.yaml", "ui",
)  # fmt: skip
# An answer to every request, and the words of the sentence that tell it.
ANSWERS = {
    "401": (Answer(401), "answers 401 Unauthorized: set MLFLOW_TRACKING_USERNAME"),
    "401 as JSON": (
        Answer(401, b'{"message": "no"}', "application/json"),
        "answers 401 Unauthorized: set MLFLOW_TRACKING_USERNAME",
    ),
    "403": (Answer(403), "answers 403 Forbidden: ask"),
    "404": (Answer(404), "answers 404 Not Found: check the address"),
    "429": (Answer(429), "answers 429 Too Many Requests: try again later"),
    "502": (Answer(502), "answers 502 Bad Gateway: check the address, and any gateway"),
    "HTML": (Answer(200), "answers 200 OK with text/html that is no list of experiments"),
    "garbage": (
        Answer(200, b'{"experiments": [', "application/json"),
        "answers 200 OK with application/json that is no list of experiments",
    ),
    "other JSON": (
        Answer(200, b'{"status": "ok"}', "application/json"),
        "answers 200 OK with application/json that is no list of experiments",
    ),
    "closed": (Answer(0), "does not answer (Remote end closed connection without response)"),
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with a spec and the files of a sweep that was run there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY)
    (tmp_path / "sweeps/tiny/record").mkdir(parents=True)
    (tmp_path / "sweeps/tiny/sweep.yaml").write_text(TINY)
    return tmp_path


def check_is_one_sentence(words, url, home, expected, code=2):
    before = {path: path.stat().st_size for path in home.rglob("*")}
    ended = verb(*words.split(), "--tracking-uri", url, SWEEP_HOME=str(home / "sweeps"))
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert expected in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "<html>" not in ended.stderr
    assert ended.exit_code == code
    after = {path for path in home.rglob("*") if path.name not in (".lock", "mlflow.db.lock")}
    assert after - before.keys() == set(), "it has left something behind"


@pytest.mark.parametrize("which", ANSWERS)
def test_each_verb_says_in_one_sentence_what_the_server_answers(which, home):
    answer, expected = ANSWERS[which]
    with gateway(lambda _: answer) as server:
        for words in VERBS:
            if words != "ui":  # of a server, it prints the address alone
                check_is_one_sentence(words, server.url, home, expected)


def test_a_redirect_to_a_login_page_is_told_with_its_address(home):
    def rule(request):
        if request.path.startswith("/login"):
            return Answer(200)
        return Answer(302, headers={"Location": "/login?next=secret"})

    expected = "answers 200 OK after 302, a redirect to http://127.0.0.1"
    with gateway(rule) as server:
        for words in (
            "ls",
            "status tiny",
            "stop tiny",
            "resume tiny",
            "sync tiny",
            "run tiny.yaml",
        ):
            check_is_one_sentence(words, server.url, home, expected)
        ended = verb("ls", "--tracking-uri", server.url)
        assert "/login with text/html" in ended.stderr
        assert "secret" not in ended.stderr


@pytest.mark.parametrize("words", ["ls", "front tiny", "stop tiny", "sync tiny", "run tiny.yaml"])
def test_tls_that_is_none_is_told(words, home):
    with gateway(lambda _: Answer(200)) as server:
        url = server.url.replace("http:", "https:")
        check_is_one_sentence(words, url, home, "does not answer ([SSL: ")


def test_what_is_refused_after_the_first_answer_is_one_sentence_too(finished, tmp_path):
    """The list of experiments is given, and nothing else."""

    def rule(request):
        if request.path.startswith("/api/2.0/mlflow/experiments/search"):
            return Answer(200, b'{"experiments": []}', "application/json")
        return Answer(403)

    with gateway(rule) as server:
        for words in ("status tiny", "front tiny", "pause tiny", "retry tiny", "resume tiny"):
            ended = verb(*words.split(), "--tracking-uri", server.url, SWEEP_HOME=str(tmp_path))
            assert ended.exit_code == 2
            assert ended.stderr == (
                f"the tracking store {server.url} must do what it is asked, but answers 403 "
                "Forbidden: ask whoever runs it for access, or log in as somebody who has it.\n"
            )

"""Every verb, where something else than a tracking server that lets us in answers: one sentence."""

import json

import pytest
from ruamel.yaml import YAML

from sweep.config.spec import SweepSpec
from sweep.driver.earlier.refusals import refuse_other_spec
from sweep.driver.running_sweep import CannotRun
from sweep.tracking import sweeps
from sweep.tracking.delivery import deliver_batch
from sweep.tracking.entries.kinds import Closed, Opened, Reported
from sweep.tracking.outbox import Outbox
from tests import servers
from tests.gateway import Answer, gateway
from tests.sweep.conftest import TINY, verb
from trainables.metrics import items_file
from trainables.metrics.estimate import Items, mean
from trainables.schema.yaml_file import read

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

    with gateway(rule) as server:
        expected = f"answers 200 OK after 302, a redirect to {server.url}/login with text/html"
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
        assert "secret" not in ended.stderr


def test_a_redirect_in_a_circle_is_told_with_its_address(home):
    with gateway(lambda _: Answer(302, headers={"Location": "/login?next=secret"})) as server:
        for words in ("ls", "front tiny", "sync tiny", "run tiny.yaml"):
            expected = (
                f"the tracking server {server.url} must be MLflow's, but redirects in a circle (to "
                f"{server.url}/login): check the address, and any gateway before it."
            )
            check_is_one_sentence(words, server.url, home, expected)


def test_a_redirect_to_a_port_where_nobody_listens_is_told_with_it(home):
    away = f"http://127.0.0.1:{servers.free_port()}"
    with gateway(lambda _: Answer(307, headers={"Location": f"{away}/x?next=secret"})) as server:
        for words in ("ls", "sync tiny"):
            expected = (
                f"redirects to {away}/x, which does not answer ([Errno 111] Connection refused)"
            )
            check_is_one_sentence(words, server.url, home, expected)


@pytest.mark.parametrize("words", ["ls", "front tiny", "stop tiny", "sync tiny", "run tiny.yaml"])
def test_tls_that_is_none_is_told(words, home):
    with gateway(lambda _: Answer(200)) as server:
        url = server.url.replace("http:", "https:")
        check_is_one_sentence(words, url, home, "does not answer ([SSL: ")


@pytest.mark.long
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


@pytest.fixture(scope="module")
def served(behind, tmp_path_factory):
    """The sweep `tiny` of two trials in a real server behind a gateway; no test may change it."""
    outbox = Outbox(tmp_path_factory.mktemp("served") / "record")
    spec = SweepSpec.model_validate(YAML(typ="safe", pure=True).load(TINY))
    record = sweeps.open_sweep(behind.url, spec, TINY, {})
    items = outbox.folder / "items.parquet"
    goal, other = spec.goals
    items_file.write({goal: mean([1.0, 0.0, 1.0], Items.of(range(3)))}, items)
    for number in (0, 1):
        outbox.put(
            Opened(trial=number, at=1, params={"train.lr": f"{number}"}, yaml=f"seed: {number}"),
            Reported(trial=number, at=2, step=2, metrics={goal: 1.0 + number, other: 1.0 - number}),
        )
        outbox.attach(number, items.read_bytes(), "items.parquet")
        tags = {"sweep.state": "complete"}
        outbox.put(Closed(trial=number, at=3, status="FINISHED", tags=tags))
    deliver_batch(record, outbox)
    record.end_run(record.run_id, "FINISHED")
    return behind


def verb_behind(served, tmp_path, words, rule):
    """Run a verb behind a gateway with this rule; return how it ended."""
    served.rule = rule
    try:
        return verb(*words.split(), "--tracking-uri", served.url, SWEEP_HOME=str(tmp_path / "none"))
    finally:
        served.rule = lambda _: None


def instead(answer, name):
    """The rule that answers so to the download of an artifact of this name."""
    return lambda r: answer if r.method == "GET" and r.path.endswith(f"/{name}") else None


def declared():
    """The bytes of a declarations.json of one goal."""
    metric = {
        "name": "bias/a/gap", "unit": "", "better": "lower", "ideal": 0, "worst": 1, "about": "",
        "source": "",
    }  # fmt: skip
    tree = {"metrics": [metric], "goals": ["bias/a/gap"], "constraints": {}, "searched": []}
    return json.dumps(tree | {"num_trials": 2}).encode()


NO_DECLARATIONS = {"a page": Answer(200).body, "nothing": b"", "bytes": b"\xff\xfe", "empty": b"{}"}


def test_declarations_that_are_none_are_one_sentence(served, tmp_path):
    expected = (
        f"declarations.json of sweep tiny must be what the sweep wrote, but the store {served.url} "
        "gives something else: check any gateway before it.\n"
    )
    sound = instead(Answer(200, declared(), "application/json"), "declarations.json")
    assert verb_behind(served, tmp_path, "status tiny", sound).exit_code == 0
    for which, body in NO_DECLARATIONS.items():
        rule = instead(Answer(200, body, "application/json"), "declarations.json")
        for words in ("status tiny", "front tiny")[: 2 if which == "empty" else 1]:
            ended = verb_behind(served, tmp_path, words, rule)
            assert (ended.exit_code, ended.stderr) == (2, expected), which
    ended = verb_behind(served, tmp_path, "ls", rule)
    assert ended.exit_code == 0, "one sweep does not hide the others"


def test_items_that_are_none_name_their_trial(served, tmp_path):
    assert verb_behind(served, tmp_path, "compare tiny 0 1", lambda _: None).exit_code == 0
    for body in (Answer(200).body, b"", b"PAR1 and more", other_table(tmp_path)):
        rule = instead(Answer(200, body), "items.parquet")
        ended = verb_behind(served, tmp_path, "compare tiny 0 1", rule)
        assert ended.stderr == (
            f"items.parquet of trial 0 of sweep tiny must be what the sweep wrote, but the store "
            f"{served.url} gives something else: check any gateway before it.\n"
        )
        assert ended.exit_code == 2


def other_table(folder):
    """The bytes of a Parquet file that is none of items: its numbers are words."""
    import pandas as pd

    names = ("metric", "value", "item", "cluster", "outcome", "influence")
    pd.DataFrame([dict.fromkeys(names, "x")]).to_parquet(folder / "other.parquet")
    return (folder / "other.parquet").read_bytes()


def test_a_configuration_that_is_none_is_not_written(served, tmp_path):
    words = f"front tiny --out-dir {tmp_path / 'front'}"
    for body in (Answer(200).body, b"\xff", b"a: ["):
        rule = instead(Answer(200, body), "trial.yaml")
        ended = verb_behind(served, tmp_path, words, rule)
        assert (ended.exit_code, len(ended.stderr.splitlines())) == (2, 1), ended.stderr
        assert "trial.yaml of trial " in ended.stderr
        assert "must be what the sweep wrote" in ended.stderr
        assert [*(tmp_path / "front").iterdir()] == []
    assert verb_behind(served, tmp_path, words, lambda _: None).exit_code == 0
    assert (tmp_path / "front/tiny-0000.yaml").read_text() == "seed: 0"


@pytest.mark.parametrize("body", [Answer(200).body, b"", b"a: ["])
def test_a_spec_that_is_none_is_refused_before_it_is_compared(body, served, tiny):
    record = sweeps.find_sweep(served.url, "tiny")
    served.rule = instead(Answer(200, body), "sweep.yaml")
    try:
        with pytest.raises(
            CannotRun, match=r"sweep\.yaml of sweep tiny must be what the sweep wrote"
        ):
            refuse_other_spec(record, read(tiny))
    finally:
        served.rule = lambda _: None
    refuse_other_spec(record, read(tiny))


def test_a_front_is_written_without_a_configuration_that_the_store_lacks(served, tmp_path, caplog):
    def rule(request):
        if request.method == "GET" and request.path.endswith("/trial.yaml"):
            return Answer(404)
        is_listing = "/artifacts/list" in request.path or "artifacts?path=" in request.path
        return Answer(200, b'{"files": []}', "application/json") if is_listing else None

    ended = verb_behind(served, tmp_path, f"front tiny --out-dir {tmp_path / 'front'}", rule)
    assert ended.exit_code == 0
    names = {path.name for path in (tmp_path / "front").iterdir()}
    assert names == {"front.json", "front.csv", "front.png", "front.html"}
    assert "trial.yaml of trial 0 of sweep tiny is not in the store: `sweep sync" in caplog.text


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "answers 401 Unauthorized: set MLFLOW_TRACKING_USERNAME"),
        (403, "answers 403 Forbidden: ask whoever runs it"),
        (413, "answers 413 Request Entity Too Large: check the address, and any gateway"),
        (503, "answers 503 Service Unavailable: check the address, and any gateway"),
    ],
)
def test_an_artifact_that_is_not_given_is_told_as_other_refusals_are(
    status, advice, served, tmp_path
):
    for name, words in {
        "declarations.json": "status tiny",
        "items.parquet": "compare tiny 0 1",
        "trial.yaml": f"front tiny --out-dir {tmp_path / 'front'}",
    }.items():
        ended = verb_behind(served, tmp_path, words, instead(Answer(status), name))
        assert (ended.exit_code, len(ended.stderr.splitlines())) == (2, 1), ended.stderr
        assert ended.stderr.startswith(f"the tracking store {served.url} must ")
        assert advice in ended.stderr


# As MLflow's runs, without the tags by which they were asked for.
OTHER_RUN = b'{"runs": [{"info": {"run_id": "1", "experiment_id": "1"}, "data": {}}]}'


@pytest.mark.parametrize(
    "body", [b"", b" ", b'{"status": "ok"}', b'{"runs": [', b"null", b"[]", OTHER_RUN]
)
def test_runs_that_are_none_are_not_taken_for_no_sweep(body, served, tmp_path):
    def rule(request):
        is_search = request.path.endswith("/runs/search")
        return Answer(200, body, "application/json") if is_search else None

    (tmp_path / "none/tiny/record").mkdir(parents=True)
    (tmp_path / "none/tiny/sweep.yaml").write_text(TINY)
    for words in ("ls", "front tiny", "status tiny", "stop tiny", "sync tiny"):
        ended = verb_behind(served, tmp_path, words, rule)
        assert (ended.exit_code, len(ended.stderr.splitlines())) == (2, 1), ended.stderr
        assert served.url in ended.stderr
        assert "no sweep" not in ended.stderr

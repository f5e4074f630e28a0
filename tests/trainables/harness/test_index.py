"""Tasks, groups and tags by their names."""

import sys

import pytest

from trainables.harness import folder, library
from trainables.harness.index import find, leaves


def test_a_task_is_found_with_the_yaml_that_it_includes(own_task, tmp_path):
    (tmp_path / "common").write_text("num_fewshot: 3\ndescription: questions\n")
    own_task(include="common", num_fewshot=1)
    (leaf,) = leaves("mine")
    assert leaf.path == tmp_path / "mine.yaml"
    assert leaf.config["description"] == "questions"
    assert leaf.config["num_fewshot"] == 1, "the file's own value wins"


def test_a_function_is_the_path_of_its_code_and_is_not_run(own_task, tmp_path):
    (tmp_path / "code.py").write_text("raise SystemExit('this code was run')\n")
    own_task()
    with (tmp_path / "mine.yaml").open("a") as stream:
        stream.write("process_docs: !function code.change\n")
    folder.use(tmp_path)
    (leaf,) = leaves("mine")
    assert leaf.config["process_docs"] == str(tmp_path / "code.change")


def test_a_group_has_the_tasks_of_the_groups_and_tags_in_it_with_its_changes(own_task, tmp_path):
    for name in ("one", "two", "three", "four"):
        own_task(name, tag="tagged" if name in ("two", "three") else "other")
    (tmp_path / "inner.yaml").write_text("group: inner\ntask: [one]\nnum_fewshot: 1\n")
    (tmp_path / "outer.yaml").write_text(
        "group: outer\n"
        "task:\n"
        "- inner\n"
        "- tagged\n"
        "- {task: four, num_fewshot: 7}\n"
        "- {group: inside, task: [four], num_fewshot: 9}\n"
        "description: all\n"
    )
    folder.use(tmp_path)
    found = leaves("outer")
    assert [leaf.name for leaf in found] == ["one", "three", "two", "four", "four"]
    assert [leaf.config.get("num_fewshot") for leaf in found] == [1, None, None, 7, 9]
    assert {leaf.config["description"] for leaf in found} == {"all"}


def test_a_group_with_a_task_that_is_nowhere_is_refused(tmp_path):
    (tmp_path / "group.yaml").write_text("group: mine\ntask: [mini_absent_task]\n")
    folder.use(tmp_path)
    with pytest.raises(ValueError, match="must be a group of tasks with a YAML each"):
        leaves("mine")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("task: mine\nmetric_list: [acc\n", "while parsing a flow sequence"),
        ("task: mine\ninclude: absent\n", "No such file"),
    ],
)
@pytest.mark.timeout(180)  # the first time the thousands of tasks are listed
def test_a_yaml_that_cannot_be_read_is_refused_with_its_file(tmp_path, text, reason):
    (tmp_path / "mine.yaml").write_text(text)
    folder.use(tmp_path)
    with pytest.raises(ValueError, match=f"but {tmp_path}/mine.yaml cannot: .*{reason}"):
        find("mine")


def test_a_task_of_the_folder_comes_before_one_of_the_package(own_task, tmp_path):
    own_task("arc_easy")
    assert find("arc_easy").path == tmp_path / "arc_easy.yaml"


@pytest.mark.timeout(180)  # the first time the thousands of tasks are listed
def test_the_tasks_groups_and_tags_of_the_package_are_found():
    assert find("arc_easy").path == library.tasks_folder() / "arc" / "arc_easy.yaml"
    assert find("glue").members == tuple(sorted(find("glue").members))
    assert {"cola", "sst2"} <= set(find("glue").members)
    assert find("blimp").kind == "GROUP"
    assert len(leaves("blimp")) == 67
    assert {leaf.config["dataset_path"] for leaf in leaves("blimp")} == {"nyu-mll/blimp"}


def test_without_the_harness_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "lm_eval", None)  # as if it were not there
    with pytest.raises(
        ValueError, match=r"which is not installed: `pip install -e '.\[harness\]'`"
    ):
        find("arc_easy")

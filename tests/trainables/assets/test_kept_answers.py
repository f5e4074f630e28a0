"""What is found of a folder is found once, as long as the folder and the question stay the same."""

import pytest

from trainables.assets.cache import Changed
from trainables.assets.kept_answers import kept_answer


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    return tmp_path / "model"


def test_an_answer_is_kept_until_the_folder_or_the_question_is_another(folder):
    found = []

    def ask(*asked):
        return kept_answer(
            "kind", folder, asked, lambda digest: found.append(digest) or [len(found)]
        )

    assert [ask("a"), ask("a"), ask("b"), ask("b", None), ask("b")] == [[1], [1], [2], [3], [2]]
    (folder / "config.json").write_text('{"a": 1}')
    assert ask("a") == [4]
    assert found[0] == found[1] != found[3]


def test_an_error_and_a_folder_that_changes_meanwhile_leave_no_answer(folder):
    def fail(digest):
        raise ValueError("no model")

    def change(digest):
        (folder / "config.json").write_text('{"b": 1}')

    for find, error in ((fail, "no model"), (change, "must stay as it is while it is read")):
        with pytest.raises(ValueError, match=error):
            kept_answer("kind", folder, ["a"], find)
    with pytest.raises(Changed):
        kept_answer("kind", folder, ["a"], lambda _: (folder / "config.json").write_text("{}"))
    assert kept_answer("kind", folder, ["a"], lambda _: None) is None

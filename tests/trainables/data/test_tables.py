"""Texts and pairs: read, split, tokenised once."""

import csv
import json
import math
from pathlib import Path

import pytest

from trainables.assets import cache
from trainables.assets.catalogue import CATALOGUE
from trainables.assets.errors import AssetError
from trainables.data import tables
from trainables.data.sets import miniature
from trainables.data.sources import read_pairs, read_texts
from trainables.data.splits import is_held_out
from trainables.data.tables import pairs


@pytest.fixture(autouse=True)
def clean_cache(own_cache):
    return own_cache


def words(model, table, column="ids"):
    return [" ".join(model.tokenizer.hf.convert_ids_to_tokens(ids)) for ids in table[column]]


def write(folder, name, rows):
    """The same rows as .csv, .jsonl, or (first field alone) .txt."""
    file = folder / name
    with file.open("w", newline="") as stream:
        if name.endswith(".csv"):
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        elif name.endswith(".jsonl"):
            stream.writelines(json.dumps(row) + "\n\n" for row in rows)
        else:
            stream.writelines(f"  {next(iter(row.values()))}  \n\n" for row in rows)
    return str(file)


def test_texts_are_split_into_replayed_and_held_out_ones(llama):
    replayed = words(llama, tables.texts("miniature", "replay", llama.tokenizer))
    held_out = words(llama, tables.texts("miniature", "held_out", llama.tokenizer))
    assert not set(replayed) & set(held_out)
    assert sorted(replayed + held_out) == sorted(miniature.general_texts())
    assert all(map(is_held_out, held_out))
    assert len(held_out) == pytest.approx(len(replayed) / 9, rel=0.15)


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl"])
def test_texts_may_come_from_a_file(suffix, llama, tmp_path):
    texts = miniature.general_texts()[:50]
    file = write(tmp_path, f"texts{suffix}", [{"text": text, "more": "ignored"} for text in texts])
    found = {
        split: words(llama, tables.texts(file, split, llama.tokenizer))
        for split in ("replay", "held_out")
    }
    assert found["held_out"] == [text for text in texts if is_held_out(text)] != []
    assert found["replay"] == [text for text in texts if not is_held_out(text)]


def test_the_texts_of_one_source_are_one_article_held_out_or_not(llama, tmp_path):
    texts = iter(miniature.general_texts())
    rows = [{"text": next(texts), "source": f"article {n}"} for n in range(60) for _ in range(2)]
    file = write(tmp_path, "texts.jsonl", rows)
    for split, is_right in (("held_out", True), ("replay", False)):
        table = tables.articles(file, split, llama.tokenizer)
        sources = list(
            dict.fromkeys(r["source"] for r in rows if is_held_out(r["source"]) == is_right)
        )
        assert list(table["source"]) == sources
        assert words(llama, table) == [
            " ".join(row["text"] for row in rows if row["source"] == source) for source in sources
        ]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_pairs_may_come_from_a_file(suffix, model, tmp_path):
    rows = [
        {"antistereotype": f"the nurse said that he was {x}", "stereotype": f"she was {x}"}
        for x in ("sad", "happy")
    ]
    table = tables.pairs(write(tmp_path, f"pairs{suffix}", rows), model.tokenizer)
    assert words(model, table, "stereotype_ids") == ["she was sad", "she was happy"]
    assert words(model, table, "antistereotype_ids")[1] == "the nurse said that he was happy"
    assert table["original_is_stereotype"][:] == [True, True]


def test_a_file_is_looked_for_where_the_trial_runs(llama, tmp_path, monkeypatch):
    write(tmp_path, "texts.txt", [{"text": text} for text in miniature.general_texts()[:50]])
    monkeypatch.chdir(tmp_path)
    assert len(tables.texts("texts.txt", "replay", llama.tokenizer)) > 30


def test_a_file_that_has_changed_is_read_again(llama, tmp_path):
    texts = [text for text in miniature.general_texts() if not is_held_out(text)]
    file = write(tmp_path, "texts.txt", [{"text": texts[0]}])
    assert words(llama, tables.texts(file, "replay", llama.tokenizer)) == texts[:1]
    write(tmp_path, "texts.txt", [{"text": texts[1]}])
    assert words(llama, tables.texts(file, "replay", llama.tokenizer)) == texts[1:2]


def test_models_with_equal_tokenizers_share_a_table(llama, bert, own_cache):
    pairs("miniature", llama.tokenizer)
    tables = set((own_cache / "tables").glob("[!.]*"))
    assert len(tables) == 1
    pairs("miniature", bert.tokenizer)
    assert set((own_cache / "tables").glob("[!.]*")) == tables


def test_another_tokenizer_has_a_table_of_its_own(llama, pieces_bert):
    ours = tables.texts("miniature", "held_out", llama.tokenizer)
    others = tables.texts("miniature", "held_out", pieces_bert.tokenizer)
    assert len(ours) == len(others)
    assert ours["ids"][0] != others["ids"][0]


def test_texts_without_a_token_are_left_out(llama, tmp_path):
    kept = next(text for text in miniature.general_texts() if not is_held_out(text))
    file = write(tmp_path, "texts.jsonl", [{"text": ""}, {"text": kept}, {"text": " "}])
    assert words(llama, tables.texts(file, "replay", llama.tokenizer)) == [kept]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "a.jsonl",
            '{"txt": "x"}\n',
            r"line 1: must have text in the field 'text', but has the fields txt",
        ),
        ("a.jsonl", '{"text": "x"}\n{"text": 3}\n', "line 2: must have text in the field 'text'"),
        ("a.jsonl", '{"text": "x"}\n\n{"text"\n', "line 3: must be JSON, but"),
        ("a.jsonl", "[1]\n", r"line 1: must be a JSON object, but got \[1\]"),
        ("a.csv", "txt\nx\n", r"row 1 \(line 2\): must have text in the field 'text'"),
        ("a.txt", "\n \n", "must have rows of data, but has none"),
    ],
)
def test_a_file_of_another_form_is_one_clear_sentence(name, text, sentence, llama, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=sentence) as caught:
        tables.texts(str(tmp_path / name), "replay", llama.tokenizer)
    assert "\n" not in str(caught.value)


def test_another_rule_and_other_words_have_a_table_of_their_own(llama, tmp_path):
    file = write(tmp_path, "a.txt", [{"text": "when he was sad the priest was sad"}])

    def twins(*asked):
        return words(llama, tables.pairs(file, llama.tokenizer, *asked), "antistereotype_ids")

    assert twins() == ["when she was sad the <unk> was sad"]
    assert len(twins("improved", "religion")) == 2
    assert twins() == ["when she was sad the <unk> was sad"]


def test_a_table_has_the_real_share_of_each_pair_or_nan(llama, tmp_path):
    table = tables.pairs("miniature", llama.tokenizer)
    assert table["real_share"][:] == [pair.real_share for pair in read_pairs("miniature")]
    file = write(tmp_path, "a.txt", [{"text": "she was sad"}])
    assert math.isnan(tables.pairs(file, llama.tokenizer)["real_share"][0])


def test_a_file_without_a_word_to_swap_is_one_clear_sentence(llama, tmp_path):
    file = write(tmp_path, "a.txt", [{"text": "it rained"}])
    with pytest.raises(ValueError, match=r"no pairs are left of .*a\.txt: no text has a word that"):
        tables.pairs(file, llama.tokenizer)


def test_a_missing_file_is_one_clear_sentence(llama):
    with pytest.raises(AssetError, match=r"there is no file nothing\.txt, looked for from"):
        tables.texts("nothing.txt", "replay", llama.tokenizer)


def test_the_sentences_of_one_wikipedia_article_stay_in_one_split(llama, own_cache):
    (own_cache / "bold_wikipedia").mkdir()
    for file in CATALOGUE["bold_wikipedia"].files:
        articles = {f"{file} {n}": miniature.general_texts()[3 * n : 3 * n + 3] for n in range(9)}
        (own_cache / "bold_wikipedia" / file).write_text(json.dumps({"some domain": articles}))
    texts = list(read_texts("bold_wikipedia"))
    expected = {
        split: [text for title, text in texts if is_held_out(title) == (split == "held_out")]
        for split in ("replay", "held_out")
    }
    assert len(texts) == 5 * 9 * 3
    assert [text for text in expected["held_out"] if not is_held_out(text)]
    for split, kept in expected.items():
        assert words(llama, tables.texts("bold_wikipedia", split, llama.tokenizer)) == kept


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_tenth_of_the_real_wikipedia_sentences_is_held_out(monkeypatch):
    monkeypatch.delenv("EQUIPOISE_CACHE")
    texts = list(read_texts("bold_wikipedia"))
    assert len(texts) > 10_000
    held_out = [text for title, text in texts if is_held_out(title)]
    assert len(held_out) == pytest.approx(len(texts) / 10, rel=0.2)


class Meddling:
    """A tokenizer that does something, once, when it is asked for ids."""

    def __init__(self, tokenizer, act):
        self.tokenizer, self.act, self.digest = tokenizer, act, tokenizer.digest

    def encode(self, texts):
        act, self.act = self.act, lambda: None
        act()
        return self.tokenizer.encode(texts)


def test_a_file_that_changes_while_it_is_read_leaves_no_table(llama, tmp_path):
    """Else the table of the old contents would be taken for that of the new, or the other way round."""
    rows = [{"stereotype": "the nurse said that she was tired", "antistereotype": "he was tired"}]
    file = Path(write(tmp_path, "pairs.jsonl", rows))
    old, new = file.read_text(), file.read_text().replace("tired", "sad")
    tokenizer = Meddling(llama.tokenizer, lambda: file.write_text(new))
    with pytest.raises(
        cache.Changed, match=r"pairs.jsonl must stay as it is while it is read, but has"
    ):
        pairs(str(file), tokenizer)
    for text, word in ((old, "tired"), (new, "sad")):
        file.write_text(text)
        (row,) = words(llama, pairs(str(file), llama.tokenizer), "stereotype_ids")
        assert row.endswith(word)

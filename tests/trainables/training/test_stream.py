"""The micro-batches that a trial trains on."""

import json
from dataclasses import replace

import pytest
import torch

from tests.small_sets import OCCUPATIONS
from trainables import trial
from trainables.config import TrialConfig
from trainables.data import tables
from trainables.data.comparisons import ComparedPairs
from trainables.objectives import TargetDistribution
from trainables.training.stream import Stream

OLD_AND_NEW = {"replay": {"data": "miniature", "ratio": 0.25}}


def sentences(model, queries):
    """Return the targets of each query as text: for a causal model the whole sentence."""
    return [
        " ".join(model.tokenizer.hf.convert_ids_to_tokens(list(query.targets.values())))
        for query in queries
    ]


def trained_texts(stream, steps=None):
    return [
        text
        for step in range(steps or stream.config.train.steps)
        for part in stream.micro_batches(step)
        for text in sentences(stream.model, part.texts)
    ]


def texts_of(model, rows, column):
    return [" ".join(model.tokenizer.hf.convert_ids_to_tokens(ids)) for ids in rows[column]]


def originals_and_twins(stream):
    originals, twins = [], []
    for row in stream.pairs.table:
        both = texts_of(
            stream.model,
            {"both": [row["stereotype_ids"], row["antistereotype_ids"]]},
            "both",
        )
        first = 0 if row["original_is_stereotype"] else 1
        originals.append(both[first])
        twins.append(both[1 - first])
    return originals, twins


@pytest.mark.parametrize(
    ("objective", "sides"),
    [
        ({"name": "none"}, "original"),
        ({"name": "likelihood_gap"}, "original"),
        ({"name": "cda", "sides": "one"}, "twin"),
        ({"name": "cda", "sides": "two"}, "both"),
    ],
)
def test_the_objectives_sides_of_each_pair_are_trained_on_once_an_epoch(
    objective, sides, configure, llama
):
    config = configure(
        objective=objective,
        alignment={"data": "miniature", "size": 24},
        train={"steps": 6 if sides == "both" else 3},
    )
    stream = Stream(config, llama)
    originals, twins = originals_and_twins(stream)
    expected = {"original": originals, "twin": twins, "both": originals + twins}[sides]
    assert sorted(trained_texts(stream)) == sorted(expected)
    assert trained_texts(stream) != expected, "they come in shuffled order"


def test_old_texts_have_their_exact_share_and_are_never_held_out(configure, llama):
    stream = Stream(configure(**OLD_AND_NEW, train={"steps": 10}), llama)
    replayed = set(texts_of(llama, tables.texts("miniature", "replay", llama.tokenizer), "ids"))
    held_out = set(texts_of(llama, tables.texts("miniature", "held_out", llama.tokenizer), "ids"))
    texts = trained_texts(stream)
    assert sum(text in replayed for text in texts) == 20
    assert not set(texts) & held_out
    assert stream.shortfall == 0


def test_a_step_is_a_function_of_configuration_and_seed_alone(configure, name, model):
    config = configure(name, **OLD_AND_NEW)
    expected = list(Stream(config, model).micro_batches(3))
    torch.manual_seed(99)
    again = Stream(config, model)
    list(again.micro_batches(5))
    assert list(again.micro_batches(3)) == expected


def test_another_seed_gives_the_same_texts_in_another_order(configure, llama):
    alignment = {"data": "miniature", "size": 48}
    first, second = (
        trained_texts(Stream(configure(seed=s, alignment=alignment), llama)) for s in (0, 1)
    )
    assert first != second
    assert sorted(first) == sorted(second)


def test_what_is_masked_changes_from_epoch_to_epoch_and_with_the_seed(configure, bert):
    alignment = {"data": "miniature", "size": 8}

    def predicted_words(seed, step):
        config = configure("miniature-bert", seed=seed, alignment=alignment)
        (part,) = Stream(config, bert).micro_batches(step)
        return sorted(sentences(bert, part.texts))

    assert predicted_words(0, 0) == predicted_words(0, 0)
    assert predicted_words(0, 0) != predicted_words(0, 1)
    assert predicted_words(0, 0) != predicted_words(1, 0)


def test_the_pairs_of_a_size_are_the_same_for_every_seed_and_recipe(configure, llama):
    changes = [{}, {"seed": 5}, {"objective": "cda"}, {"train": {"lr": 0.1}}]
    drawn = [
        Stream(configure(**change), llama).pairs.table["stereotype_ids"][:] for change in changes
    ]
    assert all(pairs == drawn[0] for pairs in drawn)
    everything = Stream(configure(alignment={"data": "miniature"}), llama).pairs.table
    assert len(drawn[0]) == 64 < len(everything) == 4000
    assert drawn[0] != everything["stereotype_ids"][:64], "they are drawn, not the first"


def test_another_seed_of_the_alignment_draws_other_pairs(configure, llama):
    drawn = [
        Stream(
            configure(alignment={"data": "miniature", "size": 64, "seed": seed}), llama
        ).pairs.table
        for seed in (0, 1, 1)
    ]
    zero, first, again = (pairs["stereotype_ids"][:] for pairs in drawn)
    assert zero != first == again


def test_more_pairs_than_there_are_is_one_clear_sentence(configure, llama):
    config = configure(alignment={"data": "miniature", "size": 4001})
    with pytest.raises(ValueError, match=r"at most the 4000 pairs of miniature .*, but got 4001\."):
        Stream(config, llama)


@pytest.mark.parametrize("objective", ["none", "cda"])
def test_an_objective_that_does_not_compare_gets_no_pairs(objective, configure, llama):
    (part,) = Stream(configure(objective=objective), llama).micro_batches(0)
    assert not part.pairs
    assert part.pairs_share == 0


def test_an_objective_that_compares_gets_the_pair_of_each_new_text(configure, llama):
    stream = Stream(configure(objective="likelihood_gap", **OLD_AND_NEW), llama)
    (part,) = stream.micro_batches(0)
    new = [text for text in sentences(llama, part.texts) if text.split()[0] in ("the", "when")]
    more, less = ([pair[side] for pair in part.pairs] for side in (0, 1))
    more, less = sentences(llama, more), sentences(llama, less)
    assert len(new) == len(more) == 6
    assert all(text in pair for text, pair in zip(new, zip(more, less, strict=True), strict=True))
    assert all((a.split() != b.split()) for a, b in zip(more, less, strict=True))


@pytest.mark.parametrize("accumulation", [1, 2, 4, 8])
def test_the_shares_of_the_parts_of_a_step_sum_to_one(accumulation, configure, name, model):
    train = {"accumulation": accumulation}
    held = {"name": "kl_to_base", "data": "miniature", "texts": 8}
    config = configure(
        name, train=train, objective="likelihood_gap", regulariser=held, **OLD_AND_NEW
    )
    parts = list(Stream(config, model).micro_batches(1))
    assert len(parts) == accumulation
    assert all(len(part.texts) == 8 // accumulation for part in parts)
    for share in ("share", "texts_share", "pairs_share", "anchors_share"):
        assert sum(getattr(part, share) for part in parts) == pytest.approx(1), share
    for kind in ("texts", "anchors"):
        targets = [sum(len(q.targets) for q in getattr(part, kind)) for part in parts]
        shares = [getattr(part, f"{kind}_share") for part in parts]
        assert shares == pytest.approx([num / sum(targets) for num in targets])


def test_accumulation_cuts_a_step_and_changes_none_of_its_texts(configure, name, model):
    whole, cut = (
        trained_texts(Stream(configure(name, train={"accumulation": n}, **OLD_AND_NEW), model))
        for n in (1, 4)
    )
    assert whole == cut


def test_a_step_of_old_texts_alone_has_no_pairs(configure, llama):
    replay = {"data": "miniature", "ratio": 0.9}
    config = configure(
        objective="likelihood_gap", replay=replay, train={"batch_size": 1, "steps": 10}
    )
    stream = Stream(config, llama)
    kinds = [[not part.pairs for part in stream.micro_batches(step)] for step in range(10)]
    assert kinds.count([True]) == 9
    for step in range(10):
        (part,) = stream.micro_batches(step)
        assert part.pairs_share == (1 if part.pairs else 0)


def test_longer_texts_are_cut(configure, llama):
    config = configure(train={"max_tokens": 6}, objective="likelihood_gap")
    (part,) = Stream(config, llama).micro_batches(0)
    assert [len(query.targets) for query in part.texts] == [6] * 8
    assert [len(pair.stereotype.targets) for pair in part.pairs] == [6] * 8


@pytest.mark.parametrize("objective", ["cda", "dpo", "counterfactual_kl"])
def test_texts_are_cut_at_the_positions_of_the_model_whatever_max_tokens_says(
    objective, configure, name, model, tmp_path, own_cache
):
    twins = {"stereotype": "she left . " * 60, "antistereotype": "he left . " * 60}
    (tmp_path / "long.jsonl").write_text(json.dumps(twins))
    (tmp_path / "long.txt").write_text(
        "".join(f"{n} the wolf eats . " * 60 + "\n" for n in range(9))
    )
    train = {"max_tokens": 5000, "steps": 1, "batch_size": 4}
    config = configure(
        name,
        alignment={"data": str(tmp_path / "long.jsonl")},
        replay={"data": str(tmp_path / "long.txt"), "ratio": 0.5},
        regulariser={"name": "kl_to_base", "data": str(tmp_path / "long.txt")},
        objective=objective,
        train=train,
    )
    (part,) = Stream(config, model).micro_batches(0)
    lengths = [len(query.ids) for query in (*part.texts, *part.anchors)]
    lengths += [len(query.ids) for pair in part.pairs for query in pair[:2]]
    assert part.anchors
    assert len(part.texts) + len(part.pairs) >= 4
    most = model.tokenizer.max_tokens
    assert max(lengths) in (most, most - 1)  # a causal model does not read the last token
    trial.loss(config, model, part).total.backward()


def test_pairs_that_are_cut_before_they_differ_have_no_gap(configure, bert):
    config = configure("miniature-bert", objective="likelihood_gap")
    stream = Stream(config, bert)
    shorter = configure("miniature-bert", train={"max_tokens": 2}, objective="likelihood_gap")
    stream.pairs = ComparedPairs(stream.pairs.table, bert.tokenizer, stream.pairs.comparison, 2)
    (part,) = stream.micro_batches(0)
    assert not any(pair.stereotype.targets for pair in part.pairs)
    assert trial.loss(shorter, bert, replace(part, texts_share=0.0)).total.item() == 0


def test_an_objective_that_compares_must_have_pairs_that_differ_as_they_are_read(configure, llama):
    cut = {"max_tokens": 2}
    with pytest.raises(
        ValueError, match=r"the first 2 tokens .* none of the 64 pairs of miniature"
    ):
        Stream(configure(train=cut, objective="dpo"), llama)
    Stream(configure(train=cut, objective="cda"), llama)


def test_a_replay_set_that_runs_short_says_so(configure, llama, tmp_path, own_cache):
    texts = tmp_path / "few.txt"
    texts.write_text("\n".join(f"anna found the red lamp {n}" for n in range(10)))
    replay = {"data": str(texts), "ratio": 0.5}
    stream = Stream(TrialConfig.model_validate(configure(replay=replay).tree()), llama)
    assert stream.shortfall == 24 - len(stream.old) > 0


def test_without_a_ratio_the_replay_set_is_not_even_read(configure, llama):
    stream = Stream(configure(replay={"data": "nowhere.txt", "ratio": 0.0}), llama)
    assert trained_texts(stream) == trained_texts(Stream(configure(), llama))


def test_no_text_is_trained_on_that_forgetting_is_measured_on_and_none_replayed_that_is_aligned_on(
    configure, llama, tmp_path, own_cache
):
    """Whatever files they came from: here an aligned pair and a replayed text leak."""
    general = texts_of(llama, tables.texts("miniature", "held_out", llama.tokenizer)[:50], "ids")
    pairs = [
        ("the nurse said that she was tired", "the nurse said that he was tired"),
        ("the cook left when he felt sad", "the cook left when she felt sad"),
        (general[0], "the wolf eats deer"),
    ]
    (tmp_path / "pairs.jsonl").write_text(
        "\n".join(json.dumps({"stereotype": a, "antistereotype": b}) for a, b in pairs)
    )
    fine = [f"the wolf eats deer {time}" for time in "yesterday today tonight again".split()]
    leaked = [*general, *(text for pair in pairs for text in pair)]
    (tmp_path / "texts.txt").write_text("\n".join(leaked + fine * 1))
    stream = Stream(
        configure(
            alignment={"data": str(tmp_path / "pairs.jsonl")},
            replay={"data": str(tmp_path / "texts.txt"), "ratio": 0.5},
            evaluators=[{"name": "perplexity", "data": "miniature"}],
            objective={"name": "cda"},
        ),
        llama,
    )
    texts = set(trained_texts(stream))
    assert len(stream.pairs) == 2
    assert texts <= {*(text for pair in pairs[:2] for text in pair), *fine}
    assert texts & set(fine), "what did not leak is replayed"


def test_an_objective_that_trains_on_no_text_still_gets_its_pairs_and_the_replayed_texts(
    configure, llama
):
    config = configure(objective="npo", replay={"data": "miniature", "ratio": 0.25})
    (part,) = Stream(config, llama).micro_batches(0)
    assert (len(part.pairs), len(part.texts)) == (6, 2)
    assert part.texts_share == pytest.approx(0.25), "the ratio is the weight of replay"
    (alone,) = Stream(configure(objective="npo"), llama).micro_batches(0)
    assert (len(alone.pairs), len(alone.texts), alone.texts_share) == (8, 0, 0)


@pytest.mark.parametrize(
    ("objective", "side"),
    [
        ({"name": "cda", "sides": "anti"}, "antistereotype_ids"),
        ({"name": "unlikelihood"}, "antistereotype_ids"),
        ({"name": "task_vector"}, "stereotype_ids"),
    ],
)
def test_a_side_is_trained_on_whichever_of_the_twins_is_the_original(
    objective, side, configure, llama
):
    alignment = {"data": "miniature", "size": 24}
    stream = Stream(configure(objective=objective, alignment=alignment, train={"steps": 3}), llama)
    assert sorted(trained_texts(stream)) == sorted(texts_of(llama, stream.pairs.table, side))
    assert len(set(stream.pairs.table["original_is_stereotype"])) == 2


def test_the_regularisers_own_texts_are_general_and_each_comes_once_an_epoch(configure, llama):
    held = {"name": "kl_to_base", "data": "miniature", "texts": 5}
    stream = Stream(configure(regulariser=held, train={"steps": 4}), llama)
    parts = [part for step in range(4) for part in stream.micro_batches(step)]
    assert [len(part.anchors) for part in parts] == [5] * 4
    anchors = [text for part in parts for text in sentences(llama, part.anchors)]
    assert len(set(anchors)) == 20
    assert set(anchors) <= set(
        texts_of(llama, tables.texts("miniature", "replay", llama.tokenizer), "ids")
    )
    second = Stream(configure(regulariser=held, train={"steps": 4}, seed=1), llama)
    assert sentences(llama, next(second.micro_batches(0)).anchors) != anchors[:5]


def test_an_anchor_of_a_masked_model_has_the_same_masks_each_time(configure, bert):
    """So that the base's predictions for it are computed once."""
    held = {"name": "kl_to_base", "data": "miniature", "texts": 4}

    def predicted_words(seed):
        """Return ids and targets of every replayable text, each once, sorted."""
        steps = len(tables.texts("miniature", "replay", bert.tokenizer)) // 4
        config = configure("miniature-bert", regulariser=held, seed=seed, train={"steps": steps})
        stream = Stream(config, bert)
        queries = [q for step in range(steps) for q in next(stream.micro_batches(step)).anchors]
        return sorted((tuple(query.ids), tuple(query.targets.items())) for query in queries)

    assert predicted_words(0) == predicted_words(1)


def test_without_general_texts_that_may_be_trained_on_there_is_one_clear_sentence(
    configure, llama, tmp_path, own_cache
):
    pairs = [(f"the {who} said she was sad", f"the {who} said he was sad") for who in OCCUPATIONS]
    lines = [json.dumps({"stereotype": a, "antistereotype": b}) for a, b in pairs]
    (tmp_path / "pairs.jsonl").write_text("\n".join(lines))
    (tmp_path / "texts.txt").write_text("\n".join(text for pair in pairs for text in pair))
    config = configure(
        alignment={"data": str(tmp_path / "pairs.jsonl")},
        replay={"data": str(tmp_path / "texts.txt"), "ratio": 0.5},
    )
    with pytest.raises(ValueError, match="must be others than those that are aligned"):
        Stream(config, llama)


def test_the_real_world_must_be_known_of_some_pair_where_it_is_the_target(
    configure, llama, tmp_path
):
    objective = TargetDistribution(target="real_world")
    objective.prepare(llama, Stream(configure(objective=objective.model_dump()), llama).pairs)
    rows = [json.dumps({"stereotype": "the cook left", "antistereotype": "the baker left"})]
    (tmp_path / "pairs.jsonl").write_text(rows[0])
    alignment = {"data": str(tmp_path / "pairs.jsonl")}
    config = configure(objective=objective.model_dump(), alignment=alignment)
    with pytest.raises(ValueError, match="of 1 pair none has any"):
        objective.prepare(llama, Stream(config, llama).pairs)
    TargetDistribution().prepare(llama, Stream(config, llama).pairs)

"""The laws that every plugin obeys, on this device and in both precisions."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from tests.gpu import IS_GPU, Row
from trainables.models import miniature
from trainables.models.loading import load

# Laws that compare numbers more closely than bf16 has digits, or with a model that is read in fp32.
EXACT = frozenset(
    (
        "does_not_depend_on_order_or_padding",
        "is_lowered_by_a_step_along_its_gradient",
        "is_the_same_with_padding_and_with_cached_predictions_of_the_base",
        "start_at_the_base_and_undo_every_change",
        "a_lower_loss_shows_in_the_fused_model",
        "a_saved_model_is_the_fused_model",
    )
)
KINDS = ("objective", "regulariser", "parameters", "evaluator")


def laws() -> Iterator[Row]:
    """Yield how many laws hold of each kind of plugin, and the first that does not."""
    from tests import conformance
    from tests.trainables.test_conformance import KINDS as UNIONS

    # Without a GPU `pytest tests/trainables` has them all; one kind shows that this goes through.
    for dtype in ("fp32", "bf16") if IS_GPU else ("bf16",):
        for kind in KINDS if IS_GPU else ("parameters",):
            num_held, broken = 0, []
            with conformance.harness_tasks():
                for name, family in miniature.MODELS.items():
                    model = load(name, family)
                    for plugin in conformance.instances(UNIONS[kind][1]):
                        families = getattr(plugin, "families", (family,))
                        for law in conformance.laws(kind):
                            if family not in families or (
                                dtype == "bf16" and law.__name__ in EXACT
                            ):
                                continue
                            model.reset(dtype)
                            try:
                                law(plugin, model)
                                num_held += 1
                            except Exception:
                                words = traceback.format_exc().strip().splitlines()[-1]
                                at = f"{name}, {conformance.describe(plugin)}, {law.__name__}"
                                broken.append(f"{at}: {words}"[:200])
            text = f"{num_held} hold"
            if broken:
                text += f", {len(broken)} do not: {broken[0]}"
            yield f"laws of every {kind}, {dtype}", not broken, text

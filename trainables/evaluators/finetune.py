"""Fine-tuning: the accuracy of a copy of the model after training it with a new head."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.evaluators.classification import Classification

if TYPE_CHECKING:
    from torch import nn

    from trainables.data.queries import Query
    from trainables.data.sets.labelled import Labelled
    from trainables.models.language_model import LanguageModel


class FineTune(Classification):
    """Accuracy after a short supervised fine-tuning of a copy of the model with a linear head.

    The head reads the state that has seen the whole text ([CLS], or the last token). All weights
    are trained in fp32 by AdamW with a linear decay. Head and order of texts are drawn from the seed,
    so trials differ by their weights only. The model itself does not change.

    Settings are those of GLUE fine-tuning (Devlin et al. 2019, arXiv 1810.04805), but shorter.
    """

    about: ClassVar[str] = "after fine-tuning with a head"

    name: Literal["finetune"] = "finetune"
    steps: int = Field(50, ge=1, description="steps of the optimiser")
    batch_size: int = Field(16, ge=1, description="texts a step")
    lr: float = Field(2e-5, gt=0, le=1, description="learning rate")
    seed: int = Field(0, ge=0, lt=2**31, description="of the head and the order of texts")

    def predict(
        self, model: LanguageModel, train: Sequence[Labelled], texts: Sequence[tuple[str, ...]]
    ) -> Sequence[str | None]:
        """Fine-tune a copy of the model on `train`, and return the label that it gives to each text.

        A label is None where a logit is not finite.
        """
        from trainables.scoring.features import whole_texts

        labels = sorted({row.label for row in train})
        train_texts = [row.texts for row in train]
        queries = whole_texts(model.tokenizer, [*train_texts, *texts], self.max_tokens)
        targets = [labels.index(row.label) for row in train]
        tuned = _copy_in_fp32(model)
        head = self._fine_tune(tuned, queries[: len(train)], targets, len(labels))
        return [
            None if place is None else labels[place]
            for place in _classify(tuned, head, queries[len(train) :])
        ]

    def _fine_tune(
        self,
        model: LanguageModel,
        queries: Sequence[Query],
        targets: Sequence[int],
        num_labels: int,
    ) -> nn.Linear:
        """Train the model in place, and return the head that was trained with it.

        targets: the place of the right label of each query, below num_labels.
        """
        import torch
        from torch import nn

        from trainables.determinism import only_repeatable_kernels
        from trainables.scoring.features import pool

        # Randomness of its own: a trial's draws must not depend on its evaluators.
        with _seeded(model, self.seed), torch.enable_grad():
            head = nn.Linear(model.architecture.width, num_labels).to(model.device)
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
            weights = [*model.module.parameters(), *head.parameters()]
            optimiser = torch.optim.AdamW(weights, lr=self.lr, weight_decay=0.01)
            rng = random.Random(f"finetune {self.seed}")
            for step in range(self.steps):
                numbers = rng.sample(range(len(queries)), min(self.batch_size, len(queries)))
                batch = model.batch([queries[number] for number in numbers])
                target = torch.tensor([targets[number] for number in numbers])
                optimiser.zero_grad()
                with only_repeatable_kernels(model.takes_repeatable_kernels):
                    logits = head(pool(model, batch.ids_BT, batch.attention_BT, "summary"))
                    loss = nn.functional.cross_entropy(logits, target.to(model.device))
                    torch.autograd.backward(loss)
                nn.utils.clip_grad_norm_(weights, 1.0)
                for group in optimiser.param_groups:
                    group["lr"] = self.lr * (1 - step / self.steps)
                optimiser.step()
        model.module.eval()
        return head


def _copy_in_fp32(model: LanguageModel) -> LanguageModel:
    """Return a copy of the model with its weights now, in fp32, all of them trainable.

    Its module is a copy of the base's, so that no adapter or hook of the trial is in it.
    """
    tuned = copy.copy(model)
    tuned.module = copy.deepcopy(model.base).requires_grad_(True).train()
    weights = dict(tuned.module.named_parameters())
    for name, weight, _ in model.weights():
        weights[name].data.copy_(weight.data)
    return tuned


@contextmanager
def _seeded(model: LanguageModel, seed: int) -> Iterator[None]:
    """Return a context with torch's random state set by the seed; leaving it restores the old state."""
    import torch

    with torch.random.fork_rng([model.device] if model.device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _classify(model: LanguageModel, head: nn.Linear, queries: Sequence[Query]) -> list[int | None]:
    """Return the place of the greatest logit of each query; None where a logit is not finite."""
    import torch

    from trainables.scoring.features import pool
    from trainables.scoring.packing import batches

    places: list[int | None] = [None] * len(queries)
    with torch.inference_mode():
        for numbers in batches([len(query.ids) for query in queries]):
            batch = model.batch([queries[number] for number in numbers])
            logits = head(pool(model, batch.ids_BT, batch.attention_BT, "summary"))
            for number, row in zip(numbers, logits, strict=True):
                places[number] = int(row.argmax()) if row.isfinite().all() else None
    return places

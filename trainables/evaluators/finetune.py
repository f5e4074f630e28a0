"""The paper's own kind of downstream task: fine-tune the debiased model with a new head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from trainables.data.sets import labelled
from trainables.evaluators.base import Evaluator
from trainables.metrics.metric import Metric, declare

if TYPE_CHECKING:
    from trainables.data.sets.labelled import Labelled
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


class FineTune(Evaluator):
    """Accuracy after a short supervised fine-tuning of a copy of the model with a linear head.

    The head reads the state that has seen the whole text ([CLS], or the last token). All weights
    are trained in fp32 by AdamW with a linear decay; head and order are drawn from the seed, so
    that trials differ by their weights alone. The model itself stays as it is.

    Settings are those of GLUE fine-tuning (Devlin et al. 2019, arXiv 1810.04805), but shorter.
    """

    name: Literal["finetune"] = "finetune"
    data: str
    train: int = Field(500, ge=2, description="texts to learn")
    test: int = Field(500, ge=1, description="texts to measure on")
    steps: int = Field(50, ge=1)
    batch_size: int = Field(16, ge=1)
    lr: float = Field(2e-5, gt=0, le=1)
    seed: int = Field(0, ge=0, lt=2**31)
    max_tokens: int = Field(128, ge=2)

    @field_validator("data")
    @classmethod
    def _known(cls, name: str) -> str:
        return labelled.check_name(name)

    def metrics(self, family: str) -> tuple[Metric, ...]:
        return declare(
            f"task/{labelled.dataset_label(self.data)}",
            ("finetune_accuracy", "share", "higher", 1.0, 0.0, "after fine-tuning with a head"),
        )

    def data_digest(self) -> str:
        return labelled.digest(self.data)

    def items(self) -> list[Labelled]:
        """The texts to learn and to measure on."""
        learnt, measured = labelled.split(self.data, self.train, self.test)
        return [*learnt, *measured]

    def texts(self) -> list[str]:
        """All that items() has."""
        return [text for row in self.items() for text in row.texts]

    def measure(self, model: LanguageModel, base: Mapping[str, Estimate]) -> dict[str, Estimate]:
        import math

        from trainables.metrics.estimate import Items, mean

        learnt, measured = labelled.split(self.data, self.train, self.test)
        said = self._train_and_say(model, learnt, [row.texts for row in measured])
        right = [
            math.nan if label is None else float(label == row.label)
            for label, row in zip(said, measured, strict=True)
        ]
        name = f"task/{labelled.dataset_label(self.data)}/finetune_accuracy"
        return {name: mean(right, Items.of(range(len(right))))}

    def _train_and_say(
        self, model: LanguageModel, learnt: list[Labelled], texts: list[tuple[str, ...]]
    ) -> list[str | None]:
        """The label that the fine-tuned copy gives each text; None where its scores are no numbers."""
        import copy
        import random

        import torch
        from torch import nn

        from trainables.scoring.features import pool, whole_texts
        from trainables.scoring.packing import TOKENS_A_BATCH, batches

        names = sorted({row.label for row in learnt})
        asked = whole_texts(
            model.tokenizer, [*(row.texts for row in learnt), *texts], self.max_tokens
        )
        tuned = copy.copy(model)
        # A plain model with these weights: what the trial does to its own while it trains stays there.
        tuned.module = copy.deepcopy(model.base).requires_grad_(True).train()
        own = dict(tuned.module.named_parameters())
        for name, weight, _ in model.weights():
            own[name].data.copy_(weight.data)
        # Randomness of its own: what the trial draws must not depend on what is measured.
        devices = [tuned.device] if tuned.device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.enable_grad():
            torch.manual_seed(self.seed)
            width = tuned.module.get_input_embeddings().weight.shape[1]  # type: ignore[operator]
            head = nn.Linear(width, len(names)).to(tuned.device)
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
            weights = [*tuned.module.parameters(), *head.parameters()]
            optimiser = torch.optim.AdamW(weights, lr=self.lr, weight_decay=0.01)
            rng = random.Random(f"finetune {self.seed}")
            for step in range(self.steps):
                drawn = rng.sample(range(len(learnt)), min(self.batch_size, len(learnt)))
                read = tuned.batch([asked[n] for n in drawn])
                logits = head(pool(tuned, read.ids_BT, read.attention_BT, "summary"))
                target = torch.tensor([names.index(learnt[n].label) for n in drawn])
                loss = nn.functional.cross_entropy(logits, target.to(tuned.device))
                optimiser.zero_grad()
                torch.autograd.backward(loss)
                nn.utils.clip_grad_norm_(weights, 1.0)
                for group in optimiser.param_groups:
                    group["lr"] = self.lr * (1 - step / self.steps)
                optimiser.step()
        tuned.module.eval()
        said: list[str | None] = [None] * len(texts)
        rest = asked[len(learnt) :]
        with torch.inference_mode():
            for batch in batches([len(query.ids) for query in rest], TOKENS_A_BATCH):
                read = tuned.batch([rest[n] for n in batch])
                logits = head(pool(tuned, read.ids_BT, read.attention_BT, "summary"))
                for n, row in zip(batch, logits, strict=True):
                    said[n] = names[int(row.argmax())] if row.isfinite().all() else None
        return said

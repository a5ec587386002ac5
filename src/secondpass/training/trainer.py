"""sentence-transformers' CrossEncoderTrainer, fed by a mixture and without pickles of objects.

A checkpoint holds weights as safetensors. The optimizer's, the scheduler's and the random numbers'
state are written with torch.save and read back by transformers with `weights_only=True`, which
builds tensors and plain values and runs no code; `training_args.bin`, a pickled object, is not
written. On resume the weights are read from safetensors alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import LambdaLoss, ListNetLoss
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import PrinterCallback

from secondpass.training.late_join_module import LateJoinModule
from secondpass.training.mixture import Mixture
from secondpass.training.recipe import Recipe
from secondpass.training.schedule import Schedule

# No run by the clock is ever this long.
_MOST_STEPS = 10_000_000
# The newest checkpoint, and the one before in case that one was cut off.
_KEPT_CHECKPOINTS = 2
# ListNet takes labels as logits of the distribution to learn. At 1 against 0 it would hold the
# positive of eight at a probability of 0.28, and flatten a model that is surer than that.
POSITIVE_LABEL = {"listwise": 30.0, "lambda": 1.0}
_LOGGING_STEPS = 10


class GroupDataset:
    """The mixture as a data set of torch, in the form that the losses take.

    Item n is group n: a query, its texts with the positive first, and their labels.
    The positive's label is given, the negatives' is 0.
    """

    def __init__(self, mixture: Mixture, length: int, positive: float) -> None:
        self._mixture = mixture
        self._positive = positive
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, number: int) -> dict[str, Any]:
        group = self._mixture[number]
        texts = [group.positive, *group.negatives]
        return {
            "query": group.query,
            "texts": texts,
            "labels": [self._positive, *[0.0] * len(group.negatives)],
        }


class GroupTrainer(CrossEncoderTrainer):  # type: ignore[misc]
    """Reads its groups in the mixture's order; its learning rate follows the schedule."""

    def __init__(
        self,
        *,
        model: Any,
        recipe: Recipe,
        mixture: Mixture,
        schedule: Schedule,
        folder: Path,
        callback: Any,
    ) -> None:
        self._schedule = schedule
        steps = recipe.steps or _MOST_STEPS
        super().__init__(
            model=model,
            args=_arguments(recipe, steps, folder),
            train_dataset=GroupDataset(
                mixture, steps * recipe.batch_groups, POSITIVE_LABEL[recipe.loss]
            ),
            loss=make_loss(recipe, model),
            callbacks=[callback],
        )
        self.remove_callback(PrinterCallback)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Leave it out: the card is ours."""

    def preprocess_dataset(self, dataset: Any = None, dataset_name: str | None = None) -> Any:
        """Take the data set as it is."""
        return dataset

    def get_train_dataloader(self) -> Any:
        """Read the groups in order."""
        loader = DataLoader(
            self.train_dataset,
            batch_size=self.args.train_batch_size,
            collate_fn=self.data_collator,
            pin_memory=self.args.dataloader_pin_memory,
        )
        return self.accelerator.prepare(loader)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Follow the schedule, by steps or by the clock."""
        factor: Callable[[int], float] = self._schedule.learning_rate_factor
        self.lr_scheduler = LambdaLR(optimizer or self.optimizer, lambda step: factor(step))
        return self.lr_scheduler

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        save_model(self.model, Path(output_dir or self.args.output_dir))

    def take_weights(self, checkpoint: Path) -> None:
        """Put a checkpoint's weights into the model, to be kept without more training."""
        self._load_from_checkpoint(str(checkpoint))

    def _load_from_checkpoint(self, checkpoint_path: str, model: Any = None) -> None:
        if isinstance(self.model[0], LateJoinModule):
            self.model[0].read(Path(checkpoint_path))
            return
        inner = self.model.transformers_model
        kept = type(inner).from_pretrained(
            checkpoint_path, use_safetensors=True, local_files_only=True, dtype="float32"
        )
        inner.load_state_dict(kept.state_dict())


def save_model(model: Any, folder: Path) -> None:
    """Write weights, config and tokenizer; the weights as safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(model[0], LateJoinModule):
        # A list of modules would name ours as code for sentence-transformers to run.
        model[0].save(str(folder))
        return
    model.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)


def make_loss(recipe: Recipe, model: Any) -> Any:
    """Return the loss; a step's pairs go through the model in one pass."""
    kind = {"listwise": ListNetLoss, "lambda": LambdaLoss}[recipe.loss]
    return kind(model, mini_batch_size=-1)


def _arguments(recipe: Recipe, steps: int, folder: Path) -> Any:
    on_gpu, every = torch.cuda.is_available(), recipe.evaluate_every
    return CrossEncoderTrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=recipe.batch_groups,
        learning_rate=recipe.learning_rate,
        weight_decay=0.01,
        bf16=recipe.precision == "bf16",
        use_cpu=not on_gpu,
        dataloader_pin_memory=on_gpu,
        seed=recipe.seed,
        save_strategy="steps",
        save_steps=recipe.checkpoint_every,
        save_total_limit=_KEPT_CHECKPOINTS,
        logging_steps=_LOGGING_STEPS if every is None else max(1, every // 20),
        logging_nan_inf_filter=False,
        eval_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )

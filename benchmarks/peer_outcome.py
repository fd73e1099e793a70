"""The results of one way of searching in `benchmarks.peers`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Outcome:
    """One way's results in one mode: each search's time, round trips and bytes, and each question's ids."""

    times_ms: list[float] = field(default_factory=list)
    round_trips: list[int] = field(default_factory=list)
    bytes_sent: list[int] = field(default_factory=list)
    bytes_received: list[int] = field(default_factory=list)
    ranked: dict[str, list[str]] = field(default_factory=dict)
    peak_mib: float = 0.0
    ndcg: float = 0.0
    refusal: str | None = None

    def add(self, answer: dict[str, Any], question_id: str) -> None:
        """Add one search's answer."""
        if "error" in answer:
            self.refusal = answer["error"]
            return
        self.times_ms.append(answer["ms"])
        self.round_trips.append(answer["round_trips"])
        self.bytes_sent.append(answer["sent"])
        self.bytes_received.append(answer["received"])
        self.ranked[question_id] = answer["ids"]
        self.peak_mib = answer["peak_mib"]

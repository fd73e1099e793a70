"""What a cluster is and what its licence lets it run. Pure; comes in from `calls`.

What can't be told is None, and is done here: a client without the `monitor` privilege may not ask, and a serverless
cluster has no version that means anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NUMBER = re.compile(r"[0-9]{1,9}")
_RUNS_FUSION = frozenset({"enterprise", "trial"})


@dataclass(frozen=True)
class Capabilities:
    """What a cluster said of itself.

    Attributes:
        version: (major, minor, patch); None where it is not told or means nothing.
        flavour: Elastic's `build_flavor` as "default" or "serverless", "opensearch", or None.
        licence: an active licence's type, as "basic" or "enterprise"; None where it is not told.
    """

    version: tuple[int, ...] | None = None
    flavour: str | None = None
    licence: str | None = None

    @property
    def runs_licensed_retrievers(self) -> bool:
        """True if `rrf`, `linear` and `text_similarity_reranker` are known to run there."""
        return self.flavour == "serverless" or self.licence in _RUNS_FUSION


def read_capabilities(info: object, licence: object) -> Capabilities:
    """Read the answers of `GET /` and of `GET /_license`; whatever can't be read is None.

    Args:
        info, licence: the bodies, or anything else where there was an error.
    """
    version = _part(info, "version")
    flavour = "opensearch" if version.get("distribution") == "opensearch" else version.get("build_flavor")
    numbers = str(version.get("number", "")).partition("-")[0].split(".")
    is_version = flavour != "serverless" and all(_NUMBER.fullmatch(number) for number in numbers)
    held = _part(licence, "license")
    return Capabilities(
        tuple(map(int, numbers)) if is_version else None,
        flavour if isinstance(flavour, str) else None,
        str(held["type"]) if held.get("status") == "active" and "type" in held else None,
    )


def _part(body: object, name: str) -> Mapping[str, Any]:
    part = body.get(name) if isinstance(body, Mapping) else None
    return part if isinstance(part, Mapping) else {}

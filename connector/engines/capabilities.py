"""What a cluster is and what its licence lets it run. Pure.

An unknown capability is None, and the connector then does that work itself.
A client without the `monitor` privilege can't find out, and the version of a serverless cluster means nothing.
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
    """What a cluster reports about itself.

    Attributes:
        version: (major, minor, patch); None if it is unknown or means nothing.
        flavour: Elastic's `build_flavor`, such as "default" or "serverless"; "opensearch"; "embedded"; or None.
        licence: the type of an active licence, such as "basic" or "enterprise"; None if it is unknown.
    """

    version: tuple[int, ...] | None = None
    flavour: str | None = None
    licence: str | None = None

    @property
    def is_opensearch(self) -> bool:
        """True if the cluster is known to be OpenSearch."""
        return self.flavour == "opensearch"

    @property
    def is_embedded(self) -> bool:
        """True if it is the engine in this process."""
        return self.flavour == "embedded"

    @property
    def runs_licensed_retrievers(self) -> bool:
        """True if `rrf`, `linear` and `text_similarity_reranker` are known to run there."""
        return self.flavour == "serverless" or self.licence in _RUNS_FUSION


def read_capabilities(info: object, licence: object) -> Capabilities:
    """Read the answers to `GET /` and `GET /_license`; whatever can't be read is None.

    Args:
        info, licence: the bodies, or anything else if there was an error.
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

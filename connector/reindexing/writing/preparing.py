"""Makes the vectors of items: known texts are not encoded again, and one bad text does not affect others."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np

from connector.errors import JobStoppedError, ModelError, ReindexError, error_text
from connector.indexing.vector_field import VectorLayout
from connector.models.encoder import Encoder
from connector.models.texts import checked_text, own_errors, unit_rows
from connector.reindexing.items import Counters, DeadLetter, Item, Prepared
from connector.reindexing.writing.vector_cache import Vector, VectorCache, hash_of

_PROBE = "a"
_FEWEST_AT_ONCE, _AT_ONCE, _MOST_AT_ONCE = 32, 128, 4_096
_TOO_LONG_S, _TOO_SHORT_S = 6.0, 2.0
_UNIT_TOLERANCE = 1e-3


class Preparer:
    """Finds or makes the vectors of items; one thread at a time uses the encoder.

    Args:
        encoder: makes vectors.
        layout: which texts are encoded, and where their vectors go.
        cache: vectors by text.
        counters: updated with what is done.
        stop: set to stop encoding within a few seconds.
    """

    def __init__(
        self,
        encoder: Encoder,
        layout: VectorLayout,
        cache: VectorCache,
        counters: Counters,
        stop: threading.Event | None = None,
    ) -> None:
        self._encoder = encoder
        self._layout = layout
        self._cache = cache
        self._counters = counters
        self._lock = threading.Lock()
        self._stop = stop or threading.Event()
        self._at_once = _AT_ONCE
        self._dims = encoder.fingerprint.dims

    def prepare(self, items: Sequence[Item]) -> tuple[list[Prepared], list[DeadLetter]]:
        """Return the items with their vectors, and dead letters for those that can't be encoded.

        Raises:
            ReindexError: the encoder fails on every text.
            JobStoppedError: `stop` was set; the vectors made so far are kept.
        """
        parts = [self._layout.parts(item.source) for item in items]
        texts = [[checked_text(part.text, "text") for part in each] for each in parts]
        hashes = [[hash_of(text) for text in each] for each in texts]
        wanted = {
            digest: text
            for digests, each in zip(hashes, texts, strict=True)
            for digest, text in zip(digests, each, strict=True)
        }
        vectors = self._cache.find(wanted)
        missing = {digest: text for digest, text in wanted.items() if digest not in vectors}
        self._counters.cached += len(wanted) - len(missing)
        faults: dict[bytes, str] = {}
        if missing:
            vectors |= self._encode_all(missing, faults)
        prepared, dead = [], []
        for item, each, digests in zip(items, parts, hashes, strict=True):
            fault = next((faults[digest] for digest in digests if digest in faults), None)
            if fault is not None:
                dead.append(DeadLetter(item.key, "encode", fault, item.source, item.seq_no))
            else:
                own = tuple(vectors[digest] for digest in digests)
                prepared.append(Prepared(item, each, b"".join(digests), own))
        return prepared, dead

    def _encode_all(self, texts: dict[bytes, str], faults: dict[bytes, str]) -> dict[bytes, Vector]:
        """Encode texts, longest first; `faults` gets the reason for each that can't be encoded."""
        left = sorted(texts, key=lambda digest: -len(texts[digest]))
        made: dict[bytes, Vector] = {}
        with self._lock:
            while left:
                if self._stop.is_set():
                    raise JobStoppedError("the job was stopped while it encoded")
                part, left = left[: self._at_once], left[self._at_once :]
                began = time.perf_counter()
                vectors = self._encode(part, texts, faults, is_known_to_work=False)
                took_s = time.perf_counter() - began
                self._counters.encoding_s += took_s
                self._counters.encoded += len(vectors)
                self._at_once = max(self._at_once // 2, _FEWEST_AT_ONCE) if took_s > _TOO_LONG_S else self._at_once
                self._at_once = min(self._at_once * 2, _MOST_AT_ONCE) if took_s < _TOO_SHORT_S else self._at_once
                self._cache.keep(vectors)
                made |= vectors
        return made

    def _encode(
        self, digests: list[bytes], texts: dict[bytes, str], faults: dict[bytes, str], *, is_known_to_work: bool
    ) -> dict[bytes, Vector]:
        try:
            vectors = self._checked([texts[digest] for digest in digests])
        except Exception as error:  # whatever an encoder raises becomes the reason of a dead letter
            if not is_known_to_work:
                self._check_that_it_works(error)
            if len(digests) == 1:
                faults[digests[0]] = error_text(error)
                return {}
            middle = len(digests) // 2
            made: dict[bytes, Vector] = {}
            for part in (digests[:middle], digests[middle:]):
                made |= self._encode(part, texts, faults, is_known_to_work=True)
            return made
        return dict(zip(digests, vectors, strict=True))

    def _checked(self, texts: list[str]) -> Vector:
        with own_errors("the encoder"):
            encoded = self._encoder.encode(texts)
        unit = unit_rows(encoded, len(texts), self._encoder.fingerprint.name)
        if unit.shape[1] != self._dims:
            raise ModelError(f"the encoder returned vectors of {unit.shape[1]} dims, and of {self._dims} before")
        lengths = np.linalg.norm(encoded, axis=1)
        return np.asarray(encoded, np.float32) if np.abs(lengths - 1).max() < _UNIT_TOLERANCE else unit

    def _check_that_it_works(self, error: Exception) -> None:
        try:
            self._checked([_PROBE])
        except Exception as probe:
            raise ReindexError(
                f"the encoder fails on every text, also on {_PROBE!r} ({error_text(probe)}; "
                f"first: {error_text(error)}). "
                "Repair it, then resume the job"
            ) from error

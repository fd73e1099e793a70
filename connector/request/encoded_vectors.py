"""Vectors as texts: bytes as hex digits or, since 9.3, in base64; 32-bit floats in base64, big-endian. Pure."""

from __future__ import annotations

import base64
import binascii
import re

import numpy as np

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")


def is_encoded(text: str) -> bool:
    """True if the text is bytes in hex or base64."""
    return bool(_HEX.fullmatch(text)) or bool(_base64(text))


def decode_vector(text: str, length: int) -> list[float] | None:
    """Return the numbers of an encoded vector; None if it does not hold `length` of them.

    A text that is valid in both is read as hex. Bytes are signed.
    """
    if _HEX.fullmatch(text) and len(text) == 2 * length:
        return _bytes(bytes.fromhex(text))
    content = _base64(text) or b""
    if len(content) == 4 * length:
        return [float(each) for each in np.frombuffer(content, dtype=">f4")]
    return _bytes(content) if len(content) == length else None


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # ValueError: not ASCII
        return None


def _bytes(content: bytes) -> list[float]:
    return [float(each) for each in np.frombuffer(content, dtype=np.int8)]

"""The parameters of a dense_vector field: dims, element type and similarity."""

from __future__ import annotations

from typing import Any

from connector.embedded.failures import mapping_fault as _fault

SIMILARITIES = ("cosine", "dot_product", "l2_norm", "max_inner_product")
MAX_DIMS = 4096
ELEMENT_TYPES = ("float", "byte", "bit")

_BYTE_INDEX_TYPES = ("hnsw", "flat")
_VECTOR_INDEX_TYPES = ("hnsw", "int8_hnsw", "int4_hnsw", "flat", "int8_flat", "int4_flat", "bbq_hnsw", "bbq_flat")


def max_dims(element_type: str) -> int:
    """Return the most dims of a vector; eight bits are packed into a byte."""
    return MAX_DIMS * 8 if element_type == "bit" else MAX_DIMS


def vector_parameters(path: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Check and complete the parameters of a dense_vector field.

    Raises:
        EngineError: 400 mapper_parsing_exception, as on a real node.
    """
    element_type = parameters.get("element_type", "float")
    if not isinstance(element_type, str) or element_type not in ELEMENT_TYPES:
        raise _fault(
            f"invalid element_type [{element_type}] on field [{path}]: the embedded engine knows {list(ELEMENT_TYPES)}"
        )
    dims, least = parameters.get("dims"), 8 if element_type == "bit" else 1
    if "dims" in parameters and (
        isinstance(dims, bool) or not isinstance(dims, int) or not least <= dims <= max_dims(element_type)
    ):
        bounds = f"[{least}, {max_dims(element_type)}]"
        raise _fault(f"The number of dimensions should be in the range {bounds} but was [{dims}]")
    if element_type == "bit" and dims is not None and dims % 8:
        raise _fault(f"The number of dimensions should be a multiple of 8 but was [{dims}]")
    if parameters.get("index", True) in (False, "false"):
        for name in ("similarity", "index_options"):
            if name in parameters:
                raise _fault(
                    f"Field [{name}] can only be specified for a field of type [dense_vector] when it is indexed"
                )
        return parameters
    similarity = parameters.get("similarity", "l2_norm" if element_type == "bit" else "cosine")
    if not isinstance(similarity, str) or similarity not in SIMILARITIES:
        raise _fault(f"Unknown value [{similarity}] for field [similarity] - accepted values are {list(SIMILARITIES)}")
    if element_type == "bit" and similarity != "l2_norm":
        raise _fault("The [l2_norm] similarity is the only supported similarity for bit vectors")
    options = parameters.get("index_options", {"type": "hnsw"})
    if not isinstance(options, dict) or options.get("type") not in _VECTOR_INDEX_TYPES:
        raise _fault(f"Unsupported index options type {options} for field [{path}]: one of {list(_VECTOR_INDEX_TYPES)}")
    if element_type != "float" and options["type"] not in _BYTE_INDEX_TYPES:
        raise _fault(f"[element_type] cannot be [{element_type}] when using index type [{options['type']}]")
    return {**parameters, "index": True, "similarity": similarity}

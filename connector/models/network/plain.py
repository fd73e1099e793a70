"""Refuses cross-encoders that need more than the bare pair, or whose score is ambiguous, and says why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connector.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

SEQUENCE_CLASSIFICATION = "ForSequenceClassification"
_DEFAULT_LABEL = re.compile(r"LABEL_\d+")
_NO = re.compile(
    r"(not?|non|un|ir|in|dis|mis)[ _-]?(relevant|relevance|related|relation|match\w*|entail\w*|equivalent|equal|"
    r"duplicates?|similar|paraphrase|useful|helpful|answer\w*)|no|0|false|negative|neg|bad|contradiction|different"
)
_FUNCTION = (
    "pass a function instead: lambda query, passages: model.predict([(query, each) for each in passages]), with "
    "model = sentence_transformers.CrossEncoder(FOLDER)"
)


def check_is_plain(model: CrossEncoder, who: str) -> None:
    """Check that a cross-encoder reads the bare pair and computes one score that grows with relevance.

    Raises:
        ModelError: it doesn't, or that is not known.
    """
    network: Any = model.model
    modules = [type(module).__name__ for module in model.children()]
    if not type(network).__name__.endswith(SEQUENCE_CLASSIFICATION) or len(modules) > 1:
        raise ModelError(
            f"{who} is a {type(network).__name__} (modules: {', '.join(modules)}), must be one plain "
            f"*{SEQUENCE_CLASSIFICATION}; {_FUNCTION}"
        )
    prompt = getattr(model, "default_prompt_name", None)
    if prompt and getattr(model, "prompts", {}).get(prompt):
        raise ModelError(
            f"{who} has a default prompt, {prompt!r}, which would not be prepended to pairs here; {_FUNCTION}"
        )
    if getattr(model.tokenizer, "chat_template", None):
        raise ModelError(
            f"{who} has a chat template, which each pair would have to be inserted into; without it the scores differ. "
            "If the template is not for pairs, delete it (chat_template.jinja, or chat_template in "
            f"tokenizer_config.json); otherwise {_FUNCTION}"
        )
    _check_labels(network.config, who)


def _check_labels(config: Any, who: str) -> None:
    labels = [str(label) for _, label in sorted(config.id2label.items())]
    if config.num_labels > 2:
        raise ModelError(
            f"{who} has {config.num_labels} labels ({', '.join(labels)}): which of them means relevance is not known; "
            "pass a function (query, passages) -> scores that picks it"
        )
    if config.num_labels < 2 or all(map(_DEFAULT_LABEL.fullmatch, labels)):
        return
    first, second = (bool(_NO.fullmatch(label.strip().lower())) for label in labels[:2])
    if not first or second:
        raise ModelError(
            f"{who} has the labels {labels[0]!r}, {labels[1]!r}: the score is the log-odds of the second one, which is "
            "not known to mean relevance. Swap the head's rows and the labels in id2label, so that relevance comes "
            "second, or pass a function (query, passages) -> scores"
        )

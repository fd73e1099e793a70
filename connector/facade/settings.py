"""What a `Connector` searches and how it splits and rewrites texts, checked once. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.documents.text_fields import TextField, parse_text_fields
from connector.errors import RequestError
from connector.facade.rewriting import Hook, checked_hooks, checked_timeout
from connector.indexing import Passages
from connector.indexing.splitting import as_passages


@dataclass(frozen=True)
class Settings:
    """The checked arguments of a `Connector`: see there."""

    index: str
    text_fields: tuple[TextField, ...]
    vector_field: str | None
    id_field: str
    passages: Passages | None
    rewrite: Mapping[str, Hook]
    rewrite_timeout: float

    @property
    def names(self) -> tuple[str, ...]:
        """The text fields' paths, without their boosts."""
        return tuple(field.name for field in self.text_fields)


def checked_settings(
    index: str,
    text_fields: Sequence[str],
    vector_field: str | None,
    id_field: str,
    passages: Passages | bool,
    rewrite: Mapping[str, Hook] | None,
    rewrite_timeout: float,
) -> Settings:
    """Return the settings of a connector.

    Raises:
        RequestError: an argument is wrong.
    """
    fields = tuple(parse_text_fields(text_fields))
    _check_name("index", index, "an index")
    _check_name("id_field", id_field, "the key of a document's id")
    if vector_field is not None:
        _check_name("vector_field", vector_field, "a field")
    return Settings(
        index,
        fields,
        vector_field,
        id_field,
        as_passages(passages, vector_field, [field.name for field in fields]),
        checked_hooks(rewrite),
        checked_timeout(rewrite_timeout),
    )


def _check_name(argument: str, value: object, what: str) -> None:
    """Refuse what can't be a name: it has to be text that UTF-8 can encode."""
    if not isinstance(value, str) or not value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise RequestError(argument, value, f"must be the name of {what}")

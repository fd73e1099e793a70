"""How often a search is sent again, by the rules of the client that it came through. No I/O here."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from elastic_transport import ApiResponseMeta, ObjectApiResponse, SerializationError
from elasticsearch import ApiError

from connector.clients.api_errors import api_error
from connector.engines.answers import searches_in, unreadable

Request = TypeVar("Request")


@dataclass(frozen=True)
class Retries:
    """When a search is sent again.

    Attributes:
        statuses: a search is sent again if all of its failed legs have one of these.
        most: how many times.
        call_statuses: the statuses of a whole request that the transport leaves to this package to send again.
    """

    statuses: Collection[int] = ()
    most: int = 0
    call_statuses: Collection[int] = ()

    def multi_search(
        self, request: Request, bodies: Sequence[Mapping[str, Any]]
    ) -> Generator[Request, ObjectApiResponse[Any], tuple[list[Any], ApiResponseMeta]]:
        """Send an `_msearch` until no leg is to be sent again.

        Returns:
            The legs' responses, and the last answer's meta.

        Raises:
            ApiError: a leg failed; it is the error that `es.search` would have raised.
        """
        retries_left = self.most
        while True:
            try:
                response = yield request
            except ApiError as error:
                if retries_left == 0 or error.meta.status not in self.call_statuses:
                    raise
                retries_left -= 1
                continue
            except (SerializationError, RecursionError) as error:
                raise unreadable("_msearch", error) from error
            if not 200 <= response.meta.status < 300 and isinstance(response.body, Mapping):
                raise api_error(response.body, response.meta, response.meta.status)
            responses = searches_in(response.body, bodies)
            failed = [leg for leg in responses if "error" in leg]
            if not failed:
                return responses, response.meta
            if retries_left == 0 or not all(_status(leg) in self.statuses for leg in failed):
                raise api_error(failed[0], response.meta, _status(failed[0]))
            retries_left -= 1


def _status(leg: Mapping[str, Any]) -> int:
    status = leg.get("status")
    return status if isinstance(status, int) else 500

"""What can go wrong when the API is asked. None of them quotes an identifier.

UcidError
├── Unreachable         nobody answered, however often it was tried
├── NotUnderstood       who answered is no ucid, or one of another age
└── Rejected            the server said no: `status`, and what to change
    ├── WrongRequest    400, 406, 413, 414 or 422: as it is asked, it can never be answered
    ├── NotAllowed      401 or 403: the key is not valid, or lacks the scope
    ├── Unknown         404: there is no such customer, of this tenant, or no such moment
    ├── StartAgain      410: the cursor is too old
    ├── TooMany         429: a limit of the key; `retry_after` seconds
    └── Unavailable     502, 503 or 504: nothing can be answered now, however often it was tried
"""


class UcidError(Exception):
    """The root of this tree."""


class Unreachable(UcidError):
    """Nobody answered."""


class NotUnderstood(UcidError):
    """An answer of another shape than the API's."""


class Rejected(UcidError):
    """The server said no."""

    def __init__(self, status: int, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.retry_after = retry_after


class WrongRequest(Rejected):
    """As it is asked, it can never be answered."""


class NotAllowed(Rejected):
    """The key is not valid, or lacks the scope."""


class Unknown(Rejected):
    """There is no such customer, of this tenant, or no such moment."""


class StartAgain(Rejected):
    """The cursor is too old."""


class TooMany(Rejected):
    """A limit of the key."""


class Unavailable(Rejected):
    """Nothing can be answered now."""


KINDS: dict[int, type[Rejected]] = {
    **dict.fromkeys((400, 406, 413, 414, 422), WrongRequest),
    **dict.fromkeys((401, 403), NotAllowed),
    404: Unknown,
    410: StartAgain,
    429: TooMany,
    **dict.fromkeys((502, 503, 504), Unavailable),
}

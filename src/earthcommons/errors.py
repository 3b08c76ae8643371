"""Every error raised on purpose, grouped by what the caller can do about it.

CommonsError
├── InvalidInputError (ValueError)    mend the call or the file
│   ├── UnitError                     convert or declare the unit first
│   └── RefusedFileError              foreign bytes the door does not let in; `code` says why
├── NotFoundError (LookupError)       nothing has that name
│   └── GoneError                     something had; `stub` says what became of it
├── ConflictError                     read again, then retry
├── AccessDeniedError                 no agreement allows it
├── IntegrityError                    the bytes are not those promised
└── UpstreamError                     another service or process failed; later may work

`code` is stable and safe to match; the message is for people. HTTP statuses are mapped in
`web.errors`, exit codes in `cli.errors`.
"""

__all__ = [
    "AccessDeniedError",
    "CommonsError",
    "ConflictError",
    "GoneError",
    "IntegrityError",
    "InvalidInputError",
    "NotFoundError",
    "RefusedFileError",
    "UnitError",
    "UpstreamError",
]


class CommonsError(Exception):
    """Base of every error raised on purpose."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class InvalidInputError(CommonsError, ValueError):
    """The call or its arguments need mending; repeating it unchanged will not help."""

    code = "invalid-input"


class UnitError(InvalidInputError):
    """A unit is missing, unknown, or not convertible to the one needed."""

    code = "unit-missing"


class RefusedFileError(InvalidInputError):
    """Foreign bytes were refused at the door; `code` names the rule they broke."""

    code = "malformed"


class NotFoundError(CommonsError, LookupError):
    """Nothing visible to the caller has that name."""

    code = "not-found"


class GoneError(NotFoundError):
    """The record was withdrawn; its stub tells when, why and what took its place."""

    code = "gone"

    def __init__(self, message: str, stub: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.stub = stub or {}


class ConflictError(CommonsError):
    """The state has moved on, or the name is taken by something else."""

    code = "conflict"


class AccessDeniedError(CommonsError):
    """The caller can see the record but no rule permits the action on it."""

    code = "access-denied"


class IntegrityError(CommonsError):
    """Stored bytes do not match the digest recorded for them."""

    code = "integrity"

    def __init__(self, key: str, *, expected: str, found: str) -> None:
        super().__init__(f"{key}: expected digest {expected}, found {found}")
        self.key, self.expected, self.found = key, expected, found


class UpstreamError(CommonsError):
    """Another service or a child process failed; trying later may work."""

    code = "upstream"

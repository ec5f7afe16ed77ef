"""GET /console/: the page for people. Its files are this package's; it asks the routes as programs do."""

from importlib.resources import files
from typing import Final

from serving_layer.errors import Refused
from serving_layer.web.message import Request, Response

_KINDS: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_INDEX: Final = "index.html"

# Where it stands; what is below is no part of the API.
PAGE: Final = "/console"

# Nothing from elsewhere, nothing inline, no frame around it, and no text that becomes markup.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


class Console:
    """The routes' handlers."""

    def __init__(self) -> None:
        folder = files("serving_layer").joinpath("console")
        self._files = {
            file.name: (file.read_bytes(), kind)
            for file in folder.iterdir()
            if (kind := _KINDS.get(file.name.rpartition(".")[2]))
        }

    async def here(self, _: Request) -> Response:
        """Where the page is: its files are named beside it, so that it may stand behind any prefix."""
        return Response(b"", 308, "text/plain", {"location": "console/"})

    async def page(self, _: Request) -> Response:
        """The page itself."""
        return self._file(_INDEX)

    async def file(self, request: Request) -> Response:
        """One of its files. Refused (404) is the answer for all that is not one of them."""
        return self._file(request.params["file"])

    def _file(self, name: str) -> Response:
        if name not in self._files:
            raise Refused(404, "there is no such file", "unknown")
        body, kind = self._files[name]
        return Response(body, 200, kind, _HEADERS)

"""Records as Avro single objects: C3 01, the fingerprint of the writer's schema, the body.

Because each message names the schema it was written with, every version under schemas/avro stays
readable, and all are read as the newest.
"""

import io
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from schemas.errors import Malformed

MARKER = b"\xc3\x01"
_HEADER = 10


class _Strict(io.BytesIO):
    """Bytes that end with an error: fastavro looks for their end where it reads, not where it skips."""

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if len(data) != size:
            raise EOFError
        return data


class SingleObject:
    """Reads and writes one record type, given all versions of its schema, oldest first."""

    def __init__(self, versions: Sequence[dict[str, Any]]) -> None:
        # Imported late, so that who only reads JSON starts quickly.
        import fastavro  # noqa: PLC0415
        from fastavro.schema import fingerprint, to_parsing_canonical_form  # noqa: PLC0415

        self._fastavro: Any = fastavro
        self._name: str = versions[-1]["name"]
        self._versions: dict[bytes, Any] = {}
        for version in versions:
            # Written low byte first already, as a single object wants it.
            mark = bytes.fromhex(fingerprint(to_parsing_canonical_form(version), "CRC-64-AVRO"))
            self._versions[mark] = self._newest = fastavro.parse_schema(version)
            self._header = MARKER + mark

    def read(self, payload: bytes) -> dict[str, Any]:
        """Decode a single object into the newest version's fields. Raises Malformed."""
        if len(payload) < _HEADER:
            raise Malformed("Avro: shorter than its header")
        writer = self._versions.get(payload[2:_HEADER])
        if writer is None:
            mark = payload[_HEADER - 1 : 1 : -1].hex()
            raise Malformed(f"Avro: schema fingerprint {mark} is no known version of {self._name}")
        reader = None if writer is self._newest else self._newest
        body = _Strict(payload) if reader else io.BytesIO(payload)
        body.seek(_HEADER)
        try:
            fields: dict[str, Any] = self._fastavro.schemaless_reader(body, writer, reader)
        except MemoryError:
            raise  # the machine's fault, not the message's
        except EOFError:
            raise Malformed("Avro: the body is truncated") from None
        except UnicodeDecodeError:
            raise Malformed("Avro: a string is not UTF-8") from None
        except Exception:  # noqa: BLE001 - corrupt bytes may surprise a decoder anywhere
            raise Malformed("Avro: the body does not fit its schema") from None
        if body.tell() != len(payload):
            raise Malformed("Avro: there are bytes after the end of the body")
        return fields

    def write(self, fields: dict[str, Any]) -> bytes:
        """Encode fields with the newest version of the schema."""
        out = io.BytesIO()
        out.write(self._header)
        self._fastavro.schemaless_writer(out, self._newest, fields)
        return out.getvalue()


@cache
def single_object(name: str) -> SingleObject:
    """Return the codec over every schemas/avro/NAME.vN.avsc."""
    files = {
        int(file.name.split(".")[1].removeprefix("v")): file
        for file in resources.files("schemas").joinpath("avro").iterdir()
        if file.name.startswith(f"{name}.v")
    }
    # Times stay numbers: a logical type would turn them into datetimes. No fingerprint includes it.
    return SingleObject(
        [
            json.loads(files[number].read_text("utf-8"), object_hook=_without_logical_type)
            for number in sorted(files)
        ]
    )


def _without_logical_type(node: dict[str, Any]) -> dict[str, Any]:
    node.pop("logicalType", None)
    return node

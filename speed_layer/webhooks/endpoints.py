"""Reading webhooks.yaml: the endpoints by name, or every problem at once."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from identity import rulefile
from identity.problems import Problems
from schemas.checks import is_tenant
from speed_layer.webhooks.endpoint import Cookie, Endpoint
from speed_layer.webhooks.errors import EndpointsError
from speed_layer.webhooks.given import Fetch, Given
from speed_layer.webhooks.registry import SERVICES

_COMMON = ("service", "tenant", "max_age", "address", "cookie", "campaign")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_TYPE_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")

Endpoints = Mapping[str, Endpoint]


def load(path: Path, tenant: str, env: Mapping[str, str], fetch: Fetch) -> Endpoints:
    """Read endpoints from a file; `tenant` is whose they are where they do not say.

    Raises EndpointsError, also for a file that cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EndpointsError(str(path), [f"cannot be read: {error}"]) from error
    return parse(text, tenant, env, fetch, str(path))


def parse(
    text: str, tenant: str, env: Mapping[str, str], fetch: Fetch, source: str = "webhooks.yaml"
) -> Endpoints:
    """Read endpoints from YAML text; `source` names the file in errors. Raises EndpointsError."""
    try:
        document = rulefile.document(text)
    except ValueError as error:
        raise EndpointsError(source, [str(error)]) from error
    problems = Problems()
    top = problems.mapping("the file", document, ("version", "endpoints"))
    if top.get("version", 1) != 1 or isinstance(top.get("version"), bool):
        problems.wrong("version", "only version 1 is known: write 1")
    found: dict[str, Endpoint] = {}
    whose: dict[str, tuple[str, str]] = {}  # what proves calls -> endpoint and tenant
    for name, value in problems.mapping("endpoints", top.get("endpoints", {})).items():
        path = f"endpoints.{name}"
        if not _NAME.fullmatch(name):
            problems.wrong(path, "is part of a URL: name it with small letters, digits and '-'")
        entry = problems.mapping(path, value)
        given = Given(problems, path, entry, env, fetch, {})
        endpoint = _endpoint(given, name, tenant)
        if endpoint is None:
            continue
        found[name] = endpoint
        for proof, key in given.proofs.items():
            other, its_tenant = whose.setdefault(proof, (name, endpoint.tenant))
            if its_tenant != endpoint.tenant:
                given.wrong(key, f"is the same as that of '{other}', of another tenant: each needs its own")
    if not found and not problems.found:
        problems.wrong("endpoints", "name at least one")
    if problems.found:
        raise EndpointsError(source, problems.found)
    return found


def _endpoint(given: Given, name: str, tenant: str) -> Endpoint | None:
    entry, path = given.entry, given.path
    kind = str(entry.get("service"))
    if kind not in SERVICES:
        given.wrong("service", f"write one of {', '.join(SERVICES)}")
        return None
    service = SERVICES[kind]
    given.problems.mapping(path, dict(entry), (*_COMMON, *service.KEYS))
    max_age = service.MAX_AGE
    if "max_age" in entry:
        max_age = given.problems.age(f"{path}.max_age", entry["max_age"])
    whose = given.text("tenant", "shop", tenant)
    if not is_tenant(whose):
        given.wrong("tenant", "write a name of letters, digits, '_' and '-'")
    return Endpoint(
        name=name,
        kind=kind,
        service=service(given),
        tenant=whose,
        max_age=max_age,
        address=_type(given, "address", given.text("address", "email", "email")),
        cookie=_cookie(given),
        campaign=given.text("campaign", "metadata.campaign") if "campaign" in entry else None,
    )


def _cookie(given: Given) -> Cookie | None:
    if "cookie" not in given.entry:
        return None
    entry = given.mapping("cookie", ("parameter", "type"))
    parameter = given.problems.text(f"{given.path}.cookie.parameter", entry.get("parameter"), "visitor")
    return Cookie(parameter, _type(given, "cookie.type", entry.get("type", "cookie")))


def _type(given: Given, key: str, value: Any) -> str:  # noqa: ANN401 - whatever YAML says
    if not isinstance(value, str) or not _TYPE_NAME.fullmatch(value):
        given.wrong(key, "a type is named by 1 to 64 letters, digits, '_', '.' or '-'")
    return str(value)

"""Settings that are one of a few words."""

from collections.abc import Mapping

from deploy.errors import SettingsError


def choice(env: Mapping[str, str], variable: str, known: tuple[str, ...]) -> str:
    """The known word that is set, in any case; the first of them where nothing is. Raises SettingsError."""
    given = env.get(variable) or known[0]
    for word in known:
        if word.casefold() == given.casefold():
            return word
    raise SettingsError(f"{variable} is {given!r}: use one of {', '.join(known)}.")

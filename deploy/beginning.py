"""Where a system begins: its topics, and generation 0 with the rules."""

import os
from pathlib import Path

from batch_layer.begin import begin
from deploy import bootstrap
from deploy.errors import InputError
from deploy.settings import Settings
from identity import rulefile
from schemas.generation import Manifest

STARTER_RULES = Path(__file__).with_name("rules.yaml")


def begun(settings: Settings, rules: Path | None) -> Manifest:
    """Make what is not there yet; `rules` are those to begin with, None the starter set.

    Returns the newest manifest. Raises RuleError, and InputError where other rules are in force already.
    """
    source = rules or STARTER_RULES
    wanted = rulefile.load(source)
    bootstrap.create_topics(settings)
    text = source.read_text(encoding="utf-8")
    manifest = begin(settings.generations, text, bootstrap.PARTITIONS, os.fspath(source))
    if rules is not None and manifest.fingerprint != wanted.fingerprint:
        raise InputError(
            f"other rules than {rules} are in force (fingerprint {manifest.fingerprint}): "
            f"'ucid batch --rules {rules}' changes them for all that is known"
        )
    return manifest

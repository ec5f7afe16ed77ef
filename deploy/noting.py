"""What a command does with people's data, in the audit log."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from deploy.settings import Settings
from deploy.user import user
from serving_layer.access.audit import AuditLog, Entry, Seal


def note(
    settings: Settings,
    act: str,
    about: Sequence[str] = (),
    asked: int = 0,
    detail: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Note an act of whoever runs the command, before it is done. Raises SettingsError, AuditFailed."""
    entry = Entry(
        who=user(), tenant=settings.tenant, act=act, about=list(about), asked=asked, detail=dict(detail)
    )
    log = AuditLog(settings.audit, settings.anchors, Seal(settings.id_key))
    try:
        log.note_now(entry)
    finally:
        log.close()

"""When a load is stopped before it harms the graph."""

from batch_layer.sources.model import Source
from batch_layer.sources.report import Report
from batch_layer.sources.versions import ENDED


def stopped(source: Source, report: Report) -> str | None:
    """Why a load may not land; None if it may."""
    if report.rejected > source.stop_rejected * report.read:
        return (
            f"{report.rejected} of {report.read} rows are rejected, and at most {source.stop_rejected:.1%} "
            "may be (stop_when.rejected): look at them with '--rejects', mend the export or the definition, "
            "or land the rest with '--accept'"
        )
    ended = report.missing + report.counts.get(ENDED, 0)
    if source.export == "full" and ended > source.stop_ended * report.known:
        return (
            f"{ended} of {report.known} records would end, and at most {source.stop_ended:.1%} may "
            "(stop_when.ended): is this the whole export? '--accept' lands it if it is"
        )
    return None

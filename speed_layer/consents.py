"""What identifiers permit, kept in the view: a record each, beside the nodes.

Claims merge by maximum (`identity.consent`), so what is applied twice, late or by several workers changes
nothing. They are written before the offsets of what said them: a crash repeats rather than forgets.
"""

from collections.abc import Callable, Iterable, Mapping

from redis import Redis

from identity import Identifier
from identity.consent import Claims, merge
from schemas import overlay, records
from schemas.generation import Generation
from speed_layer.commit import Committer
from speed_layer.contention import attempts
from speed_layer.view import SpeedView, ViewState


class Consents:
    """Applies claims to the view on a generation."""

    def __init__(self, redis: Redis, generation: Generation, state: ViewState) -> None:
        self._redis = redis
        self._generation = generation
        self._state = state
        self._committer = Committer(redis, generation.number)

    def apply(self, tenant: str, said: Mapping[Identifier, Claims]) -> None:
        """Merge claims with those that are known.

        Raises LostView, and Contention where other workers came first each time.
        """
        by_key = {records.claims_key(tenant, x): claims for x, claims in said.items()}
        self._change(tenant, by_key, lambda key, known: merge(known, by_key[key]))

    def erase(self, tenant: str, erased: Mapping[Identifier, int]) -> None:
        """Forget what was stated for identifiers up to the moment that each is erased. Raises as `apply`."""
        through = {records.claims_key(tenant, x): moment for x, moment in erased.items()}

        def left(key: bytes, known: Claims) -> Claims:
            return {about: word for about, word in known.items() if word.ingested_at > through[key]}

        self._change(tenant, through, left)

    def _change(self, tenant: str, keys: Iterable[bytes], changed: Callable[[bytes, Claims], Claims]) -> None:
        rest = list(keys)
        for _ in attempts("a claim"):
            rest = self._try(tenant, rest, changed)
            if not rest:
                return

    def _try(self, tenant: str, keys: list[bytes], changed: Callable[[bytes, Claims], Claims]) -> list[bytes]:
        """Those that met a conflict."""
        writes = []
        for key, version, record in SpeedView(self._redis, self._generation, tenant).load(keys):
            known = dict(records.decode_claims(record)) if record else {}
            new = changed(key, known)
            if new != known:
                # What is left of nothing is written, too: it hides what the generation has.
                value = overlay.value(overlay.next_version(version), records.encode_claims(new.items()))
                writes.append((key, version, value))
        return [writes[i][0] for i in self._committer.write(self._state.epoch, writes)]

"""The keyed hash is the standard library's."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from identity.keyed import Keyed


@given(st.binary(min_size=1, max_size=200), st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_it_is_hmac_sha_256_for_one_message_after_another(key, messages):
    keyed = Keyed(key)
    for message in messages:
        assert keyed.digest(message) == hmac.digest(key, message, "sha256")

"""The keyed hash, and what is made of it, are the standard library's."""

import hmac
from base64 import b32encode

from hypothesis import given
from hypothesis import strategies as st

from identity import Identifier, Minter
from identity.keyed import Keyed


@given(st.binary(min_size=1, max_size=200), st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_it_is_hmac_sha_256_for_one_message_after_another(key, messages):
    keyed = Keyed(key)
    for message in messages:
        assert keyed.digest(message) == hmac.digest(key, message, "sha256")


@given(st.binary(min_size=1, max_size=80), st.text(), st.text(), st.integers(), st.integers(0, 9))
def test_a_customers_id_is_it_in_base_32(key, tenant, value, first_ingested, counter):
    anchor = Identifier("login", value)
    made_from = "\0".join([tenant, *anchor, str(first_ingested), str(counter)]).encode()
    digits = b32encode(hmac.digest(key, made_from, "sha256")[:16]).decode().rstrip("=").lower()
    assert Minter(key, tenant).mint(anchor, first_ingested, counter) == f"c_{digits}"

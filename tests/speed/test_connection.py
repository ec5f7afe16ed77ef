"""Commands whose replies are taken as they are needed."""

import pytest
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from speed_layer.connection import replies


@pytest.fixture
def client(server):
    """Tries once more where a connection breaks."""
    client = server.client()
    client.set_retry(Retry(NoBackoff(), 1))
    client.set("mine", "kept")
    return client


def cut(server):
    """Cut all connections."""
    with server.client() as other:
        other.client_kill_filter(_type="normal", skipme=True)


def test_commands_are_sent_before_their_replies_are_asked_for(client):
    found = replies(client, lambda: [("SET", "mine", "sent"), ("GET", "mine")])
    assert client.get("mine") == b"sent"
    assert [*found] == [b"OK", b"sent"]


def test_no_commands_have_no_replies(client):
    assert [*replies(client, list)] == []
    assert client.get("mine") == b"kept"


def test_a_connection_that_breaks_before_the_first_reply_is_tried_again(client, server):
    client.delete("later")
    found = replies(client, lambda: [("BLPOP", "later", "0"), ("ECHO", "two")])
    cut(server)
    client.rpush("later", "here")
    assert [*found] == [[b"later", b"here"], b"two"]


def test_one_that_breaks_later_is_an_error(client, server):
    found = replies(client, lambda: [("GET", "mine"), ("BLPOP", "nothing", "0")])
    assert next(found) == b"kept"
    cut(server)
    with pytest.raises(exceptions.ConnectionError):
        next(found)
    assert client.get("mine") == b"kept"


def test_replies_that_nobody_took_are_no_answer_to_another(client):
    found = replies(client, lambda: [("GET", "mine"), ("ECHO", "two")])
    del found
    assert client.get("mine") == b"kept"
    started = replies(client, lambda: [("GET", "mine"), ("ECHO", "two")])
    assert next(started) == b"kept"
    del started
    assert client.get("mine") == b"kept"

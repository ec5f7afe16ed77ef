"""Consent at the moment of sending, by the view that lookups read."""

import pytest

from deploy.permitting import ViewPermissions
from schemas import Unavailable, overlay
from tests.serving.conftest import redis, server, view, world
from tests.serving.world import TOM

__all__ = ["redis", "server", "view", "world"]

MAIL = ("email", TOM["email"])


@pytest.fixture
def permissions(world):
    return ViewPermissions(world.redis, world.root)


@pytest.fixture
def may_send(permissions, view):
    id_ = view.lookup([MAIL]).found[0].customer.id
    return lambda purpose="Ads", channel="email", tenant="default": permissions.may_send(
        tenant, id_, purpose, channel
    )


def test_who_said_nothing_gets_nothing(may_send):
    assert not may_send()


def test_what_is_granted_is_sent_until_it_is_withdrawn(world, may_send):
    world.state(MAIL, channel="email")
    assert may_send()
    assert not may_send(channel="sms")
    assert not may_send(purpose="profiling")
    assert not may_send(tenant="other")
    world.state(MAIL, withdrawn=True)
    assert not may_send()


def test_while_it_cannot_be_known_it_waits(world, may_send):
    world.state(MAIL)
    world.redis.delete(overlay.LIVE)
    with pytest.raises(Unavailable, match="the stream's view cannot be asked"):
        may_send()

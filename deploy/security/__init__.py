"""How Kafka and Redis know us, and we them: TLS, users and passwords, as settings."""

from deploy.security.access import Access, Oidc
from deploy.security.kafka import KafkaSecurity
from deploy.security.redis import RedisSecurity
from deploy.security.secret import secret
from deploy.security.tls import Tls

__all__ = ["Access", "KafkaSecurity", "Oidc", "RedisSecurity", "Tls", "secret"]

"""How Kafka knows us, and we it: TLS, and users with passwords."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from deploy.choice import choice
from deploy.errors import SettingsError
from deploy.security.secret import secret
from deploy.security.tls import Tls

_PROTOCOLS = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
_MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
_OF_USERS = ("UCID_KAFKA_USER", "UCID_KAFKA_PASSWORD", "UCID_KAFKA_PASSWORD_FILE", "UCID_KAFKA_SASL")


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """How to connect to Kafka; the same for producers, consumers, administration and Spark."""

    protocol: str = "plaintext"
    mechanism: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls = field(default_factory=Tls)

    @classmethod
    def load(cls, env: Mapping[str, str]) -> Self:
        """Read UCID_KAFKA_SECURITY and what belongs to it. Raises SettingsError."""
        protocol = choice(env, "UCID_KAFKA_SECURITY", _PROTOCOLS)
        if protocol != _PROTOCOLS[0] and not env.get("UCID_KAFKA"):
            raise SettingsError(
                f"UCID_KAFKA_SECURITY is {protocol}, but UCID_KAFKA is not set; the local stack's is plain."
            )
        instead = "set UCID_KAFKA_SECURITY to ssl or sasl_ssl"
        tls = Tls.load(env, "KAFKA", used=protocol.endswith("ssl"), instead=instead)
        if not protocol.startswith("sasl"):
            for variable in _OF_USERS:
                if env.get(variable):
                    raise SettingsError(
                        f"{variable} is set, but UCID_KAFKA_SECURITY is {protocol}, which knows no users: "
                        "set it to sasl_ssl, or to sasl_plaintext in a network that nobody listens to."
                    )
            return cls(protocol, tls=tls)
        user, password = env.get("UCID_KAFKA_USER"), secret(env, "UCID_KAFKA_PASSWORD")
        for variable, given in (("UCID_KAFKA_USER", user), ("UCID_KAFKA_PASSWORD", password)):
            if not given:
                raise SettingsError(
                    f"{variable} is not set, and UCID_KAFKA_SECURITY is {protocol}: give user and password."
                )
        return cls(protocol, choice(env, "UCID_KAFKA_SASL", _MECHANISMS), user, password, tls)

    def client(self) -> dict[str, str]:
        """These settings as librdkafka calls them; none for plaintext."""
        return _named(
            {
                "security.protocol": self.protocol if self.protocol != _PROTOCOLS[0] else None,
                "sasl.mechanisms": self.mechanism,
                "sasl.username": self.user,
                "sasl.password": self.password,
                "ssl.ca.location": self.tls.ca,
                "ssl.certificate.location": self.tls.certificate,
                "ssl.key.location": self.tls.key,
            }
        )

    def java(self) -> dict[str, str]:
        """These settings as Kafka's Java client, and so Spark, calls them. Raises OSError."""
        tls = self.tls
        return _named(
            {
                "security.protocol": self.protocol.upper() if self.protocol != _PROTOCOLS[0] else None,
                "sasl.mechanism": self.mechanism,
                "sasl.jaas.config": self._jaas(),
                "ssl.truststore.type": "PEM" if tls.ca else None,
                "ssl.truststore.location": tls.ca,
                "ssl.keystore.type": "PEM" if tls.key else None,
                # Java wants both in one file, or their text; there are no secrets to copy then.
                "ssl.keystore.certificate.chain": tls.certificate and tls.certificate.read_text(),
                "ssl.keystore.key": tls.key and tls.key.read_text(),
            }
        )

    def _jaas(self) -> str | None:
        if self.mechanism is None:
            return None
        kind = "plain.Plain" if self.mechanism == "PLAIN" else "scram.Scram"
        user, password = (f'"{_escaped(text or "")}"' for text in (self.user, self.password))
        module = f"org.apache.kafka.common.security.{kind}LoginModule"
        return f"{module} required username={user} password={password};"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _named(settings: Mapping[str, str | Path | None]) -> dict[str, str]:
    return {key: str(value) for key, value in settings.items() if value is not None}

"""A broker with three doors: SASL over TLS, TLS with client certificates, and a plain one for tests."""

from pathlib import Path

from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.awaiting import until
from deploy.local import default_cache, find_java, kafka, kafka_jars
from deploy.local.ports import free_port
from deploy.local.process import spawn, stop

HOST = "127.0.0.1"
USER, PASSWORD = "ucid", 'a "quoted" \\ pass=word; and spaces'
_MODULE = "org.apache.kafka.common.security"


class SecureKafka:
    """Use as a context manager. `sasl`, `tls` and `plain` are addresses."""

    def __init__(self, directory, authority):
        self._directory = directory
        self._authority = authority
        ports = []
        for _ in range(4):
            ports.append(free_port(HOST, taken=ports))
        self._plain, self._sasl, self._tls, self._controller = ports
        self.plain, self.sasl, self.tls = (f"{HOST}:{port}" for port in ports[:3])

    def __enter__(self):
        jars = kafka_jars(default_cache())
        argv = kafka.command(find_java(), jars, self._directory, HOST, self._plain, self._controller)
        with Path(argv[-1]).open("a") as file:
            # Of a key that stands there twice, the last one counts.
            file.write("".join(f"{key}={value}\n" for key, value in self._properties().items()))
        self._process = spawn(argv, {}, self._directory / "kafka.log")
        until(lambda: kafka.ready(self.plain), "the secure broker")
        admin = AdminClient({"bootstrap.servers": self.plain})
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            new = UserScramCredentialUpsertion(USER, ScramCredentialInfo(mechanism, 4096), PASSWORD.encode())
            for done in admin.alter_user_scram_credentials([new]).values():
                done.result()
        return self

    def __exit__(self, *_):
        stop([self._process], 30)

    def _properties(self):
        keystore = self._directory / "server.pem"
        certificate, key = self._authority.issue("broker", f"IP:{HOST}")
        keystore.write_text(key.read_text() + certificate.read_text())
        known = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
        # A properties file has its own escapes on top of those of JAAS.
        plain = f'{_MODULE}.plain.PlainLoginModule required user_{USER}="{known}";'.replace("\\", "\\\\")
        scram = f"{_MODULE}.scram.ScramLoginModule required;"
        return {
            "listeners": f"PLAIN://{self.plain},SECURE://{self.sasl},MUTUAL://{self.tls},"
            f"CONTROLLER://{HOST}:{self._controller}",
            "listener.security.protocol.map": "PLAIN:PLAINTEXT,SECURE:SASL_SSL,MUTUAL:SSL,"
            "CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAIN",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": keystore,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self._authority.ca,
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.secure.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "listener.name.secure.plain.sasl.jaas.config": plain,
            "listener.name.secure.scram-sha-256.sasl.jaas.config": scram,
            "listener.name.secure.scram-sha-512.sasl.jaas.config": scram,
        }

"""The least that a worker must be told, with nothing of a local stack."""

GIVEN = {
    "UCID_HOME": "/nonexistent/ucid",
    "UCID_KAFKA": "kafka-1:9092,kafka-2:9092",
    "UCID_REDIS": "redis://redis:6379/1",
    "UCID_GENERATIONS": "/srv/generations",
    "UCID_DELTA": "/srv/delta",
    "UCID_ID_KEY": "0123456789abcdef0123456789abcdef",
}

SASL = {"UCID_KAFKA_SECURITY": "sasl_ssl", "UCID_KAFKA_USER": "ann", "UCID_KAFKA_PASSWORD": "sesame"}

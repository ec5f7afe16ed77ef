"""Kafka to Redis: each event is in the ID graph moments after it happened."""

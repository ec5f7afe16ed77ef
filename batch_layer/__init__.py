"""Kafka and slow sources to Delta: rebuild the whole graph, publish a generation."""

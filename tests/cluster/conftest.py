"""A cluster of processes over a farm of mail servers."""

from tests.cluster.cluster import few_servers

__all__ = ["few_servers"]

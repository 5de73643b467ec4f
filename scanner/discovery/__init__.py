"""Room 3: from what the user names to what is probed."""

from scanner.discovery.catalogue import Catalogue
from scanner.discovery.discover import Discovery
from scanner.discovery.merge import Plan, merge
from scanner.discovery.mta_sts import MemoryCache, MtaSts
from scanner.discovery.plan import Planner

__all__ = ["Catalogue", "Discovery", "MemoryCache", "MtaSts", "Plan", "Planner", "merge"]

"""Room 3: from what the user names to what is probed."""

from scanner.discovery.plan import Plan, Planner, merge

__all__ = ["Plan", "Planner", "merge"]

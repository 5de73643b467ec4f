"""Room 4: the memory of the service, in SQLite or PostgreSQL, which no fault of theirs may hold up."""

from scanner.store.asking import QueryError, read_moment, read_query
from scanner.store.faults import NewerSchemaError, StoreError, StoreInUseError
from scanner.store.orders import add_order
from scanner.store.place import Place, default_path, find_place
from scanner.store.policies import StoredPolicies
from scanner.store.reader import Reader
from scanner.store.rewriting import Rewriter, rewriting
from scanner.store.store import Store
from scanner.store.values import (
    Entry,
    EventQuery,
    Kept,
    Known,
    Limits,
    Loss,
    Order,
    Owed,
    Pace,
    Remembered,
    Status,
)

__all__ = [
    "Entry",
    "EventQuery",
    "Kept",
    "Known",
    "Limits",
    "Loss",
    "NewerSchemaError",
    "Order",
    "Owed",
    "Pace",
    "Place",
    "QueryError",
    "Reader",
    "Remembered",
    "Rewriter",
    "Status",
    "Store",
    "StoreError",
    "StoreInUseError",
    "StoredPolicies",
    "add_order",
    "default_path",
    "find_place",
    "read_moment",
    "read_query",
    "rewriting",
]

"""Writes settings as YAML for people to read, with every secret masked."""

import re
from collections.abc import Mapping, Sequence

import yaml

_SECRET_KEY = re.compile(r"pass(?:word|wd|phrase)|secret|token|credential|api_?key|webhook", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)[^/?#\s]*@")
MASK = "***"


def write_masked(document: Mapping[str, object]) -> str:
    """Write plain values as YAML: secrets become `***`, whole numbers lose their `.0`."""
    return yaml.safe_dump(_mask(document), sort_keys=False, allow_unicode=True, default_flow_style=False)


def _mask(value: object, *, is_secret: bool = False) -> object:
    """Mask a value and all that is in it."""
    if isinstance(value, Mapping):
        return {key: _mask(item, is_secret=is_secret or _is_secret(key)) for key, item in value.items()}
    if isinstance(value, str):
        return MASK if is_secret else _USER_INFO.sub(f"{MASK}@", value)
    if isinstance(value, Sequence):
        return [_mask(item, is_secret=is_secret) for item in value]
    if is_secret and value is not None:
        return MASK
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_secret(key: object) -> bool:
    """Whether a key holds a secret; a `..._file` key holds only the secret's place."""
    return isinstance(key, str) and _SECRET_KEY.search(key) is not None and not key.endswith("_file")

"""Room 1: the configuration file, from YAML to frozen settings."""

from scanner.config.exclude import read_exclude_file
from scanner.config.load import load_settings, override, parse_settings
from scanner.config.problem import ConfigError, Problem
from scanner.config.settings import (
    Family,
    LimitSettings,
    PolicySettings,
    ProbeSettings,
    ResolverSettings,
    ScheduleSettings,
    Settings,
    default_settings,
)
from scanner.config.store_settings import StoreSettings
from scanner.config.web_settings import WebSettings

__all__ = [
    "ConfigError",
    "Family",
    "LimitSettings",
    "PolicySettings",
    "ProbeSettings",
    "Problem",
    "ResolverSettings",
    "ScheduleSettings",
    "Settings",
    "StoreSettings",
    "WebSettings",
    "default_settings",
    "load_settings",
    "override",
    "parse_settings",
    "read_exclude_file",
]

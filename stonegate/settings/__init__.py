"""Every setting, declared once with all of its names, and read from where it was set.

`values` → `table` → `read` → `unknown`: what a text may say, what there is to be set, which of the places that set it
counts, and what was set that is none of these.
"""

from stonegate.settings.read import CONFIG_FILE, read_settings
from stonegate.settings.table import MIB, Setting, Settings, every_setting
from stonegate.settings.unknown import unknown_variables
from stonegate.settings.values import Network, seconds

__all__ = [
    "CONFIG_FILE",
    "MIB",
    "Network",
    "Setting",
    "Settings",
    "every_setting",
    "read_settings",
    "seconds",
    "unknown_variables",
]

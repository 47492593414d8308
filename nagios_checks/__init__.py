"""Nagios and Icinga checks: none yet; the package is here because its name is part of the layout."""

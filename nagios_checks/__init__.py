"""Nagios and Icinga: the checks, and what hands their results over without being asked.

Imported by every check that starts: nothing may be imported here.
"""

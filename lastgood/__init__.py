"""lastgood: how old is each workload's last good backup, and could it be restored in time."""

__version__ = "0.1.0"

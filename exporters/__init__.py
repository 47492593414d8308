"""Everything that talks to a backup product. `OWNER` marks this package as lastgood's: its name is common."""

OWNER = "lastgood"

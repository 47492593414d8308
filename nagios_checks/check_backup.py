#!/usr/bin/python3 -I
"""check_backup: everything of an owner, a tier or a pattern in one service."""

import os
import sys


def main() -> None:
    """Ends the process by the state, whatever happens."""
    try:
        from nagios_checks.plugin import check
    except BaseException as error:  # a traceback would end by 1, which Nagios takes for WARNING
        told = ascii(str(error)).replace("|", "/")[:200]
        try:
            os.write(1, b"BACKUP UNKNOWN - the plugins are not installed well: %s\n" % told.encode())
        finally:
            os._exit(3)
    check("check_backup")


if __name__ == "__main__":
    # Run by its path, perhaps by a link to it: the package is the folder it lies in.
    sys.path.insert(0, os.path.realpath(__file__).rsplit("/", 2)[0])
    main()

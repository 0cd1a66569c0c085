#!/usr/bin/env python
"""Django's command line for GlobalMart OMS."""

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Run the command named on the command line; settings come from the environment."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "globalmart.settings")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

#!/usr/bin/env python
"""Django's command line for Countersign."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")
    from django.core.management import execute_from_command_line

    from assistant.error_texts import told

    told(execute_from_command_line, sys.argv)


if __name__ == "__main__":
    main()

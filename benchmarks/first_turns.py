"""The first N single-turn rows of an `evaluate drafts` file: first_turns.py FILE N."""

from __future__ import annotations

import json
import sys


def main() -> None:
    path, count = sys.argv[1], int(sys.argv[2])
    with open(path, encoding="utf-8") as file:
        rows = [line for line in file if len(json.loads(line).get("thread", [])) <= 1]
    sys.stdout.writelines(rows[:count])


if __name__ == "__main__":
    main()

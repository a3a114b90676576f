"""Command line of the package: `python -m radui COMMAND …`; each command has its own --help."""

import argparse
import sys
from collections.abc import Callable, Sequence

from radui.commands import report, store

COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {"report": report.main, "store": store.main}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the line names and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m radui", description="Commands beside the page (app.py).")
    commands = "report: a folder of studies; store: files of ratings"
    parser.add_argument("command", choices=sorted(COMMANDS), help=commands)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="see `python -m radui COMMAND --help`")
    options = parser.parse_args(arguments)
    return COMMANDS[options.command](options.arguments)


if __name__ == "__main__":
    sys.exit(main())

"""Print the counts of a data set: python -m train.data --format iu_xray --data <folder>."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from train.data.chexpert import read_chexpert
from train.data.iu_xray import read_iu_xray
from train.data.mimic_cxr import read_mimic_cxr
from train.data.openi import read_openi
from train.data.study import DataError, StudyRow, summary

FORMATS = ("iu_xray", "openi", "mimic_cxr", "chexpert")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the data set that the command line names and print its counts; 1 if it cannot be read."""
    options = _options(arguments)
    try:
        print(summary(_read(options)))
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train.data", description="Print a data set's counts.")
    parser.add_argument("--format", choices=FORMATS, required=True)
    parser.add_argument("--data", type=Path, required=True, help="the data set's folder")
    parser.add_argument("--reports", type=Path, help="mimic_cxr: folder of the reports (default: --data)")
    parser.add_argument("--annotation", type=Path, help="openi: R2Gen's annotation.json, for its split")
    return parser.parse_args(arguments)


def _read(options: argparse.Namespace) -> list[StudyRow]:
    if options.format == "iu_xray":
        return read_iu_xray(options.data)
    if options.format == "openi":
        return read_openi(options.data, options.annotation)
    if options.format == "mimic_cxr":
        return read_mimic_cxr(options.data, options.reports or options.data)
    return read_chexpert(options.data)


if __name__ == "__main__":
    sys.exit(main())

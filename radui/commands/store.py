"""`python -m radui store …`: backup, check, export, merge, create-study, add-reader, change-reader."""

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from radui.engine import Engine, EngineError
from radui.processing.case_folder import CaseFolderError
from radui.processing.errors import ImageError
from radui.store import maintenance
from radui.store.connection import Store, connect
from radui.store.errors import StoreError
from radui.store.export import as_jsonl, export_zip, preference_pairs
from radui.store.merge import merge
from radui.store.migrations import open_store
from radui.store.plan import Questions, StudyPlan
from radui.store.queues import add_study_reader
from radui.store.readers import add_reader, find_reader, set_active, set_password
from radui.store.tables import find_study

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
EXPECTED = (StoreError, EngineError, ImageError, CaseFolderError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 1 with one sentence on standard error where it cannot."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except EXPECTED as error:
        print(error, file=sys.stderr)
        return 1


def _existing(path: Path) -> Store:
    """A mistyped name must not make a new file."""
    connect(path).close()
    return open_store(path)


def _backup(options: argparse.Namespace) -> int:
    print(f"Copied to {maintenance.backup(_existing(options.db), options.target)}.")
    return 0


def _check(options: argparse.Namespace) -> int:
    problems = maintenance.check(_existing(options.db))
    print("\n".join(problems) or f"{options.db} is sound.")
    return 1 if problems else 0


def _export(options: argparse.Namespace) -> int:
    store = _existing(options.db)
    if options.dpo:
        pairs = as_jsonl(preference_pairs(store, find_study(store, options.dpo)))
        options.target.write_text(pairs, encoding="utf-8")
    else:
        export_zip(store, options.target)
    print(f"Exported to {options.target}.")
    return 0


def _merge(options: argparse.Namespace) -> int:
    store = _existing(options.db)
    for path in options.files:
        report = merge(store, _existing(path))
        print(f"{path}: {report.added['rating_events']} new ratings, {report.pictures} new pictures.")
        for name, here in report.renamed.items():
            print(f"{path}: the reader {name} is {here} here.")
    return 0


def _add_reader(options: argparse.Namespace) -> int:
    password = None if options.sso else _asked_password()
    reader = add_reader(open_store(options.db), options.name, options.role, password)
    print(f"Added the {reader.role} {reader.name}.")
    return 0


def _change_reader(options: argparse.Namespace) -> int:
    store = _existing(options.db)
    if options.password:
        set_password(store, options.name, _asked_password())
    if options.active is not None:
        set_active(store, options.name, options.active)
    if options.join:
        add_study_reader(store, find_study(store, options.join), find_reader(store, options.name).reader_id)
    print(f"Changed {options.name}.")
    return 0


def _asked_password() -> str:
    return getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


def _create_study(options: argparse.Namespace) -> int:
    from radui.reading_study import check_systems, create_from_folder, engine_reports, ready_systems

    engine = Engine(options.checkpoints, options.device)
    systems = tuple(options.systems or ready_systems(engine))
    check_systems(engine, systems, options.draw)
    plan = StudyPlan(
        title=options.title,
        systems=systems,
        design=options.design,
        include_reference=options.include_reference,
        readers_per_case=options.readers_per_case,
        repeat_share=options.repeat_share,
        seed=options.seed,
        reveal_names=options.reveal_names,
        instructions=options.instructions.read_text(encoding="utf-8") if options.instructions else "",
        questions=Questions(pictures=options.draw),
    )
    store, generate = open_store(options.db), engine_reports(engine, options.draw)
    study_id = create_from_folder(store, plan, options.cases, options.readers, generate, print)
    print(json.dumps({"study_id": study_id, "title": plan.title}))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m radui store", description="Files of readers' ratings.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (run, summary, fill) in _COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        command.add_argument("db", type=Path, help="the SQLite file")
        fill(command)
        command.set_defaults(run=run)
    return parser


def _target(command: argparse.ArgumentParser) -> None:
    command.add_argument("target", type=Path, help="the new file")


def _export_options(command: argparse.ArgumentParser) -> None:
    _target(command)
    command.add_argument("--dpo", metavar="TITLE", help="only the preference pairs of this study, as JSONL")


def _merge_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", type=Path, nargs="+", help="files of other sites, pictures beside them")


def _reader_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("name")
    command.add_argument("--role", choices=("reader", "admin"), default="reader")
    command.add_argument(
        "--sso", action="store_true", help="no password: comes through a proxy's single sign-on"
    )


def _change_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("name")
    command.add_argument("--password", action="store_true", help="ask for a new one")
    command.add_argument("--lock", dest="active", action="store_false", default=None, help="keep out")
    command.add_argument("--unlock", dest="active", action="store_true", help="let in again")
    command.add_argument("--join", metavar="TITLE", help="give a queue in this open study")


def _study_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("cases", type=Path, help="folder: a picture or a folder of pictures is a case")
    command.add_argument("--title", required=True)
    command.add_argument("--readers", nargs="+", required=True, metavar="NAME", help="added by add-reader")
    command.add_argument("--systems", nargs="+", metavar="NAME", help="default: all that are trained")
    command.add_argument("--design", choices=("pairwise", "side_by_side"), default="side_by_side")
    command.add_argument(
        "--include-reference", action="store_true", help="the reference report as a candidate"
    )
    command.add_argument(
        "--readers-per-case", type=int, metavar="N", help="default: every reader, every case"
    )
    command.add_argument(
        "--repeat-share", type=float, default=0.0, help="share of tasks shown twice (%(default)s)"
    )
    command.add_argument("--seed", type=int, default=0, help="of queues and letters (%(default)s)")
    command.add_argument("--reveal-names", action="store_true", help="tell the systems after a submission")
    command.add_argument(
        "--draw", action="store_true", help="draw each report by AdaMatch-Cyclic and ask about the picture"
    )
    command.add_argument("--instructions", type=Path, help="text file for the readers")
    command.add_argument("--checkpoints", type=Path, default=CHECKPOINTS)
    command.add_argument("--device", default="cpu")


_Command = tuple[Callable[[argparse.Namespace], int], str, Callable[[argparse.ArgumentParser], None]]
_COMMANDS: dict[str, _Command] = {
    "backup": (_backup, "Copy the file and its pictures while they are in use.", _target),
    "check": (_check, "Say what is wrong with the file, or that nothing is.", lambda command: None),
    "export": (_export, "Write all tables as CSV and JSONL into a zip.", _export_options),
    "merge": (_merge, "Take over the ratings of other sites, each once.", _merge_options),
    "create-study": (_create_study, "Prepare a reading study; run it again to go on.", _study_options),
    "add-reader": (
        _add_reader,
        "Add a reader; the password is asked for or read from stdin.",
        _reader_options,
    ),
    "change-reader": (
        _change_reader,
        "Give a reader a new password or a study to join, or keep the reader out.",
        _change_options,
    ),
}

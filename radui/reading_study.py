"""A reading study from cases, its reports written ahead by the engine; for the command and the page."""

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

from radui.engine import NEEDED, Engine, EngineError
from radui.processing.case_folder import CaseFiles, list_cases, read_case
from radui.records import Prediction, Radiograph, Study
from radui.render.synthesis import as_radiograph
from radui.store.connection import Store
from radui.store.creation import create_study, prepare_case
from radui.store.plan import Generate, GeneratedReport, NewCase, StudyPlan
from radui.store.queues import open_study
from radui.store.readers import find_reader

Say = Callable[[str], None]
_WEIGHTS = (".json", ".safetensors")


def create_from_folder(
    store: Store, plan: StudyPlan, folder: Path, readers: Sequence[str], generate: Generate, say: Say
) -> str:
    """Store the cases of a folder with a report of each system, open the study to the readers; its study_id.

    The same call goes on after an interruption: what was written is not written again.
    """
    reader_ids = [find_reader(store, name).reader_id for name in readers]
    cases = list_cases(folder)
    study_id = create_study(store, plan)
    for number, files in enumerate(cases, 1):
        written = prepare_case(store, study_id, _new_case(files), generate)
        say(f"Case {number} of {len(cases)}, {files.name}: {written} reports written.")
    open_study(store, study_id, reader_ids)
    return study_id


def ready_systems(engine: Engine) -> tuple[str, ...]:
    """Names of the systems that can write now."""
    return tuple(status.name for status in engine.systems() if status.problem is None)


def check_systems(engine: Engine, systems: Sequence[str], draw: bool = False) -> None:
    """EngineError where one cannot write, or none can draw and it shall, before any case is read."""
    problems = {status.name: status.problem for status in engine.systems()}
    for name in systems:
        if name not in problems:
            raise EngineError(f"There is no system {name!r}; choose from {', '.join(problems)}.")
        if problem := problems[name]:
            raise EngineError(problem)
    if draw and (problem := engine.synthesis_problem()):
        raise EngineError(problem)


def engine_reports(engine: Engine, draw: bool = False) -> Generate:
    """Reports of the engine with the hash of what wrote them; draw: with the radiograph drawn to each."""
    drawing = engine.drawing() if draw else ()

    @cache
    def digest(system: str) -> str:
        return checkpoint_sha256(engine.checkpoints, tuple(dict.fromkeys((system, *NEEDED, *drawing))))

    def generate(system: str, study: Study) -> GeneratedReport:
        prediction = complete_report(engine, system, study)
        picture = drawn_picture(engine, prediction.report) if draw else None
        return GeneratedReport(prediction.report, digest(system), prediction.seconds, picture)

    return generate


def drawn_picture(engine: Engine, report: str) -> Radiograph | None:
    """The radiograph drawn to a report, marked SYNTHETIC; None where this report cannot be drawn."""
    try:
        *_, last = engine.synthesise(report)
    except ValueError:  # it is too long, or says nothing that the model knows
        return None
    return as_radiograph(last) if last.complete else None


def complete_report(
    engine: Engine, system: str, study: Study, labels: Sequence[str] | None = None
) -> Prediction:
    """The finished prediction of one system with its evidence; raises as `Engine.predict`."""
    last = None
    for prediction in engine.predict(system, study, labels):
        last = prediction
    if last is None or not last.complete:
        raise EngineError(f"The system {system} did not finish its report; run it again.")
    return last


def checkpoint_sha256(checkpoints: Path, names: Sequence[str]) -> str:
    """One SHA-256 over the weights and configurations of checkpoints, each file with its name."""
    whole = sha256()
    for name in names:
        for path in sorted(each for each in (checkpoints / name).iterdir() if each.suffix in _WEIGHTS):
            with path.open("rb") as file:
                content = sha256()
                while block := file.read(1 << 20):
                    content.update(block)
            whole.update(f"{name}/{path.name} {content.hexdigest()}\n".encode())
    return whole.hexdigest()


def _new_case(files: CaseFiles) -> NewCase:
    study, reference = read_case(files)
    return NewCase(files.name, study, reference)

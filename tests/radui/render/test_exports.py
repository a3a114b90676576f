import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pydicom
import pytest

from radui.observations import OBSERVATIONS, State
from radui.records import (
    Evidence,
    Finding,
    Frame,
    GateVerdict,
    PoolingMap,
    Prediction,
    Radiograph,
    Study,
    Token,
    WordMaps,
)
from radui.render.exports import Case, case_arrays, case_json, case_text
from radui.render.report_pdf import _report_pages, _table_page, _write_warning, case_pdf
from radui.render.report_sr import DEVICE_NAME, FINDING, SERIAL, case_sr
from radui.ui.downloads import KINDS

FRAME = Frame((40, 30), (16, 16), (0.4, 0.5), (0.0, 0.5))
WEIGHTS = np.random.default_rng(0).uniform(size=(2, 1, 2, 1, 4, 4)).astype(np.float32)
PIXELS = np.linspace(0, 1, 1200, dtype=np.float32).reshape(30, 40)
STUDY = Study((Radiograph((PIXELS * 255).astype(np.uint8), PIXELS, "frontal"),), "Cough.")
FINDINGS = tuple(Finding(name, State.NEGATIVE, (0.2, 0.1, 0.6, 0.1)) for name in OBSERVATIONS)


def predicted(system: str, report: str, evidence: Evidence) -> Prediction:
    tokens = (Token("The", 0, 3, 0.9), Token("heart", 4, 9, 0.8))
    return Prediction(system, report, tokens, FINDINGS, evidence, 1.25, complete=True)


@pytest.fixture
def case() -> Case:
    maps = WordMaps(WEIGHTS, (FRAME,))
    return Case(
        STUDY,
        {
            "XProNet": predicted("xpronet", "The heart is enlarged.", Evidence(word_maps=maps)),
            "MedRAT": predicted(
                "medrat", "The heart is normal.", Evidence(pooling=PoolingMap(WEIGHTS[0, 0, 0], (FRAME,)))
            ),
        },
        FINDINGS,
        "Cardiomegaly.",
    )


def test_the_text_has_every_report_and_what_it_states(case):
    text = case_text(case)
    for line in ("Indication: Cough.", "XPRONET (1.2 s)", "The heart is enlarged.", "REFERENCE"):
        assert line in text.splitlines()
    assert "States: Cardiomegaly positive." in text
    assert "  Edema: 0.20" in text
    assert text.startswith("Research use only")


def test_json_gives_the_records_again(case):
    document = json.loads(case_json(case))
    report = document["reports"]["XProNet"]
    assert report["report"] == "The heart is enlarged."
    assert report["tokens"][1] == {"text": "heart", "start": 4, "end": 9, "probability": 0.8}
    assert report["stated"]["Cardiomegaly"] == "positive"
    assert document["classifier"][4]["observation"] == "Edema"
    assert document["classifier"][4]["probabilities"]["negative"] == pytest.approx(0.6)
    assert document["scores"]["XProNet"]["f1"] == 1
    assert document["scores"]["MedRAT"]["missing"] == ["Cardiomegaly"]
    assert document["views"] == [{"size": [40, 30], "view": "frontal"}]


def test_arrays_come_back_to_the_last_bit_with_their_description(case):
    archive = zipfile.ZipFile(io.BytesIO(case_arrays(case)))
    assert sorted(archive.namelist()) == ["description.json", "medrat.npz", "xpronet.npz"]
    arrays = np.load(io.BytesIO(archive.read("xpronet.npz")))
    np.testing.assert_array_equal(arrays["word_maps.weights"], WEIGHTS)
    described = json.loads(archive.read("description.json"))["systems"]
    assert described["xpronet"]["arrays"]["word_maps.weights"]["shape"] == list(WEIGHTS.shape)
    assert described["xpronet"]["word_maps.frames"][0]["original_size"] == [40, 30]
    assert described["xpronet"]["tokens"] == ["The", "heart"]
    assert list(described["medrat"]["arrays"]) == ["pooling.weights"]


def test_the_pdf_is_one_and_names_nobody(case):
    pdf = case_pdf(case)
    assert pdf.startswith(b"%PDF")
    assert b"/Count 2" in pdf
    assert b"CreationDate" not in pdf


def test_a_report_that_does_not_fit_goes_on_to_the_next_page(case):
    long = predicted("otdrg", "The lungs are clear. " * 200, Evidence())
    more = Case(STUDY, {**case.predictions, "OTDRG": long}, FINDINGS)
    assert b"/Count 3" in case_pdf(more)


def test_without_a_reference_there_are_no_scores(case):
    plain = Case(case.study, case.predictions)
    assert plain.scores() == {}
    assert json.loads(case_json(plain))["scores"] == {}
    assert "REFERENCE" not in case_text(plain)
    assert "CLASSIFIER" not in case_text(plain)


DOUBTFUL = GateVerdict(0.03, False, "frontal", 0.9)
PASSED = GateVerdict(0.98, True, "frontal", 0.9)
WARNING = "Picture 1 does not look like a chest radiograph."


def items(container):
    """Every content item under a container, depth first."""
    for one in container.get("ContentSequence", []):
        yield one
        yield from items(one)


def texts(container, code=None):
    return [
        one.TextValue
        for one in items(container)
        if one.ValueType == "TEXT" and (code is None or one.ConceptNameCodeSequence[0].CodeValue == code[0])
    ]


def pdf_text(case):
    """What stands on the pages; matplotlib writes glyphs, so the figures are asked before they are drawn."""
    pages = [*_report_pages(case), _table_page(case)]
    for page in pages:
        _write_warning(page, case.warning)
    return ["\n".join(text.get_text() for text in page.texts) for page in pages]


def read_kind(kind, case):
    """The words of a saved file of one kind, a list of all parts that may be handed on alone."""
    data = KINDS[kind][2](case)
    if kind == "pdf":
        return pdf_text(case)
    if kind == "arrays":
        return [zipfile.ZipFile(io.BytesIO(data)).read("description.json").decode()]
    if kind == "sr":
        return ["\n".join(texts(pydicom.dcmread(io.BytesIO(data))))]
    return [data.decode()]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_carries_the_notice_and_the_gates_warning(case, kind):
    for part in read_kind(kind, replace(case, verdicts=(DOUBTFUL,))):
        assert WARNING in part
        assert "Research use only" in part
    for part in read_kind(kind, replace(case, verdicts=(PASSED,))):
        assert "WARNING" not in part
    for part in read_kind(kind, case):
        assert "was not checked" in part


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_names_the_weights(case, kind):
    weights = {"XProNet": "a1" * 32}
    assert "a1a1a1a1a1a1" in "".join(read_kind(kind, replace(case, checkpoints=weights)))


class TestStructuredReport:
    @pytest.fixture
    def document(self, case):
        written = replace(case, checkpoints={"XProNet": "a1" * 32})
        return pydicom.dcmread(io.BytesIO(case_sr(written)))

    def test_it_is_a_basic_text_sr_that_is_preliminary_and_of_nobody(self, document):
        assert document.SOPClassUID.name == "Basic Text SR Storage"
        assert document.Modality == "SR"
        assert (document.PreliminaryFlag, document.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")
        assert document.PatientName == document.PatientID == ""
        assert document.ConceptNameCodeSequence[0].CodeMeaning == "Diagnostic imaging report"
        assert len(document.ContentDate) == 8

    def test_each_system_observes_as_a_device_with_its_weights(self, document):
        systems = [one for one in document.ContentSequence if one.ValueType == "CONTAINER"]
        names = [texts(one, DEVICE_NAME) for one in systems]
        assert names == [["XProNet"], ["MedRAT"], ["Observation classifier"]]
        assert texts(systems[0], SERIAL) == ["a1" * 32]
        assert texts(systems[0], FINDING) == ["The heart is enlarged.", "Cardiomegaly: positive"]
        assert "Edema: negative, present with 0.20" in texts(systems[2], FINDING)

    def test_only_what_a_basic_text_sr_may_hold(self, document):
        # PS3.3 table A.35.1-2
        kinds = {(one.RelationshipType, one.ValueType) for one in items(document)}
        assert kinds == {
            ("CONTAINS", "TEXT"),
            ("CONTAINS", "CONTAINER"),
            ("HAS CONCEPT MOD", "CODE"),
            ("HAS OBS CONTEXT", "CODE"),
            ("HAS OBS CONTEXT", "UIDREF"),
            ("HAS OBS CONTEXT", "TEXT"),
        }

    def test_any_letters_come_back(self, case):
        odd = replace(case, reference="Cœur élargi. Κανένα. 心臓")
        assert any("心臓" in text for text in texts(pydicom.dcmread(io.BytesIO(case_sr(odd)))))

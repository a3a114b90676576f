import io
import json
import zipfile

import numpy as np
import pytest

from radui.observations import OBSERVATIONS, State
from radui.records import (
    Evidence,
    Finding,
    Frame,
    PoolingMap,
    Prediction,
    Radiograph,
    Study,
    Token,
    WordMaps,
)
from radui.render.exports import Case, case_arrays, case_json, case_text
from radui.render.report_pdf import case_pdf

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

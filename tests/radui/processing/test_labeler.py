import pytest
from hypothesis import given
from hypothesis import strategies as st

from radui.observations import OBSERVATIONS, State
from radui.processing.labeler import Mention, label, mentions, silver
from radui.processing.reports import clean, display, sentences

SHORT = {
    "mediastinum": "Enlarged Cardiomediastinum",
    "heart": "Cardiomegaly",
    "opacity": "Lung Opacity",
    "lesion": "Lung Lesion",
    "edema": "Edema",
    "consolidation": "Consolidation",
    "pneumonia": "Pneumonia",
    "atelectasis": "Atelectasis",
    "pneumothorax": "Pneumothorax",
    "effusion": "Pleural Effusion",
    "pleura": "Pleural Other",
    "fracture": "Fracture",
    "devices": "Support Devices",
}
SIGNS = {"+": State.POSITIVE, "-": State.NEGATIVE, "?": State.UNCERTAIN}


def stated(report: str) -> dict[str, State]:
    """What a report says of every observation but "No Finding"."""
    return {
        name: state
        for name, state in label(report).items()
        if state != State.UNMENTIONED and name != "No Finding"
    }


def expectation(text: str) -> dict[str, State]:
    return {SHORT[word[1:]]: SIGNS[word[0]] for word in text.split()}


SENTENCES = [
    # mention
    ("There is mild cardiomegaly.", "+heart"),
    ("The cardiac silhouette is moderately enlarged.", "+heart"),
    ("Enlargement of the cardiac silhouette.", "+heart"),
    ("Small bilateral pleural effusions.", "+effusion"),
    ("Patchy opacities and airspace disease at both bases.", "+opacity"),
    ("Air-space disease of the lingula.", "+opacity"),
    ("A nodule and two masses.", "+lesion"),
    ("A round opacity measures 2.5 cm.", "+opacity +lesion"),
    ("A nodular opacity measures 8 mm.", "+lesion"),
    ("Pulmonary vascular congestion.", "+edema"),
    ("Congestive heart failure.", "+heart +edema"),
    ("Bibasilar subsegmental atelectasis.", "+atelectasis"),
    ("Collapse of the left lower lobe.", "+atelectasis"),
    ("Right hydropneumothorax.", "+pneumothorax +effusion"),
    ("Biapical pleural thickening.", "+pleura"),
    ("Healed rib fractures on the left.", "+fracture"),
    ("Widening of the superior mediastinum.", "+mediastinum"),
    ("Hilar lymphadenopathy.", "+mediastinum"),
    ("Right upper lobe consolidation consistent with pneumonia.", "+consolidation +pneumonia"),
    # negation
    ("No pneumothorax.", "-pneumothorax"),
    ("No focal consolidation, large effusion, or pneumothorax.", "-consolidation -effusion -pneumothorax"),
    ("There is no evidence of pneumonia or edema.", "-pneumonia -edema"),
    ("The lungs are free of focal airspace disease.", "-opacity"),
    ("Negative for fracture.", "-fracture"),
    ("Hyperexpanded lungs without effusion.", "-effusion"),
    ("Neither effusion nor pneumothorax is seen.", "-effusion -pneumothorax"),
    ("No opacity to suggest pneumonia.", "-opacity -pneumonia"),
    ("No acute, displaced rib fractures are demonstrated.", "-fracture"),
    ("Pneumothorax is not seen.", "-pneumothorax"),
    ("Edema, effusion or mass is not identified.", "-edema -effusion -lesion"),
    ("Pneumonia is unlikely.", "-pneumonia"),
    ("No heart failure.", "-edema"),
    # normal structures
    ("The heart is normal in size.", "-heart"),
    ("Heart size and mediastinal contours are within normal limits.", "-heart -mediastinum"),
    ("Normal cardiomediastinal silhouette.", "-heart -mediastinum"),
    ("The heart is not enlarged.", "-heart"),
    ("The heart is not normal in size.", "+heart"),
    ("Heart size is at the upper limits of normal.", "-heart"),
    ("Heart: normal. Lungs: clear.", "-heart -opacity"),
    ("The lungs are clear.", "-opacity"),
    ("The lungs are not clear.", "+opacity"),
    ("The pleural spaces are clear.", "-effusion"),
    ("The bony thorax is intact.", "-fracture"),
    ("The heart is stable.", ""),
    ("Lung volumes are normal.", ""),
    # uncertainty
    ("Borderline heart size.", "?heart"),
    ("Borderline cardiomegaly.", "?heart"),
    ("Possible small effusion.", "?effusion"),
    ("The opacity may represent atelectasis or pneumonia.", "+opacity ?atelectasis ?pneumonia"),
    ("Atelectasis versus infiltrate at the left base.", "?atelectasis ?opacity"),
    ("Findings suspicious for pneumonia.", "?pneumonia"),
    ("Pneumonia is in the differential.", "?pneumonia"),
    ("If a fracture is suspected, rib views are advised.", "?fracture"),
    ("The nodule is not well seen.", "?lesion"),
    # traps
    ("No change in the pleural effusion.", "+effusion"),
    ("No significant interval change in cardiomegaly.", "+heart"),
    ("The effusion is not significantly changed.", "+effusion"),
    ("A fracture is not excluded.", "?fracture"),
    ("Pneumonia cannot be entirely excluded.", "?pneumonia"),
    ("Cannot exclude a small effusion.", "?effusion"),
    ("CT is advised to rule out a nodule.", "?lesion"),
    ("No doubt there is a nodule.", "+lesion"),
    ("The nodule is not seen on the lateral view.", "+lesion"),
    ("Without prior comparison the opacity is of unknown age.", "+opacity"),
    ("No increased effusion.", "-effusion"),
    ("No increase in the effusion.", "+effusion"),
    # scope and conjunction
    ("No effusion, but there is a small pneumothorax.", "-effusion +pneumothorax"),
    ("No pneumothorax, mild atelectasis at the left base.", "-pneumothorax +atelectasis"),
    ("There is no pneumothorax and the heart is enlarged.", "-pneumothorax +heart"),
    ("No pneumonia; cardiomegaly is stable.", "-pneumonia +heart"),
    ("Although no pneumothorax is seen, an effusion is present.", "-pneumothorax +effusion"),
    ("Cardiomegaly without edema.", "+heart -edema"),
    ("Mild cardiomegaly, effusion not seen.", "+heart -effusion"),
    ("No mild or moderate effusion.", "-effusion"),
    ("The heart is normal and the mediastinum is widened.", "-heart +mediastinum"),
    ("the heart is enlarged the lungs are clear no effusion", "+heart -opacity -effusion"),
    ("the heart is stable the lungs are normal .", "-opacity"),
    # resolved findings
    ("The effusion has resolved.", "-effusion"),
    ("Interval resolution of the pneumothorax.", "-pneumothorax"),
    ("A previous pneumothorax is no longer visible.", "-pneumothorax"),
    ("Near-complete resolution of the effusion.", "+effusion"),
    ("Cleared left opacity with persistent edema.", "-opacity +edema"),
    ("History of pneumonia.", ""),
    # devices
    ("Right PICC with its tip in the SVC.", "+devices"),
    ("A dual-chamber pacemaker and a chest tube.", "+devices"),
    ("The endotracheal tube has been removed.", "-devices"),
    ("Removal of the central venous catheter.", "-devices"),
    ("The central line is unchanged.", "+devices"),
    ("Sternotomy wires and clips.", ""),
    # words that mean something else
    ("Pericardial effusion.", ""),
    ("Soft tissue edema of the ankle.", ""),
    ("Sequelae of old granulomatous infection.", ""),
    ("A fractured sternotomy wire.", ""),
    ("Degenerative changes of the spine.", ""),
]


@pytest.mark.parametrize(("report", "expected"), SENTENCES, ids=[report for report, _ in SENTENCES])
def test_sentence(report: str, expected: str) -> None:
    assert stated(report) == expectation(expected)


# Cleaning deletes commas and semicolons, on which the meaning of these hangs.
NEED_PUNCTUATION = (
    "No pneumonia; cardiomegaly is stable.",
    "Mild cardiomegaly, effusion not seen.",
)


@pytest.mark.parametrize("report", [r for r, _ in SENTENCES if r not in NEED_PUNCTUATION])
def test_cleaned_and_displayed_text_reads_alike(report: str) -> None:
    assert label(clean(report)) == label(report)
    assert label(display(clean(report))) == label(report)


def test_mentions_are_put_together_by_weight() -> None:
    report = "No effusion on the left. Possible effusion on the right."
    assert label(report)["Pleural Effusion"] == State.UNCERTAIN
    assert label(report + " Small right effusion.")["Pleural Effusion"] == State.POSITIVE


@pytest.mark.parametrize(
    ("report", "state"),
    [
        ("", State.POSITIVE),
        ("The heart is normal. No effusion.", State.POSITIVE),
        ("Left chest tube. No pneumothorax.", State.POSITIVE),
        ("Possible small effusion.", State.UNMENTIONED),
        ("Cardiomegaly.", State.UNMENTIONED),
    ],
)
def test_no_finding_follows_from_the_rest(report: str, state: State) -> None:
    assert label(report)["No Finding"] == state


def test_labels_come_in_the_canonical_order() -> None:
    assert tuple(label("Edema and cardiomegaly.")) == OBSERVATIONS


def test_silver_counts_uncertain_as_present() -> None:
    states = label("Possible effusion. Cardiomegaly. No edema.")
    present = {name for name, value in silver(states).items() if value}
    assert present == {"Pleural Effusion", "Cardiomegaly"}
    assert set(silver(states).values()) == {0, 1}


def test_mentions_point_into_the_report() -> None:
    report = "Dr. Lee: CARDIOMEGALY. No effusion or\npneumothorax."
    assert mentions(report) == [
        Mention("Cardiomegaly", State.POSITIVE, 9, 21, 0),
        Mention("Pleural Effusion", State.NEGATIVE, 26, 34, 1),
        Mention("Pneumothorax", State.NEGATIVE, 38, 50, 1),
    ]
    assert report[9:21] == "CARDIOMEGALY"


def test_offsets_hold_after_letters_that_change_length_in_lower_case() -> None:
    report = "İİİİ İstanbul. Large effusion."
    (mention,) = mentions(report)
    assert report[mention.start : mention.end] == "effusion"


@pytest.mark.parametrize(
    "report",
    [
        "<p>No <b>effusion</b></p>",
        "<script>alert('x')</script>",
        "胸水なし。",
        "Лёгкие чистые.",
        "\x00\ufffd",
        "...",
    ],
)
def test_odd_text_is_read(report: str) -> None:
    assert set(stated(report).values()) <= {State.NEGATIVE}


phrases = st.sampled_from(
    ["no", "effusion", ",", "may", "heart", "is", "normal", "enlarged", ".", "\n\n", "or", "İ", "XXXX", "not"]
)


@given(st.lists(phrases, max_size=25).map(" ".join))
def test_mentions_lie_in_their_sentence(report: str) -> None:
    spans = sentences(report)
    for mention in mentions(report):
        sentence = spans[mention.sentence]
        assert sentence.start <= mention.start < mention.end <= sentence.end


@pytest.mark.parametrize(
    "piece",
    [
        "effusion ",
        "effusion or ",
        "no ",
        "heart ",
        "heart, ",
        "a",
        " ",
        "not normal ",
        "no edema , mild ",
        "scar",
    ],
)
def test_long_runs_without_a_stop_are_read(piece: str) -> None:
    report = piece * (50_000 // len(piece))
    assert (len(mentions(report)) > 0) == any(word in piece for word in ("effusion", "edema", "scar"))


def test_a_megabyte_is_read() -> None:
    report = "no effusion , mild edema and <b> the heart is normal " * 20_000
    assert len(report) > 1_000_000
    assert len(mentions(report)) == 60_000
    assert stated(report) == expectation("+edema -effusion -heart")

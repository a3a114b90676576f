"""From plan to an open study: reports written once, resumed, and never twice."""

from dataclasses import replace

import pytest

from radui.store.creation import create_study, prepare_case
from radui.store.errors import NotFoundError, RuleError
from radui.store.plan import GeneratedReport, Questions, StudyPlan
from radui.store.queues import open_study
from radui.store.readers import add_reader
from radui.store.tables import find_study, list_studies, read_table

PLAN = StudyPlan("first", ("xpronet", "medrat"), include_reference=True)


def test_candidates_are_stored_as_written_and_as_shown_with_what_wrote_them(store, case, writer):
    study_id = create_study(store, PLAN)
    prepare_case(store, study_id, case(1), writer)
    rows = {row["system"]: row for row in read_table(store, "candidates")}
    assert rows.keys() == {"xpronet", "medrat", "reference"}
    assert rows["xpronet"]["report"] == "the heart is normal in size . the lungs are clear . "
    assert rows["xpronet"]["shown_report"] == "The heart is normal in size. The lungs are clear."
    assert rows["medrat"]["shown_report"] == "Heart size is enlarged. There is a small left effusion."
    assert "letter case" in rows["medrat"]["normalisations_json"]
    assert rows["xpronet"]["checkpoint_sha256"] == "xpronet-sha"
    assert rows["reference"]["checkpoint_sha256"] is None


def test_an_interrupted_preparation_goes_on_where_it_stopped(store, case, writer):
    calls = []

    def write_until_the_power_fails(system, study):
        calls.append(system)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return writer(system, study)

    def prepare():
        return [
            prepare_case(store, study_id, case(number), write_until_the_power_fails) for number in range(3)
        ]

    study_id = create_study(store, PLAN)
    with pytest.raises(KeyboardInterrupt):
        prepare()
    assert create_study(store, PLAN) == study_id
    assert prepare() == [0, 2, 3]  # reports written, the reference among them
    assert len(calls) == 3 * 2 + 1  # the one that failed was asked for again, no other
    assert len(read_table(store, "candidates")) == 9


def test_what_readers_see_of_a_blinded_study_names_no_system(store, case, writer):
    for words in ({"title": "XProNet or not"}, {"instructions": "One of them is by MEDRAT."}):
        with pytest.raises(RuleError, match="which readers must not know"):
            create_study(store, replace(PLAN, **words))
    assert read_table(store, "reading_studies") == []
    named = replace(case(1), study=replace(case(1).study, indication="As XPRONET said"))
    with pytest.raises(RuleError, match="indication of the case case-1 names xpronet"):
        prepare_case(store, create_study(store, PLAN), named, writer)
    create_study(store, replace(PLAN, title="xpronet unblinded", blinded=False))


def test_the_same_title_with_another_plan_is_refused(store):
    create_study(store, PLAN)
    with pytest.raises(RuleError, match="was begun with another seed"):
        create_study(store, replace(PLAN, seed=9))


def test_a_case_of_the_same_name_with_other_pictures_is_refused(store, case, writer):
    study_id = create_study(store, PLAN)
    prepare_case(store, study_id, case(1), writer)
    with pytest.raises(RuleError, match="case-1 was stored with other pictures"):
        prepare_case(store, study_id, replace(case(2), name="case-1"), writer)


def test_a_study_that_shows_references_needs_one_in_each_case(store, case, writer):
    with pytest.raises(RuleError, match="has no reference report"):
        prepare_case(store, create_study(store, PLAN), case(1, reference=None), writer)


def test_a_study_opens_only_with_all_its_reports_and_takes_no_more_cases(store, case, writer):
    study_id, ann = create_study(store, PLAN), add_reader(store, "ann").reader_id
    with pytest.raises(RuleError, match="has no case yet"):
        open_study(store, study_id, [ann])

    def fail(system, study):
        raise KeyError(system)

    with pytest.raises(KeyError):
        prepare_case(store, study_id, case(1), fail)
    with pytest.raises(RuleError, match="case-1 has no report of xpronet yet"):
        open_study(store, study_id, [ann])
    prepare_case(store, study_id, case(1), writer)
    open_study(store, study_id, [ann])
    with pytest.raises(RuleError, match="is open; its cases are fixed"):
        prepare_case(store, study_id, case(2), writer)
    with pytest.raises(RuleError, match="is open already"):
        create_study(store, PLAN)
    assert list_studies(store)[0] | {"study_id": ""} == {
        "study_id": "",
        "title": "first",
        "state": "open",
        "blinded": 1,
        "cases": 1,
        "readers": 1,
        "submitted": 0,
    }


def test_an_unblinded_study_shows_texts_as_they_are(store, case):
    study_id = create_study(store, StudyPlan("open", ("a",), blinded=False))
    prepare_case(store, study_id, case(1), lambda system, study: GeneratedReport("FINDINGS: clear ."))
    (row,) = read_table(store, "candidates")
    assert (row["shown_report"], row["normalisations_json"]) == ("FINDINGS: clear .", "[]")


def test_titles_that_do_not_exist_name_those_that_do(store):
    create_study(store, PLAN)
    with pytest.raises(NotFoundError, match="there are: first"):
        find_study(store, "second")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"title": " "}, "has to have a title"),
        ({"systems": ("a", "a")}, "Name each system once"),
        ({"systems": ("reference",)}, "asked for by its own switch"),
        ({"systems": ()}, "shows 1 to 8 reports, not 0"),
        ({"systems": ("a",), "design": "pairwise"}, "needs two systems"),
        ({"repeat_share": 1.5}, "between 0 and 1"),
        ({"readers_per_case": 0}, "At least one reader"),
    ],
)
def test_a_plan_that_cannot_work_says_why(fields, sentence):
    with pytest.raises(RuleError, match=sentence):
        StudyPlan(**{"title": "t", "systems": ("a", "b"), "questions": Questions()} | fields)

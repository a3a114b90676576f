import pytest

from radui.processing.entities import GROUPS, Entity, find_entities, recognise
from radui.processing.entity_lexicon import LEXICON


def found(report):
    return [(each.text, each.group) for each in find_entities(report)]


def test_the_longest_term_wins():
    assert found("Small right lower lobe opacity.") == [
        ("small", "detailed description"),
        ("right lower lobe", "biological structure"),
        ("opacity", "sign symptom"),
    ]


def test_places_are_those_of_the_report():
    report = "No Pleural  Effusions."
    (entity,) = find_entities(report)
    assert entity == Entity("pleural effusion", "disease disorder", 3, 21)
    assert report[entity.start : entity.end] == "Pleural  Effusions"


@pytest.mark.parametrize("report", ["", "xxxx", "left-sidedness", "heartburn", "a normality"])
def test_parts_of_words_are_no_entities(report):
    assert find_entities(report) == []


def test_hyphenated_terms_are_whole():
    assert found("left-sided pacemaker") == [
        ("left-sided", "detailed description"),
        ("pacemaker", "sign symptom"),
    ]


def test_reports_are_read_one_by_one():
    assert [len(each) for each in recognise(["clear lungs", "", "heart"])] == [2, 0, 1]


def test_every_term_is_found_by_itself_in_its_only_group():
    assert tuple(LEXICON) == GROUPS
    terms = [(term, group) for group in GROUPS for term in LEXICON[group]]
    assert len({term for term, _ in terms}) == len(terms)
    assert [found(term) for term, _ in terms] == [[pair] for pair in terms]

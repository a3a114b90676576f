from radui.processing.vocabulary import Vocabulary
from train.data.study import StudyRow
from train.metrics.protocol import protocol_hypothesis, protocol_references

VOCABULARY = Vocabulary.build(["The heart is normal. Lungs are clear."] * 3)


def study(report):
    return StudyRow(id="s", split="test", images=(), report=report)


def test_rare_words_become_unknown_and_text_is_cleaned():
    assert protocol_references([study("The HEART is 'huge'. Lungs are clear.")], VOCABULARY) == [
        "the heart is <unk> . lungs are clear ."
    ]


def test_references_are_cut_to_the_ids_that_fit_between_beginning_and_end():
    long = study("clear " * 80)
    assert protocol_references([long], VOCABULARY)[0].split() == ["clear"] * 59
    assert protocol_references([long], VOCABULARY, max_length=5)[0].split() == ["clear"] * 4


def test_a_hypothesis_from_elsewhere_is_cleaned_but_neither_cut_nor_mapped():
    text = protocol_hypothesis("The heart, <unk> and HUGE.\nLungs are clear. " + "Clear " * 70)
    assert text.startswith("the heart <unk> and huge . lungs are clear . clear")
    assert len(text.split()) > 70


def test_a_cleaned_hypothesis_stays_as_it_is():
    text = "the heart is <unk> . lungs are clear ."
    assert protocol_hypothesis(text) == text

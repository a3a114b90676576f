import pytest

from radui.observations import OBSERVATIONS, State
from radui.processing.labeler import label
from radui.processing.rewording import EDITABLE, restate, statement

NORMAL = "The heart is normal in size. The lungs are clear. No pleural effusion or pneumothorax is seen."
PRESENT = (State.POSITIVE, State.UNCERTAIN)


@pytest.mark.parametrize("state", [State.POSITIVE, State.NEGATIVE, State.UNCERTAIN])
@pytest.mark.parametrize("observation", EDITABLE)
def test_the_labeler_reads_a_statement_as_it_is_meant(observation, state):
    read = label(statement(observation, state))
    assert read[observation] is state
    others = {name for name in EDITABLE if name != observation and read[name] in PRESENT}
    assert others == set()


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("observation", EDITABLE)
def test_one_observation_changes_and_no_other(observation, state):
    read, before = label(restate(NORMAL, observation, state)), label(NORMAL)
    assert read[observation] is state
    changed = {name for name in EDITABLE if read[name] is not before[name]} - {observation}
    clear_lungs_end = {"Lung Opacity"} if state is State.POSITIVE else set()
    assert changed <= clear_lungs_end


def test_a_finding_of_the_lungs_ends_their_being_clear():
    assert "clear" not in restate(NORMAL, "Pneumonia", State.POSITIVE)
    assert "clear" in restate(NORMAL, "Pneumonia", State.NEGATIVE)


def test_what_shared_the_sentence_is_said_anew():
    assert restate(NORMAL, "Pleural Effusion", State.POSITIVE) == (
        "The heart is normal in size. The lungs are clear. "
        "There is a pleural effusion. There is no pneumothorax."
    )


def test_a_finding_that_was_not_mentioned_comes_last():
    assert restate("The heart is enlarged.", "Fracture", State.POSITIVE) == (
        "The heart is enlarged. There is a rib fracture."
    )
    assert restate("", "Fracture", State.POSITIVE) == "There is a rib fracture."


def test_thirteen_can_be_edited():
    assert set(OBSERVATIONS) - set(EDITABLE) == {"No Finding"}

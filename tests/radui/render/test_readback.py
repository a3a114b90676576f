from radui.render.readback import readback_html
from radui.scores import agreement

WANTED = "The heart is enlarged. Possible pleural effusion. No pneumothorax. The lungs are clear."
READ = "Cardiomegaly. No pleural effusion. There is edema. No fracture. There is no pneumothorax."


def test_observations_agree_contradict_are_left_out_or_added():
    found = agreement(WANTED, READ)
    assert found.agree == ("Cardiomegaly", "Pneumothorax")
    assert found.contradict == ("Pleural Effusion",)
    assert found.missing == ("Lung Opacity",)
    assert found.added == ("Edema",)
    assert found.stated == 4


def test_uncertain_counts_as_present():
    assert agreement("Possible pneumonia.", "There is pneumonia.").agree == ("Pneumonia",)


def test_each_system_stands_beside_what_was_wanted():
    page = readback_html(WANTED, {"<Reader>": READ, "Other": None})
    assert "<b>2 of 4</b> Cardiomegaly, Pneumothorax" in page
    assert "&lt;Reader&gt;" in page
    assert '<th scope="col">Wanted</th>' in page
    assert page.count('data-apart="contradiction"') == 1

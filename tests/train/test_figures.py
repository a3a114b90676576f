import json

import pytest

from train.figures import pairing_figure, pairing_points


@pytest.fixture
def scores(tmp_path):
    """Three scored checkpoints, as train.evaluate writes them; the last without intervals."""
    systems = {}
    for place, (pairing, ends) in enumerate([(10.0, True), (0.0, True), (100.0, False)]):
        folder = tmp_path / f"run{place}"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"training": {"pairing": pairing}}))
        value = 0.1 * (1 + place)
        score = {
            "value": value,
            "low": value - 0.05 if ends else None,
            "high": value + 0.05 if ends else None,
        }
        systems[str(folder)] = dict.fromkeys(("BLEU-4", "CIDEr", "CE-14 macro F1"), score)
    constant = {name: {"value": 0.1} for name in ("BLEU-4", "CIDEr", "CE-14 macro F1")}
    document = {"systems": systems, "baselines": {"constant report": constant}}
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(document))
    return path


def test_points_go_by_the_share_of_pairs_each_with_its_interval(scores):
    points = pairing_points(json.loads(scores.read_text()), "CIDEr")
    assert [point[0] for point in points] == [0, 10, 100]
    assert points[0] == pytest.approx((0.0, 0.2, 0.15, 0.25))
    assert points[2] == pytest.approx((100.0, 0.3, 0.3, 0.3))


def test_the_curve_is_drawn(scores, tmp_path):
    import cv2

    pairing_figure(scores, tmp_path / "curve.png")
    picture = cv2.imread(str(tmp_path / "curve.png"))
    assert picture.shape[1] > picture.shape[0] > 300
    assert len({tuple(pixel) for pixel in picture.reshape(-1, 3)[::97]}) > 5

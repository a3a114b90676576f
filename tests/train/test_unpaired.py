import numpy as np
import pytest
import torch
from accelerate.utils import send_to_device

from radui.observations import NO_FINDING, OBSERVATIONS
from train.unpaired import (
    Batch,
    ImageSide,
    MatchedStudies,
    ReportSide,
    UnpairedStudies,
    assign,
    collate,
    shuffle_sentences,
)

STOP = 9
IMAGES, REPORTS, PAIRS, VERSIONS = 6, 10, 2, 3


class TestAssignment:
    @pytest.fixture(params=[7, 9153])
    def seed(self, request):
        return request.param

    def test_unpaired_no_study_gives_both_and_none_is_lost(self, seed):
        studies = range(100, 2169)
        dealt = assign(studies, 0.0, seed)
        assert not set(dealt.images) & set(dealt.reports)
        assert sorted(dealt.images + dealt.reports) == list(studies)
        assert dealt.pairs == ()
        assert abs(len(dealt.images) - len(dealt.reports)) <= 1

    @pytest.mark.parametrize(("share", "pairs"), [(0.01, 2), (0.1, 20), (1.0, 200)])
    def test_only_pairs_give_both(self, seed, share, pairs):
        dealt = assign(range(200), share, seed)
        assert len(dealt.pairs) == pairs
        assert set(dealt.images) & set(dealt.reports) == set(dealt.pairs)
        assert set(dealt.images) | set(dealt.reports) == set(range(200))

    def test_more_pairs_only_add_data(self, seed):
        few, many = (assign(range(200), share, seed) for share in (0.01, 0.1))
        for side in ("images", "reports", "pairs"):
            assert set(getattr(few, side)) <= set(getattr(many, side))

    def test_seeds_deal_differently(self):
        assert assign(range(50), 0.0, 1) != assign(range(50), 0.0, 2)


class TestSentences:
    def shuffled(self, tokens, times=40):
        random = np.random.default_rng(0)
        return {tuple(shuffle_sentences(tokens, STOP, random)) for _ in range(times)}

    def test_whole_sentences_change_places(self):
        assert self.shuffled([0, 1, 2, STOP, 3, STOP, 0]) == {
            (0, 1, 2, STOP, 3, STOP, 0),
            (0, 3, STOP, 1, 2, STOP, 0),
        }

    def test_a_sentence_that_was_cut_stays_last(self):
        assert self.shuffled([0, 1, STOP, 2, STOP, 3]) == {(0, 1, STOP, 2, STOP, 3), (0, 2, STOP, 1, STOP, 3)}

    def test_an_empty_report_stays_empty(self):
        assert self.shuffled([0, 0]) == {(0, 0)}


@pytest.fixture
def build():
    """Image i belongs to label i, report j to label 13 - j; features say the version and the picture."""

    def build(pairs=PAIRS, pair_share=0.25):
        index = [(2 * i, 2 * i + 1) if i else (0,) for i in range(IMAGES)]
        pictures = np.arange(2 * IMAGES, dtype=np.float16)[:, None, None, None]
        grids = [np.broadcast_to(100 * v + pictures, (2 * IMAGES, 3, 2, 2)) for v in range(VERSIONS)]
        known = [[0, 20 + i, STOP, 0] if i < pairs else [] for i in range(IMAGES)]
        images = ImageSide(index, grids, np.eye(14, dtype=bool)[:IMAGES], known)
        texts = [[0, 1 + j % 3, STOP, 4, STOP, 0] for j in range(REPORTS)]
        reports = ReportSide(texts, np.eye(14, dtype=bool)[::-1][:REPORTS])
        return UnpairedStudies(images, reports, STOP, seed=5, pair_share=pair_share)

    return build


class TestSamples:
    def epoch(self, studies, epoch=0):
        studies.set_epoch(epoch)
        return [studies[item] for item in range(len(studies))]

    def test_the_longer_side_is_gone_through_once(self, build):
        samples = self.epoch(build(pairs=0))
        assert len(samples) == REPORTS
        assert sorted(int(labels.argmax()) for *_, labels in samples) == list(range(4, 14))
        images = [int(sample[2].argmax()) for sample in samples]
        assert set(images) == set(range(IMAGES))
        assert max(map(images.count, images)) == 2

    def test_two_different_versions_of_the_same_pictures(self, build):
        for grids, mask, labels, *_ in self.epoch(build()):
            assert grids.shape[1] == len(mask)
            versions, pictures = np.divmod(grids[:, :, 0, 0, 0], 100)
            assert versions[0, 0] != versions[1, 0]
            np.testing.assert_array_equal(pictures[0], pictures[1])
            assert pictures[0, 0] == 2 * int(labels.argmax())
            assert mask.any()

    def test_images_meet_other_reports_in_another_epoch(self, build):
        studies = build(pairs=0)
        meetings = [
            {(int(s[2].argmax()), int(s[6].argmax())) for s in self.epoch(studies, epoch)} for epoch in (0, 1)
        ]
        assert meetings[0] != meetings[1]

    def test_a_sample_depends_on_seed_epoch_and_place_alone(self, build):
        first, second = build(), build()
        list(map(second.__getitem__, reversed(range(REPORTS))))
        for one, other in zip(self.epoch(first, 3), self.epoch(second, 3), strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))

    def test_pairs_come_at_least_as_often_as_asked(self, build):
        studies = build(pairs=1, pair_share=0.5)
        found = [bool(sample[3]) for epoch in range(30) for sample in self.epoch(studies, epoch)]
        assert np.mean(found) == pytest.approx(0.5 + 0.5 / IMAGES, abs=0.1)

    def test_an_unpaired_image_never_brings_its_report(self, build):
        assert not any(sample[3] for epoch in range(5) for sample in self.epoch(build(pairs=0), epoch))


class TestMatchedStudies:
    """Images 4 and 5 have the observations of reports 9 and 8; nothing else matches."""

    def samples(self, build, noise=0.0):
        studies, rates = build(pairs=0), np.zeros((2, 14))
        matched = MatchedStudies(studies.images, studies.reports, 5, noise, rates)
        assert len(matched) == 2
        for epoch in range(10):
            matched.set_epoch(epoch)
            yield from (matched[item] for item in range(len(matched)))

    def test_a_report_comes_with_an_image_of_its_observations(self, build):
        for grids, mask, labels, tokens in self.samples(build):
            assert grids[0, 0, 0, 0] % 100 == 2 * int(labels.argmax())
            assert tokens == [0, 1 + (13 - int(labels.argmax())) % 3, STOP, 4, STOP, 0]
            assert len(grids) == len(mask) == 2
            assert mask.any()

    def test_every_version_of_a_picture_is_seen(self, build):
        seen = {int(grids[0, 0, 0, 0]) // 100 for grids, *_ in self.samples(build)}
        assert seen == set(range(VERSIONS))

    def test_noise_redraws_the_labels_and_keeps_the_image(self, build):
        for grids, _, labels, _ in self.samples(build, noise=1.0):
            assert [OBSERVATIONS[k] for k in labels.nonzero()[0]] == [NO_FINDING], (
                "rates of zero state nothing"
            )
            assert grids[0, 0, 0, 0] % 100 in (8, 10)


class TestMatching:
    """Labels 4 and 5 are the only ones that both an image and a report have."""

    def samples(self, studies):
        for epoch in range(20):
            studies.set_epoch(epoch)
            yield from (studies[item] for item in range(REPORTS))

    @pytest.fixture
    def matched(self, build):
        studies = build(pairs=0)
        studies.match_share = 1.0
        return studies

    def test_a_report_is_brought_by_an_image_with_its_observations(self, matched):
        brought = [sample for sample in self.samples(matched) if sample[3]]
        assert brought
        for _, _, image_labels, tokens, report, _, report_labels in brought:
            assert tokens == report
            np.testing.assert_array_equal(image_labels, report_labels)

    def test_where_no_image_has_them_none_brings_it(self, matched):
        for _, _, _, tokens, *_, labels in self.samples(matched):
            assert bool(tokens) == (int(labels.argmax()) in (4, 5))


class TestBatches:
    def test_images_with_a_known_report_come_first_and_keep_it(self, build):
        studies = build()
        batch = collate([studies[item] for item in range(REPORTS)])
        assert 0 < len(batch.image_tokens) < REPORTS
        for row, tokens in enumerate(batch.image_tokens):
            image = int(batch.image_labels[row].int().argmax())
            assert tokens.tolist() == [0, 20 + image, STOP, 0]
            assert batch.grids[0, row, 0, 0, 0, 0] % 100 == 2 * image
        rest = batch.image_labels[len(batch.image_tokens) :].int().argmax(1)
        assert (rest >= PAIRS).all()

    def test_shapes_and_padding(self, build):
        studies = build(pairs=0)
        batch = collate([studies[item] for item in range(4)])
        assert batch.grids.shape == (2, 4, 2, 3, 2, 2)
        assert batch.image_tokens.shape == (0, 0)
        assert batch.tokens.shape == batch.shuffled.shape == (4, 6)
        for row in range(4):
            if batch.image_labels[row, 0]:  # the study with one picture
                assert batch.mask[row].tolist() == [True, False]
                assert batch.grids[:, row, 1].abs().max() == 0

    def test_accelerate_moves_them(self, build):
        moved = send_to_device(collate([build()[0]]), torch.device("meta"))
        assert isinstance(moved, Batch)
        assert {part.device.type for part in vars(moved).values()} == {"meta"}

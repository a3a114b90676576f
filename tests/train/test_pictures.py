import cv2
import numpy as np
import pytest

from radui.processing.frame import to_model
from radui.processing.images import read_radiograph
from radui.records import Preprocessing
from train.pictures import PROBES, Augmentation, augment, generator, load_pictures, plain, shrink

PREPROCESSING = Preprocessing(size=64, mode="squash", mean=0.5, std=0.25)


@pytest.fixture
def marked():
    """(256, 256) uint8, dark, with a bright side marker in the upper left as a viewer sees it."""
    picture = np.full((256, 256), 40, np.uint8)
    picture[40:80, 40:80] = 250
    return picture


@pytest.fixture
def folder(tmp_path):
    """folder(name, count, size): PNG files, each with a different block; their paths."""

    def make(name, count, size=(256, 256)):
        paths = []
        for number in range(count):
            picture = np.random.default_rng((len(name), number)).integers(0, 255, (8, 8), np.uint8)
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)
            paths.append(tmp_path / name / f"{number}.png")
            paths[-1].parent.mkdir(exist_ok=True)
            cv2.imwrite(str(paths[-1]), picture)
        return paths

    return make


class TestAugment:
    def test_the_same_sample_of_the_same_epoch_is_the_same(self, marked):
        def draw(seed, epoch, index):
            return augment(marked, PREPROCESSING, generator(seed, epoch, index), Augmentation())

        first = draw(1, 2, 3)
        np.testing.assert_array_equal(first, draw(1, 2, 3))
        for other in ((2, 2, 3), (1, 3, 3), (1, 2, 4)):
            assert not np.array_equal(first, draw(*other))

    def test_is_never_mirrored_or_turned_over(self, marked):
        for index in range(200):
            found = augment(marked, PREPROCESSING, generator(0, 0, index), Augmentation())
            rows, columns = np.nonzero(found > (found.min() + found.max()) / 2)
            assert rows.max() < 36
            assert columns.max() < 36

    def test_moves_no_further_than_it_says(self, marked):
        """Centre of the marker: 15 of 64 before; 6 % shift, 10 % scale, 6 % aspect and 8 degrees."""
        centres = []
        for index in range(200):
            found = augment(marked, PREPROCESSING, generator(0, 0, index), Augmentation())
            rows, columns = np.nonzero(found > (found.min() + found.max()) / 2)
            centres.append((rows.mean(), columns.mean()))
        spread = np.abs(np.array(centres) - 15)
        assert spread.max() < 64 * 0.06 + 17 * (0.1 + 0.06) + 17 * np.sin(np.deg2rad(8)) + 1
        assert spread.max() > 3

    def test_without_ranges_it_is_the_plain_picture(self, marked):
        smooth = cv2.GaussianBlur(marked, (0, 0), 12)
        still = Augmentation(0, 0, 0, 0, 0, 0)
        found = augment(smooth, PREPROCESSING, generator(0, 0, 0), still)
        assert found.shape == (64, 64)
        assert found.dtype == np.float32
        assert np.abs(found - plain(smooth, PREPROCESSING)).max() < 0.2

    def test_grey_levels_stay_in_range(self, marked):
        lowest, highest = (0 - 0.5) / 0.25, (1 - 0.5) / 0.25
        wild = Augmentation(brightness=0.5, contrast=0.9)
        for index in range(20):
            found = augment(marked, PREPROCESSING, generator(0, 0, index), wild)
            assert lowest <= found.min()
            assert found.max() <= highest


@pytest.mark.parametrize("mode", ["squash", "crop", "pad"])
def test_plain_is_what_the_app_feeds(folder, mode):
    preprocessing = Preprocessing(size=48, mode=mode, resize=60)
    (path,) = folder("study", 1)
    expected, _ = to_model(read_radiograph(path.read_bytes()), preprocessing)
    np.testing.assert_array_equal(plain(load_pictures([path])[0], preprocessing), expected)


def test_shrink_averages(marked):
    small = shrink(marked, 32)
    assert small.shape == (32, 32)
    assert small.dtype == np.uint8
    np.testing.assert_array_equal(small, marked.reshape(32, 8, 32, 8).mean((1, 3)).astype(np.uint8))


class TestLoadPictures:
    def test_reads_in_order_and_squashes_other_sizes(self, folder):
        paths = [*folder("small", 2), *folder("wide", 1, (640, 512))]
        pictures = load_pictures(paths)
        assert pictures.shape == (3, 256, 256)
        assert pictures.dtype == np.uint8
        np.testing.assert_array_equal(pictures[1], cv2.imread(str(paths[1]), cv2.IMREAD_GRAYSCALE))

    def test_a_second_call_reads_the_cache(self, folder, tmp_path):
        paths = folder("set", 2 * PROBES)
        first = load_pictures(paths, tmp_path / "new" / "pictures.npy")
        paths[1].unlink()
        np.testing.assert_array_equal(load_pictures(paths, tmp_path / "new" / "pictures.npy"), first)
        assert [each.name for each in (tmp_path / "new").iterdir()] == ["pictures.npy"]

    @pytest.mark.parametrize("count", [4, 3])
    def test_a_cache_of_another_data_set_is_not_taken(self, folder, tmp_path, count):
        cache = tmp_path / "pictures.npy"
        load_pictures(folder("one", 4), cache)
        others = folder("another", count)
        np.testing.assert_array_equal(load_pictures(others, cache), load_pictures(others))
        np.testing.assert_array_equal(np.load(cache), load_pictures(others))

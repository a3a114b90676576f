import itertools
import math
from functools import cache

import numpy as np
import pytest
import torch

from radui.nn.decoding import END, BeamConfig, BeamSearch, sample

VOCABULARY, LENGTH = 4, 4
CPU = torch.device("cpu")


@cache
def log_probabilities(seed, study, history):
    """A random model: the next word's distribution depends on all that was read, the begin mark included."""
    scores = 3.0 * np.random.default_rng((seed, study, *history)).normal(size=VOCABULARY)
    scores[END] -= 2
    return scores - np.logaddexp.reduce(scores)


class RandomModel:
    """A stepper over several studies; its trace is what the beam has read, plus one, padded with 0."""

    def __init__(self, seed, studies, beams):
        self.seed, self.beams = seed, beams
        self.histories = [()] * (studies * beams)
        self.studies = [i // beams for i in range(studies * beams)]

    def step(self, tokens):
        self.histories = [(*h, t) for h, t in zip(self.histories, tokens.tolist(), strict=True)]
        rows = [
            log_probabilities(self.seed, *each) for each in zip(self.studies, self.histories, strict=True)
        ]
        trace = torch.zeros(len(rows), 2 * LENGTH + 2, dtype=torch.long)
        for row, history in zip(trace, self.histories, strict=True):
            row[: len(history)] = torch.tensor(history) + 1
        return torch.from_numpy(np.stack(rows)), {"read": trace}

    def reorder(self, rows):
        self.histories = [self.histories[i] for i in rows.tolist()]
        self.studies = [self.studies[i] for i in rows.tolist()]


def total(seed, study, words, ended):
    """Log-probability of a sequence, with its end mark where it has one."""
    sequence = (END, *words, *([END] if ended else []))
    return sum(log_probabilities(seed, study, sequence[:t])[sequence[t]] for t in range(1, len(sequence)))


def best_of_all(seed, study, penalty):
    """Enumerates every sequence; one of LENGTH words needs no end mark."""
    found = []
    for length in range(LENGTH + 1):
        for words in itertools.product(range(1, VOCABULARY), repeat=length):
            score = total(seed, study, words, ended=length < LENGTH) / max(1, length) ** penalty
            found.append((score, list(words)))
    return max(found)


def plain_beam_search(seed, study, beams, penalty):
    """The textbook's beam search on Python lists; ends when no live beam can win."""
    alive, finished = [(0.0, ())], []
    for length in range(LENGTH):
        following = [
            (score + log_probabilities(seed, study, (END, *words))[token], words, token)
            for score, words in alive
            for token in range(VOCABULARY)
        ]
        following.sort(key=lambda each: -each[0])
        finished += [(s / max(1, length) ** penalty, w) for s, w, token in following[:beams] if token == END]
        alive = [(s, (*w, token)) for s, w, token in following[: 2 * beams] if token != END][:beams]
        if finished and max(finished)[0] >= alive[0][0] / LENGTH**penalty:
            break
    else:
        finished += [(score / LENGTH**penalty, words) for score, words in alive]
    score, words = max(finished)
    return score, list(words)


def search(seed, beams, studies=1, penalty=0.0, length=LENGTH):
    config = BeamConfig(beams, length, penalty)
    return BeamSearch(RandomModel(seed, studies, beams), studies, config, CPU)


@pytest.mark.parametrize("penalty", [0.0, 0.7, 1.5])
@pytest.mark.parametrize("seed", range(6))
def test_a_beam_wide_enough_finds_the_best_of_all(seed, penalty):
    score, words = best_of_all(seed, 0, penalty)
    found = search(seed, 3**LENGTH * VOCABULARY, penalty=penalty).run()[0]
    assert found.tokens == words
    assert found.score == pytest.approx(score)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("beams", [1, 2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_equals_the_plain_search_for_each_study_of_a_batch(seed, beams, penalty):
    found = search(seed, beams, studies=3, penalty=penalty).run()
    for study, hypothesis in enumerate(found):
        score, words = plain_beam_search(seed, study, beams, penalty)
        assert hypothesis.tokens == words
        assert hypothesis.score == pytest.approx(score)


@pytest.mark.parametrize("seed", range(10))
def test_one_beam_is_greedy(seed):
    words = []
    while len(words) < LENGTH:
        token = int(log_probabilities(seed, 0, (END, *words)).argmax())
        if token == END:
            break
        words.append(token)
    assert search(seed, 1).run()[0].tokens == words


@pytest.mark.parametrize("beams", [1, 2, 3])
@pytest.mark.parametrize("seed", range(10))
def test_traces_and_probabilities_are_the_winners_own(seed, beams):
    for study, found in enumerate(search(seed, beams, studies=2).run()):
        read = (END, *found.tokens)
        for t, trace in enumerate(found.traces["read"] if found.tokens else []):
            assert [token - 1 for token in trace.tolist() if token] == list(read[: t + 1])
            expected = log_probabilities(seed, study, read[: t + 1])[found.tokens[t]]
            assert found.log_probabilities[t] == pytest.approx(expected)
        assert len(found.log_probabilities) == len(found.tokens)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("beams", [1, 2, 3, 5])
def test_what_is_shown_for_good_only_grows_and_stays(beams, penalty):
    grown = 0
    for seed in range(25):
        running = search(seed, beams, penalty=penalty, length=2 * LENGTH)
        shown = [running.settled_prefix() for _ in running.words()]
        final = running.best().tokens
        for before, after in itertools.pairwise([*shown, final]):
            assert after[: len(before)] == before
        grown += bool(shown[-1]) and len(final) > 2
    assert grown > 3


def test_a_lone_beam_shows_every_word_at_once():
    running = search(1, 1, length=2 * LENGTH)
    for step in running.words():
        prefix = running.settled_prefix()
        assert len(prefix) in (step - 1, step)  # one less where the report ended


@pytest.mark.parametrize("beams", [1, 3])
def test_may_be_left_early(beams):
    running = search(3, beams, length=2 * LENGTH)
    assert next(running.words()) == 1
    first = running.best()
    assert len(first.tokens) <= 1
    untouched = search(3, beams)
    assert untouched.best().tokens == []
    assert untouched.settled_prefix() == []


def test_a_batch_gives_what_single_studies_give():
    together = search(5, 3, studies=4).run()
    for study in range(4):
        alone = BeamSearch(Shifted(5, study), 1, BeamConfig(3, LENGTH), CPU).run()[0]
        assert together[study].tokens == alone.tokens


def test_studies_leave_the_batch_when_they_are_settled():
    running = search(5, 3, studies=8, length=2 * LENGTH)
    sizes, prefixes = [], {}
    for _ in running.words():
        sizes.append(len(running.stepper.studies) // 3)
        for study in running.active:
            prefixes[study] = running.settled_prefix(study)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 6
    for study, prefix in prefixes.items():
        best = running.best(study)
        assert best.tokens[: len(prefix)] == prefix
        assert best.tokens == BeamSearch(Shifted(5, study), 1, BeamConfig(3, 2 * LENGTH), CPU).run()[0].tokens


def test_a_dropped_study_leaves_the_others_alone():
    running = search(5, 3, studies=4, length=2 * LENGTH)
    expected = [each.tokens for each in search(5, 3, studies=4, length=2 * LENGTH).run()]
    words = running.words()
    next(words)
    running.drop(0)
    running.drop(2)
    running.drop(2)
    for _ in words:
        assert not {0, 2} & {*running.active}
    assert len(running.stepper.studies) < 4 * 3
    assert [running.best(study).tokens for study in (1, 3)] == [expected[1], expected[3]]


class Shifted(RandomModel):
    """One study of the random model on its own."""

    def __init__(self, seed, study):
        super().__init__(seed, 1, 3)
        self.study = study

    def step(self, tokens):
        _, traces = super().step(tokens)
        rows = [log_probabilities(self.seed, self.study, history) for history in self.histories]
        return torch.from_numpy(np.stack(rows)), traces


class Chain:
    """A first-order model from a table of probabilities, rows by the last word."""

    def __init__(self, table):
        self.table = torch.tensor(table, dtype=torch.float64).log()

    def step(self, tokens):
        return self.table[tokens], {}

    def reorder(self, rows):
        pass


def test_the_length_penalty_prefers_the_longer_report():
    """One word and the end: .6 x .5; four words and the end: .4 x .9 x .9 x .9 x .9."""
    table = [[0, 0.6, 0.4, 0, 0, 0]]
    table += [[0.5, 0.1, 0.1, 0.1, 0.1, 0.1]]
    table += [[0.02, 0.02, 0.02, 0.9, 0.02, 0.02], [0.02] * 4 + [0.9, 0.02], [0.02] * 5 + [0.9]]
    table += [[0.9] + [0.02] * 5]
    short = BeamSearch(Chain(table), 1, BeamConfig(2, 10, 0.0), CPU).run()[0]
    long = BeamSearch(Chain(table), 1, BeamConfig(2, 10, 1.0), CPU).run()[0]
    assert short.tokens == [1]
    assert short.score == pytest.approx(math.log(0.6 * 0.5))
    assert long.tokens == [2, 3, 4, 5]
    assert long.score == pytest.approx(math.log(0.4 * 0.9**4) / 4)


def test_an_empty_report_is_an_answer():
    found = BeamSearch(Chain([[0.9, 0.1], [0.5, 0.5]]), 1, BeamConfig(1, 5), CPU).run()[0]
    assert (found.tokens, found.log_probabilities) == ([], [])
    assert found.score == pytest.approx(math.log(0.9))


def test_impossible_candidates_end_nothing():
    """More beams than words: the first step fills the beam with candidates of no probability."""
    table = [[1e-9, 0.5, 0.5], [0.1, 0.1, 0.8], [0.1, 0.8, 0.1]]
    running = BeamSearch(Chain(table), 1, BeamConfig(8, 3), CPU)
    next(running.words())
    assert [each.score for each in running.finished[0]] == pytest.approx([math.log(1e-9)])


def test_beams_that_end_together_are_all_refilled():
    table = [[0, 0.4, 0.3, 0.3], [0.7, 0.1, 0.1, 0.1], [0.7, 0.1, 0.1, 0.1], [0.7, 0.1, 0.1, 0.1]]
    running = BeamSearch(Chain(table), 1, BeamConfig(3, 5, length_penalty=2.0), CPU)
    words = running.words()
    next(words)
    next(words)
    assert len(running.finished[0]) == 3
    assert running.scores.exp().tolist() == [pytest.approx([0.04, 0.04, 0.04])]


class TestSampling:
    TABLE = ((0.0, 0.7, 0.3), (0.5, 0.0, 0.5), (0.2, 0.8, 0.0))

    def test_follows_the_models_distribution(self):
        torch.manual_seed(0)
        drawn = sample(Chain(self.TABLE), 4000, 3, CPU)
        assert drawn.shape == (4000, 3)
        first = torch.bincount(drawn[:, 0], minlength=3) / 4000
        torch.testing.assert_close(first, torch.tensor([0.0, 0.7, 0.3]), atol=0.03, rtol=0)
        after_two = drawn[drawn[:, 0] == 2, 1]
        share = torch.bincount(after_two, minlength=3) / len(after_two)
        torch.testing.assert_close(share, torch.tensor([0.2, 0.8, 0.0]), atol=0.05, rtol=0)

    def test_writes_nothing_after_the_end(self):
        torch.manual_seed(0)
        for row in sample(Chain(self.TABLE), 50, 20, CPU).tolist():
            end = row.index(END) if END in row else len(row)
            assert set(row[end:]) <= {END}
            assert END not in row[:end]

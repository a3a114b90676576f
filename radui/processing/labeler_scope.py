"""Which words of a sentence deny or doubt a phrase in it, and where their scope ends."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

_CHANGE = r"(?:change|increase|decrease|improvement|progression|difference)s?"
_CHANGED = r"(?:changed|different|increased|decreased|improved|progressed|worsened)"
_DEGREE = (
    r"(?:significant|definite|interval|appreciable|substantial|gross|obvious|apparent|large|other|short|acute"
    r"|relevant|further|marked|noticeable|visible|major|focal|suspicious|visualized|overt|convincing)"
)
_SEEN = (
    r"(?:seen|identified|visuali[sz]ed|present|evident|demonstrated|appreciated|apparent|observed|noted|found"
    r"|detected|visible)"
)
_ELSEWHERE = r" (?:on|in) (?:the )?(?:lateral|frontal|pa|ap|prior|previous|earlier|comparison)"
_EXCLUDED = r"(?:excluded?|ruled?\Wout)"
_STATEMENT = r"(?:is|are|may|might|could|cannot|has|have|was|were|appears?|represents?)"
_BE = r"(?:(?:is|are|was|were) )?"

# In the order in which they are tried, so that the longer reading of the same words comes first.
_CUES: dict[str, str] = {
    # looks like a denial and is none: "no change in the effusion", "not seen on the lateral view"
    "skip": rf"(?:no|without)(?: {_DEGREE}){{0,3}} {_CHANGE}|not(?: \w+ly)? {_CHANGED}|not only"
    rf"|{_BE}not(?: \w+){{0,2}}\W{_SEEN}{_ELSEWHERE}"
    r"|(?:no|without)(?: a| any| prior| previous){0,2} (?:comparisons?|priors?|contrast|complications?|doubt)"
    r"|(?:near(?:ly)?|almost|partial(?:ly)?|incomplete(?:ly)?)\W(?:\w+ )?(?:resol\w+|clear\w*)(?: of)?",
    # leaves open what is before and after it
    "doubt": rf"{_BE}(?:cannot|can not|could not|not|difficult to)(?: be| \w+ly){{0,2}}"
    rf" {_EXCLUDED}|{_BE}not (?:well|clearly|definit\w+|fully|completely)\W"
    r"(?:seen|evaluated|visuali[sz]ed|assessed)",
    # what follows belongs to the past
    "past": r"(?:history|status post)(?: of)?",
    # denies what is before
    "gone": rf"{_BE}(?:not|no longer)(?: \w+ly)? {_SEEN}"
    r"|(?:has|have|had|since)(?: \w+ly| now| since)? (?:resolved|cleared)"
    rf"|(?:is|are|was|were|(?:has|have) been)(?: now)? (?:absent|resolved|cleared|removed|{_EXCLUDED})"
    r"|(?:(?:is|are|was|were) (?:\w+ )?)?unlikely(?! to)",
    # denies what follows
    "no": rf"no(?: longer)?(?:(?: [\w-]+){{0,3}} (?:evidence|signs?|suggestion|indication|findings?|features)"
    rf" (?:of|for|to suggest))?(?: {_DEGREE})*|not|without(?: evidence of)?(?: {_DEGREE})*"
    r"|(?:free|clear|devoid) (?:of|from)|negative for|absence of|absent|lack of|neither|nor|unlikely to"
    r"|rather than|(?:resolution|clearing|removal|disappearance) of"
    r"|(?:interval|previously) (?:resolved|cleared)"
    r"|(?:resolved|cleared)(?= (?:left|right|bilateral|previous\w*|prior))",
    # doubts what is before
    "unsure": r"(?:is|are|remains?)(?: \w+)? (?:possible|questionable|questioned|suspected|likely|equivocal"
    rf"|uncertain|borderline)|{_BE}(?:in the differential|(?:another|a) consideration)"
    rf"|should be {_EXCLUDED}",
    # doubts what follows
    "maybe": r"may|might|could|possib\w+|probabl\w+|likely|suspect\w*|suspicio\w+|concern\w*|question\w*"
    r"|suggest\w*|perhaps|presum\w+|equivocal|borderline|potential\w*|favou?r\w*|worrisome"
    rf"|(?:to )?{_EXCLUDED}|r/o|(?:evaluate|assess|correlate \w+) for|if|differential",
    # doubts its neighbours
    "either": r"versus|vs|or|and\W?or",
    # ends every scope
    "end": r"but|however|although|though|except|whereas|while|otherwise|yet"
    r"|there (?:is|are|has|have|was|were)",
    # ends a scope that holds something already: "no effusion, mild atelectasis", but not "no mild effusion"
    "start": r"mild|mildly|minimal|minimally|moderate|moderately|severe|stable|unchanged|persistent|chronic"
    rf"|again|increased|increasing|interval development|new|there|(?:is|are) {_SEEN}",
    # a statement begins; cues behind it say nothing of what is before it
    "verb": r"is|are|was|were|has|have|had|remains?|persists?|with",
}
# A comma ends a scope before a statement ("no effusion, the opacity may be a scar"), not in a list.
_CLAUSE = rf"[;:]|,(?= (?:(?!(?:or|nor|and)\b)[\w/-]++ ){{1,5}}{_STATEMENT}\b)"


def _compile() -> re.Pattern[str]:
    cues = "|".join(f"(?P<{kind}>{cue})" for kind, cue in _CUES.items())
    return re.compile(rf"\b(?:{cues})\b|(?P<clause>{_CLAUSE})".replace(" ", r"\s+"))


_CUE = _compile()
_GOVERN = frozenset({"no", "maybe", "doubt"})
_GOVERN_NEAR = frozenset({"either", "past"})
_OPEN = _GOVERN | {"either", "skip"}  # still waiting for what they govern: "no mild ...", "or stable ..."
_ENDS_BEHIND = frozenset({"end", "clause", "start", "verb", "maybe"})
_LAST_OF_LIST = re.compile(r"\b(?:or|and)\b")
_REACH = 400  # characters
_NEAR_WORDS = 4


class _Cue(NamedTuple):
    kind: str
    start: int
    end: int


class Scope:
    """The cues of one sentence, given in lower case, and how far each reaches."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence
        self._cues = [_Cue(match.lastgroup or "", *match.span()) for match in _CUE.finditer(sentence)]
        self._starts = [cue.start for cue in self._cues]

    def ahead(self, start: int, begin: int = 0) -> Iterator[str]:
        """The kinds of the cues from `begin` on that govern a phrase at `start`, nearest first."""
        for index in range(bisect_left(self._starts, start) - 1, -1, -1):
            cue = self._cues[index]
            if cue.start < max(begin, start - _REACH) or self._starts_anew(index):
                return
            if cue.kind in _GOVERN or (cue.kind in _GOVERN_NEAR and self._near(cue.end, start)):
                yield cue.kind

    def _starts_anew(self, index: int) -> bool:
        """Whether the cue begins something new, so that what stands before it does not reach beyond it."""
        cue = self._cues[index]
        if cue.kind == "end":
            return True
        if cue.kind not in ("start", "clause"):
            return False
        previous = self._cues[index - 1] if index else None
        if previous is None or previous.kind not in _OPEN:
            return True
        return bool(self._sentence[previous.end : cue.start].strip())

    def behind(self, end: int) -> Iterator[str]:
        """The kinds of the cues that speak of a phrase before them that ends at `end`, nearest first."""
        for index in range(bisect_left(self._starts, end), len(self._cues)):
            cue = self._cues[index]
            if cue.kind in _ENDS_BEHIND or cue.start > end + _REACH:
                return
            if cue.kind in ("gone", "unsure", "doubt"):
                if self._same_subject(end, cue.start):
                    yield cue.kind
                return
            if cue.kind == "either" and self._near(end, cue.start):
                yield cue.kind

    def _near(self, start: int, end: int) -> bool:
        return len(self._sentence[start:end].split()) < _NEAR_WORDS

    def _same_subject(self, start: int, end: int) -> bool:
        """Whether the words between a phrase and a cue go on with a list: "edema, effusion or mass"."""
        _, comma, last = self._sentence[start:end].rpartition(",")
        return not comma or _LAST_OF_LIST.search(last) is not None

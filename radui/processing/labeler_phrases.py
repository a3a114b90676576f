"""The phrases by which a report mentions an observation, one regular expression for each.

The expressions run over one sentence in lower case; a space in them stands for any white space. The
group that matched says what the phrase asserts:

    finding   the observation is present, unless the words around it deny or doubt it
    abnormal  a structure is judged abnormal ("the heart is enlarged"); only words inside deny it
    normal    a structure is judged normal ("heart size is normal"): the observation is absent
    unclear   a structure is judged to be neither ("borderline heart size")
    sign      the observation is present where the phrase is asserted; its denial says nothing
    ignore    something else is meant ("pericardial effusion"), and phrases inside are hidden

Cleaning deletes the slash of "scarring/atelectasis"; hence the phrases that may begin inside a word.

The lists follow the mention lists that CheXpert's labeler made customary (Irvin et al. 2019): scars and
interstitial changes count as Lung Opacity, fibrosis as Pleural Other, adenopathy and aneurysm as Enlarged
Cardiomediastinum, vascular congestion and heart failure as Edema.
"""

# Words between a structure and its judgement. They end at another judgement or subject, because cleaned
# reports have no commas: "the heart is stable the lungs are normal" says nothing of the heart.
_STOP = (
    r"(?:but|with|without|however|no|stable|unchanged|clear|low|elevated|degenerative|tortuous|enlarged"
    r"|widened|prominent|normal|unremarkable|volumes?)\b"
)
_GAP = rf"(?:,? (?!{_STOP})[\w/\[\]-]++){{0,9}}?,?"
_SHORT_GAP = rf"(?: (?!{_STOP})[\w/\[\]-]++,?){{0,6}}?"
_NORMAL = r"(?:normal|unremarkable|within limits|non-?enlarged)"


def _observation(finding: str, structure: str = "", **groups: str) -> str:
    first = [f"(?P<{name}>{phrases})" for name, phrases in groups.items()]
    return "|".join([*first, *([structure] if structure else []), f"(?P<finding>{finding})"])


def _structure(names: str, abnormal: str = "", normal: str = _NORMAL) -> str:
    """A structure with its judgement after it, or before it when none follows."""
    judged = {"unclear_last": "borderline", "abnormal": abnormal, "normal_last": normal}
    judgement = "|".join(f"(?P<{name}>{words})" for name, words in judged.items() if words)
    return (
        rf"(?:{names}):?{_GAP} (?:{judgement})\b"
        rf"|(?P<unclear_first>borderline(?: normal)? (?:{names})\b)"
        rf"|(?P<normal_first>{normal}{_SHORT_GAP} (?:{names})\b)(?! (?:is|are|appears?|remains?)\b)"
    )


_HEART = r"heart|cardiac(?: (?:silhouettes?|size|shadow|contours?)\b|(?= and|,))"
_MEDIASTINUM = r"(?:cardio\W?)?mediastin(?:al|um)"
_SILHOUETTE = r"cardio\W?mediastinal (?:silhouettes?|contours?|size)"
_ENLARGED = r"(?:enlarge(?:d|ment)|widen(?:ed|ing)|wide|prominen(?:t|ce)|fullness|dilated|abnormal)"
_ROUND = r"(?:nodular|rounded|round|ovoid|mass-?like)"
_CLEAR = r"(?:clear(?! of\b)|normal|unremarkable|well\W?aerated)"
_DEVICE_WIRE = r"(?:wires?|catheters?|leads?)\b"
_VESSELS = r"vascular(?:ity)? (?:congest\w+|engorgement|prominence|redistribution|plethora)"

PHRASES: dict[str, str] = {
    "Enlarged Cardiomediastinum": _observation(
        rf"{_ENLARGED}(?: (?:appearance|configuration|contour|convexity|of|in|within|the|heart|and|superior"
        rf"|anterior|upper|central)){{0,5}} {_MEDIASTINUM}"
        r"|mediastinal (?:widening|prominence|enlargement|fullness|mass|masses|opacity)"
        r"|(?:lymph)?adenopathy|aneurysm\w*|aortic dissection",
        _structure(_MEDIASTINUM, r"enlarged|widened|wide|prominent|abnormal"),
    ),
    "Cardiomegaly": _observation(
        r"cardiomegaly|cardiac enlargement|(?:ventricular|atrial) enlargement|enlarged (?:ventricle|atrium)"
        rf"|(?:{_ENLARGED}|large|increased?)(?: (?:in|of|the|size|overall)){{0,5}} (?:{_HEART})\b",
        _structure(_HEART, r"enlarged|enlargement|prominent|large|larger|increased|dilated"),
        normal=rf"{_SILHOUETTE}{_GAP} {_NORMAL}\b|{_NORMAL}{_SHORT_GAP} {_SILHOUETTE}",
        sign=r"(?:heart|cardiac) failure\b|chf\b",
    ),
    "Lung Opacity": _observation(
        r"opaci\w+|\w*?air\W?space (?:disease|process)|\w*?infiltrat\w+|\w*?scar(?:ring|s?\b)|reticul\w+"
        r"|streakiness|interstitial (?:lung )?(?:disease|markings|changes|pattern|thickening|densit\w+)"
        r"|(?:peribronchial|bronchial wall) thickening|(?:basilar|basal|lung) densit\w+",
        _structure(r"lungs|lung(?: (?:fields?|zones?|bases|xxxx|\[redacted\]))?", normal=_CLEAR),
        ignore=r"nodular (?:\w+ )?opaci\w+|pleural scar\w*",
    ),
    "Lung Lesion": _observation(
        rf"nodul(?:e|arity)\w*|{_ROUND} (?:pulmonary )?(?:densit|opaci|lesion|focus|foci)\w*"
        r"|mass(?:es)?\b|(?:lung|pulmonary|cavitary|parenchymal) lesions?|tumou?rs?\b|neoplas\w+"
        r"|malignan\w+|metasta\w+|(?:lung|bronchogenic|pulmonary) (?:cancer|carcinoma)",
        ignore=r"(?:thyroid|breast|body|muscle) mass\b",
    ),
    "Edema": _observation(
        rf"o?edema|{_VESSELS}|pulmonary (?:venous )?congestion|(?:prominent|engorged|congested|indistinct)"
        r" (?:(?:central|pulmonary) ){0,2}vascula\w+|(?:heart|cardiac) (?:failure|decompensation)|chf\b"
        r"|(?:volume|fluid) overload|kerley|cephali[sz]ation",
        ignore=r"(?:soft tissue|subcutaneous|peripheral|ankle|leg|pedal) o?edema",
        normal=rf"{_VESSELS}{_GAP} {_NORMAL}\b",
    ),
    "Consolidation": _observation(r"consolidat\w+"),
    "Pneumonia": _observation(
        r"(?:broncho-?)?pneumonias?\b|pneumonitis|infection|infectious",
        ignore=r"(?:granulomatous|tuberculous|bone|osseous|soft tissue) infections?",
    ),
    "Atelectasis": _observation(
        r"\w*?atelecta\w+|(?:lung|lobe|lobar|partial|complete|segmental) collapse\b|collapse of"
        r"|collapsed (?:lung|lobe)",
        ignore=r"(?:vertebral|compression|body) collapse",
    ),
    "Pneumothorax": _observation(r"(?:hydro|ha?emo)?-?pneumo-?thora\w+|pleural air(?: collections?)?"),
    "Pleural Effusion": _observation(
        r"effusions?\b|pleural fluid|hydro-?(?:pneumo-?)?thorax|\w*?ha?emothorax"
        r"|fluid in the (?:\w+ ){0,2}(?:pleural space|fissure)",
        _structure(r"pleural spaces?|costophrenic [\w\[\]]+", normal=r"(?:clear|sharp|normal|unremarkable)"),
        ignore=r"(?:pericardial|joint|knee|ankle|elbow|hip) effusions?",
    ),
    "Pleural Other": _observation(
        r"(?:pleural|fissural)(?: \w+)? (?:thickening|scar\w*|plaques?|calcifications?)"
        r"|pleur(?:o|al)\W?parenchymal scar\w*|thickening of the (?:\w+ )?(?:fissure|pleura)"
        r"|\w*?fibrosis|fibrothorax|pleuritis|empyema",
    ),
    "Fracture": _observation(
        r"fractur\w+",
        _structure(r"bony|osseous|skeletal|bones?|ribs?|spine", normal="intact"),
        ignore=rf"{_DEVICE_WIRE}(?: \w+){{0,4}} fractur\w+|fractur\w+(?: \w+){{0,3}} {_DEVICE_WIRE}",
    ),
    "Support Devices": _observation(
        r"catheters?\b|picc?\b|(?:central|venous|subclavian|jugular|ij|dialysis|arterial|port)(?: \w+)?"
        r" lines?\b|lines and tubes|(?:endotracheal|naso-?gastric|oro-?gastric|enteric|feeding|chest|ng|et"
        r"|thoracostomy|drainage|pigtail) tubes?\b|tracheostomy|pacemakers?|pacers?\b|a?icd\b|defibrillators?"
        r"|(?:pacing|pacemaker|generator) leads?|medi-?port|port-?a-?cath|(?:chest|infusion) port\b"
        r"|prosthetic (?:\w+ )?valves?|valve (?:replacement|prosthes[ie]s)|fixation hardware|balloon pump",
    ),
}

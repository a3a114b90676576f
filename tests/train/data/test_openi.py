import json

import pytest

from train.data.openi import read_openi, read_report
from train.data.study import DataError

REPORT = """<?xml version="1.0" encoding="utf-8"?>
<eCitation>
   <uId id="CXR{number}"/>
   <MedlineCitation><Article><Abstract>
      <AbstractText Label="COMPARISON">None.</AbstractText>
      <AbstractText Label="INDICATION">Cough &amp; fever</AbstractText>
      <AbstractText Label="FINDINGS">{findings}</AbstractText>
      <AbstractText Label="IMPRESSION">Healthy chest.</AbstractText>
   </Abstract></Article></MedlineCitation>
   <MeSH><major>Heart/enlarged</major><major>normal</major><automatic>lung</automatic></MeSH>
   {pictures}
</eCitation>
"""


def write_report(root, number, image_ids, findings="The lungs are well aerated."):
    (root / "ecgen-radiology").mkdir(exist_ok=True)
    (root / "NLMCXR_png").mkdir(exist_ok=True)
    pictures = "".join(f'<parentImage id="{name}"><caption>x</caption></parentImage>' for name in image_ids)
    text = REPORT.format(number=number, findings=findings, pictures=pictures)
    path = root / f"ecgen-radiology/{number}.xml"
    path.write_text(text, encoding="utf-8")
    for name in image_ids:
        (root / f"NLMCXR_png/{name}.png").touch()
    return path


def test_reads_sections_headings_and_picture_ids(tmp_path):
    path = write_report(tmp_path, 1, ["CXR1_1_IM-0001-3001", "CXR1_1_IM-0001-4001"])
    report = read_report(path)
    assert report.id == "CXR1"
    assert report.findings == "The lungs are well aerated."
    assert report.impression == "Healthy chest."
    assert report.indication == "Cough & fever"
    assert report.comparison == "None."
    assert report.mesh == ("Heart/enlarged", "normal")
    assert report.image_ids == ("CXR1_1_IM-0001-3001", "CXR1_1_IM-0001-4001")


def test_reads_studies_in_number_order_two_pictures_at_most_and_skips_those_without(tmp_path):
    write_report(tmp_path, 10, ["CXR10_IM-0002-1001"], findings="")
    write_report(tmp_path, 2, ["CXR2_IM-0652-1001", "CXR2_IM-0652-2001", "CXR2_IM-0652-3001"])
    write_report(tmp_path, 3, [])
    rows = read_openi(tmp_path)
    assert [(row.id, len(row.images), row.report) for row in rows] == [
        ("CXR2", 2, "The lungs are well aerated."),
        ("CXR10", 1, ""),
    ]
    assert rows[0].images[0] == tmp_path / "NLMCXR_png/CXR2_IM-0652-1001.png"
    assert {row.split for row in rows} == {"train"}


def test_follows_r2gen_split_where_its_annotation_is_given(tmp_path):
    write_report(tmp_path, 1, ["CXR1_1_IM-0001-3001"])
    write_report(tmp_path, 2, ["CXR2_IM-0652-1001"])
    annotation = tmp_path / "annotation.json"
    annotation.write_text(json.dumps({"train": [], "val": [], "test": [{"id": "CXR2_IM-0652"}]}))
    assert [row.split for row in read_openi(tmp_path, annotation)] == ["train", "test"]
    annotation.write_text("[]")
    with pytest.raises(DataError, match=r"annotation\.json: expected R2Gen's annotation"):
        read_openi(tmp_path, annotation)


def test_names_what_is_missing_or_malformed(tmp_path):
    with pytest.raises(DataError, match="ecgen-radiology holds no XML file"):
        read_openi(tmp_path)
    path = write_report(tmp_path, 1, ["CXR1_1_IM-0001-3001"])
    (tmp_path / "NLMCXR_png/CXR1_1_IM-0001-3001.png").unlink()
    with pytest.raises(DataError, match=r"3001\.png is missing: expected a picture that report CXR1 names"):
        read_openi(tmp_path)
    path.write_text("<eCitation>")
    with pytest.raises(DataError, match=r"1\.xml is not valid XML"):
        read_openi(tmp_path)
    path.write_text("<note/>")
    with pytest.raises(DataError, match=r"1\.xml has no uId"):
        read_openi(tmp_path)

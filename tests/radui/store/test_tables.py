from radui.store.ratings import skip, submit
from radui.store.tables import case_progress
from radui.store.tasks import next_task


def test_progress_of_each_reader_with_each_case(store, begin, answers):
    study_id, (ann, _) = begin(store, readers=("ann", "ben"), cases=2)
    first = next_task(store, ann, study_id)
    submit(store, ann, first.assignment_id, answers(first), 1)
    skip(store, ann, next_task(store, ann, study_id).assignment_id, "too dark")
    told = [
        (row["reader_name"], row["submitted"], row["assigned"], row["reasons"])
        for row in case_progress(store, study_id)
    ]
    assert sorted(told, key=str) == [
        ("ann", 0, 1, "too dark"),
        ("ann", 1, 1, None),
        ("ben", 0, 1, None),
        ("ben", 0, 1, None),
    ]
    assert [row["case_name"] for row in case_progress(store, study_id)] == [
        "case-0",
        "case-0",
        "case-1",
        "case-1",
    ]

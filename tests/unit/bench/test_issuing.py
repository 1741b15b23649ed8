"""The installations that benches work in: tiny ones, in processes of their own, never timed."""

from pathlib import Path

import openpyxl
import pytest

from banyan.cli.bench import BenchFailed, sheet_import
from banyan.cli.bench.issue import Installation


def test_pairs_are_issued_checked_and_opened_in_the_token_with_few_and_many_held(tmp_path: Path) -> None:
    place = Installation(tmp_path / "one", None, None)
    try:
        place.do("make")
        assert place.do("hold", pairs=40, models=8)["held"] >= 40
        place.do("prepare", count=9, in_token=0)
        assert place.do("sign", count=4)["work"] > 0
        place.do("sign", count=2, at_once=1)
        assert place.do("check", sample=6) == {"signatures": 12, "envelopes": 0}
        assert place.do("whole", count=3)["others_cpu"] >= 0
        place.do("prepare", count=2, in_token=2)
        place.do("whole", count=2)
        assert place.do("check", sample=5) == {"signatures": 10, "envelopes": 2}
        facts = place.do("facts")
        assert set(facts["peak_mb"]) == {"domain", "signer", "kmc"}
        assert facts["bytes"]["total"] > facts["bytes_before"]
    finally:
        place.close()


def test_more_than_was_prepared_fails_the_bench(tmp_path: Path) -> None:
    place = Installation(tmp_path / "one", None, None)
    try:
        place.do("make")
        with pytest.raises(BenchFailed):
            place.do("sign", count=1)
    finally:
        place.close()


def test_one_row_in_a_hundred_of_the_sheet_is_wrong(tmp_path: Path) -> None:
    sheet = tmp_path / "s.xlsx"
    assert sheet_import.write_sheet(sheet, 205) == 2
    rows = list(openpyxl.load_workbook(sheet)["申请"].iter_rows(values_only=True))
    assert len(rows) == 206
    assert len({row[4] for row in rows[1:]}) == 205


def test_a_sheet_becomes_requests() -> None:
    figures = {one.figure: one for one in sheet_import.run(size=120, engine=None, rounds=1, database=None)}
    assert set(figures) == {"import_s", "import_rows_per_s", "import_peak_mb"}
    assert figures["import_s"].extra["failed_rows"] == 1

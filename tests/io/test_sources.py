"""Sources: which files, which ids, which rows, and what is said of the rest."""

from __future__ import annotations

import gc
import gzip
import io
import warnings
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import InputError
from seedbed.graph.spec_io import SourceSpec, normalise_source
from seedbed.io.sources import BadRow, open_sources, peek_fields, signature
from seedbed.record import Record, content_id


def specs(raw: Any) -> list[SourceSpec]:
    return [SourceSpec.model_validate(item) for item in normalise_source(raw)]


def take(raw: Any, base: Path, limit: int | None = None) -> list[Record | BadRow]:
    return list(open_sources(specs(raw), base, limit))


def records(raw: Any, base: Path, limit: int | None = None) -> list[Record]:
    items = take(raw, base, limit)
    assert all(isinstance(item, Record) for item in items), items
    return items  # type: ignore[return-value]


def lines(path: Path, *rows: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(row + "\n" for row in rows))


def test_ids_places_and_fields(tmp_path: Path) -> None:
    lines(tmp_path / "seeds.jsonl", '{"id": " x ", "a": 1}', "", '{"id": 7, "a": 2}', '{"a": 3}')
    one, two, three = records("seeds.jsonl", tmp_path)
    assert (one.id, one.fields, one.place, one.parents) == ("x", {"a": 1}, "seeds.jsonl:1", ())
    assert (two.id, two.fields, two.place) == ("7", {"a": 2}, "seeds.jsonl:3")
    assert (three.id, three.fields) == (content_id({"a": 3}, 2, 0), {"a": 3})


def test_another_column_is_the_id_and_stays(tmp_path: Path) -> None:
    raw = {"records": [{"key": "k", "a": 1}, {"a": 2}], "id": "key"}
    good, bad = take(raw, tmp_path)
    assert isinstance(good, Record)
    assert (good.id, good.fields) == ("k", {"key": "k", "a": 1})
    assert isinstance(bad, BadRow)
    assert bad.error == "line 2: there is no column `key`, which should hold the id"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("null", "not null"),
        ('" "', "is empty"),
        ("true", "not a boolean"),
        ("[1]", "not a list"),
        ("1.5", "not a number"),
    ],
)
def test_what_cannot_be_an_id_is_a_bad_row(tmp_path: Path, value: str, said: str) -> None:
    lines(tmp_path / "s.jsonl", f'{{"id": {value}, "a": "é"}}', '{"id": "ok"}')
    bad, good = take("s.jsonl", tmp_path)
    assert isinstance(bad, BadRow)
    assert said in bad.error
    assert (bad.source, bad.line, bad.place) == ("s.jsonl", 1, "s.jsonl:1")
    assert '"a":"é"' in bad.raw
    assert isinstance(good, Record)


def test_bad_rows_have_stable_ids_of_their_own(tmp_path: Path) -> None:
    lines(tmp_path / "s.jsonl", "{", "{", '{"a": 1}')
    first, again = take("s.jsonl", tmp_path), take("s.jsonl", tmp_path)
    assert [item.id for item in first] == [item.id for item in again]
    assert len({item.id for item in first}) == 3
    assert isinstance(first[0], BadRow)
    assert first[0].raw == "{"


def test_limits_count_bad_rows(tmp_path: Path) -> None:
    lines(tmp_path / "s.jsonl", '{"a": 1}', "{", '{"a": 3}', '{"a": 4}')
    assert len(take({"path": "s.jsonl", "limit": 3}, tmp_path)) == 3
    both = [{"path": "s.jsonl", "limit": 2}, {"count": 5}]
    assert [item.place for item in take(both, tmp_path, 4)] == ["s.jsonl:1", "s.jsonl:2", "count:1", "count:2"]
    assert take(both, tmp_path, 0) == []


def test_records_in_place_and_none_at_all(tmp_path: Path) -> None:
    inline = records([{"id": 1, "a": "x"}, {"a": float("nan")}], tmp_path)
    assert (inline[0].id, inline[0].fields, inline[0].place) == ("1", {"a": "x"}, "records:1")
    assert inline[1].fields == {"a": None}
    empty = records({"count": 3}, tmp_path)
    assert [record.fields for record in empty] == [{}, {}, {}]
    assert len({record.id for record in empty}) == 3


def test_equal_rows_have_ids_of_their_own(tmp_path: Path) -> None:
    for name in ("d/a.jsonl", "d/b.jsonl", "c.jsonl"):
        lines(tmp_path / name, '{"a": 1}', '{"a": 1}')
    ids = [record.id for record in records(["d", "c.jsonl", {"path": ["c.jsonl", "d/b.jsonl"]}], tmp_path)]
    assert len(set(ids)) == len(ids) == 10


def test_ids_stay_when_files_come_and_go(tmp_path: Path) -> None:
    lines(tmp_path / "d/b.jsonl", '{"a": 1}')
    before = records("d", tmp_path)[0].id
    lines(tmp_path / "d/a.jsonl", '{"a": 0}')
    assert records("d", tmp_path)[1].id == before
    tmp_path.rename(tmp_path.with_name("moved"))
    assert records("d", tmp_path.with_name("moved"))[1].id == before


def test_folders_and_globs_are_sorted_and_skip_what_is_hidden_or_unknown(tmp_path: Path) -> None:
    for name in ("d/b.jsonl", "d/a/z.jsonl", "d/c.jsonl", "d/.x.jsonl", "d/.git/y.jsonl", "d/notes.bin"):
        lines(tmp_path / name, '{"a": 1}')
    (tmp_path / "d/t.txt").write_text("hello")
    places = [record.place for record in records("d", tmp_path)]
    assert places == ["d/a/z.jsonl:1", "d/b.jsonl:1", "d/c.jsonl:1", "d/t.txt:1"]
    assert [record.place for record in records("d/*.jsonl", tmp_path)] == ["d/b.jsonl:1", "d/c.jsonl:1"]
    assert [record.place for record in records("d/**/*.jsonl", tmp_path)] == places[:3]
    assert [record.place for record in records(str(tmp_path / "d/*.jsonl"), tmp_path)] == ["d/b.jsonl:1", "d/c.jsonl:1"]
    assert records("d/t.txt", tmp_path)[0].fields == {"text": "hello", "path": "d/t.txt"}


def test_the_base_may_look_like_a_glob(tmp_path: Path) -> None:
    lines(tmp_path / "[x]*/s[1].jsonl", '{"a": 1}')
    assert len(records("s[1].jsonl", tmp_path / "[x]*")) == 1
    assert len(records("*.jsonl", tmp_path / "[x]*")) == 1


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("seeds/a.jsnl", "`seeds/a.jsnl`: there is no `a.jsnl` in {}/seeds; did you mean `a.jsonl`?"),
        ("seedz/a.jsonl", "`seedz/a.jsonl`: there is no `seedz` in {}; did you mean `seeds`?"),
        ("seeds/*.csv", "`seeds/*.csv`: nothing in {}/seeds matches; there are: a.jsonl, b.bin"),
        ("zzz/*.csv", "`zzz`: there is no `zzz` in {}; there are: empty, seeds"),
        ("empty", "the folder `empty` in {} holds no file"),
        ("seeds/b.bin", "`seeds/b.bin`: the ending tells no format; say `format:`; known endings are .csv"),
        ("seeds/*.bin", "`seeds/*.bin`: no file has a known ending"),
    ],
)
def test_what_is_not_there_names_what_is(tmp_path: Path, path: str, said: str) -> None:
    lines(tmp_path / "seeds/a.jsonl", '{"a": 1}')
    (tmp_path / "seeds/b.bin").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        open_sources(specs(path), tmp_path)
    assert str(caught.value).startswith(said.format(tmp_path))


def test_format_overrides_the_ending(tmp_path: Path) -> None:
    lines(tmp_path / "rows.txt", "a,b", "1,2")
    assert records({"path": "rows.txt", "format": "csv"}, tmp_path)[0].fields == {"a": "1", "b": "2"}
    with pytest.raises(InputError, match="there is no file format `cvs`; did you mean `csv`"):
        open_sources(specs({"path": "rows.txt", "format": "cvs"}), tmp_path)


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"a": 1}\n[]\n')))
    assert peek_fields(specs("-"), tmp_path) is None
    good, bad = take("-", tmp_path)
    assert (good.place, bad.place) == ("-:1", "-:2")


@pytest.mark.parametrize("name", ["start", "end", "drop", "visits", "params"])
def test_reserved_columns(tmp_path: Path, name: str) -> None:
    lines(tmp_path / "s.jsonl", '{"a": 1}', f'{{"{name}": 1}}')
    with pytest.raises(InputError, match=rf"s\.jsonl:2: a column cannot be called `{name}`.* rename it in the source"):
        peek_fields(specs("s.jsonl"), tmp_path)
    good, bad = take("s.jsonl", tmp_path)
    assert isinstance(good, Record)
    assert isinstance(bad, BadRow)


def test_tags_may_come_as_a_map(tmp_path: Path) -> None:
    good, bad = take([{"tags": {"length": {"tokens": 5}}}, {"tags": "x"}], tmp_path)
    assert isinstance(good, Record)
    assert isinstance(bad, BadRow)
    assert "must be a map of tags, not a text" in bad.error


def test_an_id_column_beside_another_id_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be called `id`"):
        peek_fields(specs({"records": [{"id": 1, "uuid": 2}], "id": "uuid"}), tmp_path)


def test_peek_is_the_union_of_the_first_rows_and_the_known_fields(tmp_path: Path) -> None:
    rows = [f'{{"id": {n}, "a{n}": 1}}' for n in range(150)]
    lines(tmp_path / "s.jsonl", "{", *rows)
    raw = [{"path": "s.jsonl", "fields": ["more"]}, {"records": [{"b": 1}]}]
    assert peek_fields(specs(raw), tmp_path) == {f"a{n}" for n in range(99)} | {"more", "b"}
    assert peek_fields(specs({"count": 2}), tmp_path) == set()
    lines(tmp_path / "bad.jsonl", "{")
    assert peek_fields(specs("bad.jsonl"), tmp_path) is None


def test_the_signature_changes_with_the_rows(tmp_path: Path) -> None:
    lines(tmp_path / "d/a.jsonl", '{"a": 1}')
    first = signature(specs("d"), tmp_path)
    assert signature(specs("d"), tmp_path) == first
    assert signature(specs({"path": "d", "limit": 5}), tmp_path) == first
    lines(tmp_path / "d/b.jsonl", '{"a": 1}')
    second = signature(specs("d"), tmp_path)
    lines(tmp_path / "d/b.jsonl", '{"a": 1}', '{"a": 2}')
    assert len({first, second, signature(specs("d"), tmp_path), signature(specs([{"a": 1}]), tmp_path)}) == 4


def test_repeat_starts_again_when_all_are_dry(tmp_path: Path) -> None:
    lines(tmp_path / "s.jsonl", '{"id": "x"}', "{", '{"id": "y"}')
    raw = [{"path": "s.jsonl", "repeat": True}, {"records": [{"id": "z"}]}]
    items = list(islice(open_sources(specs(raw), tmp_path), 8))
    assert [item.id for item in items if isinstance(item, Record)] == ["x", "y", "z", "x~2", "y~2", "x~3", "y~3"]
    lines(tmp_path / "s.jsonl", "{")
    assert len(take(raw, tmp_path)) == 2, "nothing but bad rows does not go round for ever"


def test_a_source_that_is_left_half_way_closes_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"a": 1}\n' * 3))
    rows = open_sources(specs("*.gz"), tmp_path)
    next(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del rows
        gc.collect()


def test_a_file_that_vanishes_under_way(tmp_path: Path) -> None:
    lines(tmp_path / "s.jsonl", '{"a": 1}')
    rows = open_sources(specs("s.jsonl"), tmp_path)
    (tmp_path / "s.jsonl").unlink()
    with pytest.raises(InputError, match=r"s\.jsonl cannot be read"):
        next(rows)

"""Sinks: whole files or none, and clear words when the disk says no."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import InputError, RowError, StorageError
from seedbed.graph.spec_io import SinkSpec
from seedbed.io.files.jsonl import Jsonl
from seedbed.io.sinks import Sink, check_sinks, open_sink, target_of


def sink(base: Path, path: str = "out.jsonl", run: str = "run1", **more: Any) -> Sink:
    return open_sink(SinkSpec(path=path, **more), base, run)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_appears_at_once_and_only_when_closed(tmp_path: Path) -> None:
    target = tmp_path / "deep/er/out.jsonl"
    out = sink(tmp_path, "deep/er/out.jsonl")
    out.write({"b": 1, "a": "é\u2028😀"})
    assert not target.exists()
    assert names(target.parent) == [".out.jsonl.part-run1"]
    out.close()
    assert target.read_bytes() == '{"b":1,"a":"é\u2028😀"}\n'.encode()
    assert names(target.parent) == ["out.jsonl"]


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz", "out.json", "out.csv", "out.parquet"])
def test_abort_leaves_the_target_and_nothing_else(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("old")
    out = sink(tmp_path, name)
    with pytest.raises(ZeroDivisionError), out:
        out.write({"a": 1 // 0})
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "old"


@pytest.mark.parametrize("name", ["o.jsonl", "o.jsonl.gz", "o.jsonl.zst", "o.json", "o.csv", "o.tsv.gz", "o.parquet"])
def test_equal_rows_give_equal_bytes_and_no_leftovers(tmp_path: Path, name: str) -> None:
    made = []
    for run in ("run1", "run2"):
        with sink(tmp_path, name, run) as out:
            for n in range(50):
                out.write({"n": n, "t": "x" * n, "m": [{"k": None}]})
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    assert names(tmp_path) == [name]


def test_numbers_are_kept_in_full_and_surrogates_replaced(tmp_path: Path) -> None:
    with sink(tmp_path) as out:
        out.write({"f": 0.1 + 0.2, "i": 2**70, "n": float("nan"), "s": "a\ud800b", "k": {"\udfff": ["\ud800"]}})
    text = (tmp_path / "out.jsonl").read_text()
    assert (
        text
        == '{"f":0.30000000000000004,"i":1180591620717411303424,"n":null,"s":"a\ufffdb","k":{"\ufffd":["\ufffd"]}}\n'
    )


def test_a_record_that_json_cannot_say_fails_alone(tmp_path: Path) -> None:
    loop: list[Any] = []
    loop.append(loop)
    with sink(tmp_path) as out:
        out.write({"a": 1})
        for value in (object(), loop):
            with pytest.raises(RowError, match=r"the record cannot be written to out\.jsonl"):
                out.write({"a": value})
        out.write({"a": 2})
    assert (tmp_path / "out.jsonl").read_text() == '{"a":1}\n{"a":2}\n'


def test_row_formats(tmp_path: Path) -> None:
    with sink(tmp_path, format="sft") as out:
        out.write({"prompt": "a", "completion": "b", "score": 3})
        with pytest.raises(RowError, match="an `sft` row needs"):
            out.write({"score": 3})
    assert (tmp_path / "out.jsonl").read_text() == '{"prompt":"a","completion":"b"}\n'


def test_the_rows_of_a_json_sink(tmp_path: Path) -> None:
    sink(tmp_path, "none.json").close()
    assert (tmp_path / "none.json").read_text() == "[]\n"
    with sink(tmp_path, "two.json") as out:
        out.write({"a": 1})
        out.write({"a": 2})
    assert json.loads((tmp_path / "two.json").read_text()) == [{"a": 1}, {"a": 2}]


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store/real.jsonl").touch(mode=0o600)
    (tmp_path / "out.jsonl").symlink_to("store/real.jsonl")
    with sink(tmp_path) as out:
        out.write({"a": 1})
    assert (tmp_path / "out.jsonl").is_symlink()
    assert (tmp_path / "store/real.jsonl").read_text() == '{"a":1}\n'
    assert (tmp_path / "store/real.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_device_is_written_and_not_replaced(tmp_path: Path) -> None:
    with sink(tmp_path, "/dev/null") as out:
        out.write({"a": 1})
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("raw", "place", "said"),
    [
        ([{"path": "folder"}], (0, "path"), "the sink `folder` is a folder"),
        ([{"path": "new/"}], (0, "path"), "the sink `new/` is a folder"),
        ([{"path": "a.jsonl"}, {"path": "./b/../a.jsonl"}], (1, "path"), "two sinks write to"),
        ([{"path": "-"}, {"path": "-"}], (1, "path"), "two sinks write to"),
        ([{"path": "a.xlsx"}], (0, "path"), "the ending of `a.xlsx` tells no format"),
        ([{"path": "a.md"}], (0, "path"), "`a.md`: this format is a source, not a sink"),
        ([{"path": "a.parquet.gz"}], (0, "path"), "the ending of `a.parquet.gz` tells no format"),
        ([{"path": "a.gz", "file": "parquet"}], (0, "path"), "this format is compressed inside"),
        ([{"path": "a.csv", "mode": "append"}], (0, "mode"), "only JSON lines can be appended to"),
        ([{"path": "-", "file": "csv"}], (0, "file"), "takes rows as JSON lines only"),
        ([{"path": "a.jsonl", "file": "cvs"}], (0, "file"), "there is no file format `cvs`"),
        ([{"path": "a.jsonl", "format": "sftt"}], (0, "format"), "there is no format `sftt`"),
    ],
)
def test_sinks_that_cannot_be_meant(tmp_path: Path, raw: list[dict[str, Any]], place: Any, said: str) -> None:
    (tmp_path / "folder").mkdir()
    specs = [SinkSpec.model_validate(item) for item in raw]
    (issue,) = check_sinks(specs, tmp_path)
    assert issue.path == place
    assert said in issue.what
    if len(specs) == 1:
        with pytest.raises(InputError, match=r"."):
            open_sink(specs[0], tmp_path, "run1")
    assert names(tmp_path) == ["folder"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file/out\.jsonl cannot be written: (Not a directory|File exists)"):
        sink(tmp_path, "file/out.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_device(tmp_path: Path) -> None:
    out = sink(tmp_path, "/dev/full")
    with pytest.raises(StorageError, match="/dev/full cannot be written: No space left on device; mend that"):
        out.write({"a": 1})
    out.abort()


def fill(out: Sink) -> None:
    for _ in range(20_000):
        out.write({"n": os.urandom(50).hex()})


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz", "out.json", "out.csv", "out.parquet"])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("old")
    out = sink(tmp_path, name)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(StorageError, match="cannot be written: File too large"), out:
            fill(out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "old"


def test_standard_output_and_a_reader_that_leaves(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from seedbed.errors import StorageError; from seedbed.graph.spec_io import SinkSpec\n"
        "from seedbed.io.sinks import open_sink\n"
        "out = open_sink(SinkSpec(path='-'), Path('.'), 'r')\n"
        "try:\n"
        "    for n in range(10**6): out.write({'n': n})\n"
        "except StorageError as error:\n"
        "    out.abort(); print(error, file=sys.stderr); sys.exit(3)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout
    assert child.stderr
    assert child.stdout.readline() == b'{"n":0}\n'
    child.stdout.close()
    assert child.stderr.read() == b"standard output was closed by its reader\n"
    child.stderr.close()
    assert child.wait() == 3


def test_two_runs_of_one_sink_do_not_meet(tmp_path: Path) -> None:
    first, second = sink(tmp_path, run="a"), sink(tmp_path, run="b")
    first.write({"run": "a"})
    second.write({"run": "b"})
    second.close()
    first.close()
    assert (tmp_path / "out.jsonl").read_text() == '{"run":"a"}\n'


def test_a_resumed_run_starts_its_file_anew(tmp_path: Path) -> None:
    (tmp_path / ".out.jsonl.gz.part-run1").write_bytes(b"left by a kill")
    with sink(tmp_path, "out.jsonl.gz") as out:
        out.write({"a": 1})
    assert gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()) == b'{"a":1}\n'
    assert names(tmp_path) == ["out.jsonl.gz"]


def test_target_of(tmp_path: Path) -> None:
    assert target_of(SinkSpec(path="-"), tmp_path) is None
    assert target_of(SinkSpec(path="x/y.jsonl"), tmp_path) == tmp_path.resolve() / "x/y.jsonl"


def test_a_file_format_by_name(tmp_path: Path) -> None:
    with sink(tmp_path, "rows.dat", file="jsonl") as out:
        out.write({"a": 1})
    assert [row.fields for row in Jsonl().read(tmp_path / "rows.dat", "rows.dat")] == [{"a": 1}]

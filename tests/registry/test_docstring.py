"""Docstrings in the three forms that people write."""

from __future__ import annotations

import pytest

from seedbed.registry.docstring import read_docstring

GOOGLE = """Looks up the weather.

    It asks a station,
    and waits.

    Args:
        city (str, optional): The city,
            by its name.
        *rest: Others.
        unit: C or F: one of them.

    Returns:
        str: What it is like.
    """
NUMPY = """Looks up the weather.

    It asks a station,
    and waits.

    Parameters
    ----------
    city : str, optional
        The city,
        by its name.
    *rest
        Others.
    unit : {"C", "F"}
        C or F: one of them.

    Returns
    -------
    str
        What it is like.
    """
REST = """Looks up the weather.

    It asks a station,
    and waits.

    :param str city: The city,
        by its name.
    :param rest: Others.
    :param unit: C or F: one of them.
    :type unit: str
    :returns: What it is like.
    :rtype: str
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, REST])
def test_every_form_gives_the_same(text: str) -> None:
    found = read_docstring(text)
    assert found.text == "Looks up the weather.\nIt asks a station, and waits."
    assert found.parameters == {
        "city": "The city, by its name.",
        "rest": "Others.",
        "unit": "C or F: one of them.",
    }


def test_numpy_names_several_at_once() -> None:
    assert read_docstring("X.\n\nParameters\n----------\na, b : int\n    Both.\n").parameters == {
        "a": "Both.",
        "b": "Both.",
    }


def test_what_is_in_no_form_is_description() -> None:
    assert read_docstring(None) == ("", {})
    assert read_docstring("One line") == ("One line", {})
    assert read_docstring("Adds.\n\nNote that: it is exact.").text == "Adds.\nNote that: it is exact."
    assert read_docstring("Adds.\n\nExamples:\n    add(1, 2)\n").text == "Adds."

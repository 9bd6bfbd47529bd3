"""Tools for `tool_agent.yaml`. A model is told of them what signature and docstring say."""

from datetime import date
from typing import Literal

STOCK = {"tea": (4.50, 120), "coffee": (7.20, 0), "cocoa": (5.80, 35), "honey": (6.10, 12)}


def find_article(name: str) -> dict:
    """Finds an article of the shop: its price in euros, and how many there are.

    Args:
        name: The article, a single word in lower case.
    """
    if name not in STOCK:
        raise LookupError(f"no article {name!r}; there are {', '.join(STOCK)}")
    price, left = STOCK[name]
    return {"article": name, "price": price, "left": left}


def calculate(first: float, operation: Literal["plus", "minus", "times", "divided_by"], second: float) -> float:
    """Calculates with two numbers.

    Args:
        first: The number to begin with.
        operation: What to do with it.
        second: The other number.
    """
    results = {
        "plus": first + second,
        "minus": first - second,
        "times": first * second,
        "divided_by": first / second if second else float("nan"),
    }
    return round(results[operation], 4)


def days_until(day: str, today: str = "2026-03-01") -> int:
    """Counts the days from today to a day.

    Args:
        day: The day, as 2026-12-24.
        today: Leave it out.
    """
    return (date.fromisoformat(day) - date.fromisoformat(today)).days

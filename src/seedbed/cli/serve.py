"""`seedbed serve`: a model behind an OpenAI-compatible port, scripted or embedded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

__all__ = ["serve"]

_host = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
_port = click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
_key = click.option("--api-key", metavar="KEY", help="Requests with another key get 401.")


@click.group()
def serve() -> None:
    """Serve a model behind an OpenAI-compatible port.

    The first line printed is the base URL for clients. Ctrl-C stops.
    """


@serve.command()
@click.argument("rules", required=False, type=click.Path(path_type=Path))
@_host
@_port
@_key
@click.option("--latency", type=click.FloatRange(min=0), metavar="SECONDS", help="Time for each answer.")
@click.option("--max-in-flight", type=click.IntRange(min=1), metavar="N", help="More requests at once get 429.")
@click.option("--max-requests", type=click.IntRange(min=1), metavar="N", help="More in one window get 429.")
@click.option("--window", type=click.FloatRange(min=0.001), default=60.0, show_default=True, metavar="SECONDS")
@click.option("--slots", type=click.IntRange(min=1), metavar="N", help="Answer N at once; others wait.")
def scripted(
    rules: Path | None, host: str, port: int, api_key: str | None, latency: float | None, **limits: Any
) -> None:
    """Answer by RULES, a YAML file; without it every answer is made up from the request."""
    from seedbed.models.script.rules import LatencySpec
    from seedbed.testing.server import scripted_front

    spec = None if latency is None else LatencySpec(seconds=latency)
    limits["rate_headers"] = limits["max_requests"] is not None
    _listen(scripted_front(rules, spec, api_key=api_key, **limits), host, port)


@serve.command()
@click.argument("name", required=False, default="")
@_host
@_port
@_key
def local(name: str, host: str, port: int, api_key: str | None) -> None:
    """Answer with the embedded model NAME (see `seedbed models list`), or with the default one."""
    from seedbed.errors import InputError
    from seedbed.graph.validate import validated
    from seedbed.graph.yaml import Document
    from seedbed.registry.plugins import find
    from seedbed.testing.bridge import answer_from
    from seedbed.testing.front import Front
    from seedbed.testing.limits import Limits

    document = Document("seedbed serve local")
    provider = validated(find("provider", "local"), {"provider": "local", "model": name}, document, ())
    if provider is None:
        raise InputError("; ".join(problem.what for problem in document.problems))
    front = Front(answer_from(provider), Limits(api_key=api_key), models=[name or "local"], keep=1)
    _listen(front, host, port, provider)


def _listen(front: Any, host: str, port: int, provider: Any = None) -> None:
    from seedbed.errors import InputError
    from seedbed.testing.server import run_front

    try:
        run_front(front, host, port, provider)
    except OSError as error:
        fix = "choose another with --port, or --port 0 for any"
        raise InputError(f"cannot listen on {host}:{port}: {error.strerror}", hint=fix) from error

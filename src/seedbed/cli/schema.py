"""`seedbed schema`: the JSON Schema of a pipeline file."""

from __future__ import annotations

import click

__all__ = ["schema"]


@click.command()
def schema() -> None:
    """Print the JSON Schema of a pipeline file, for editors and forms.

    \b
    Once:            seedbed schema > seedbed.schema.json
    In each file:    # yaml-language-server: $schema=seedbed.schema.json

    It knows the nodes, steps and providers of installed plug-ins, too.
    """
    import json

    from seedbed.graph.schema import pipeline_schema

    click.echo(json.dumps(pipeline_schema(), indent=2, ensure_ascii=False))

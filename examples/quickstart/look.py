"""Shows some of the records that the quickstart made, and where they are. `make demo` ends with it.

python examples/quickstart/look.py [HOW MANY]
"""

import json
import sys
import textwrap
from pathlib import Path

OUT = Path(__file__).parents[1] / "out"


def main() -> None:
    """Prints some records, spread over the file."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    lines = (OUT / "quickstart-records.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    for record in records[:: max(len(records) // many, 1)][:many]:
        question, answer = (message["content"] for message in record["messages"])
        print()
        show("asked", question)
        show("answered", answer)
        show("from", f"“{record['evidence']}” ({record['document']})")
    print(f"\n{len(records)} records like these, ready for a trainer: {short(OUT / 'quickstart-sft.jsonl')}")
    print(f"the same with the passage each came from:       {short(OUT / 'quickstart-records.jsonl')}")
    print(f"how the first one was made:                     .venv/bin/seedbed trace {short(run())} {records[0]['id']}")
    print(f"all of it on one page:                          {short(run() / 'report.html')}")


def run() -> Path:
    """The latest run."""
    return max((OUT.parent / "runs" / "quickstart").iterdir())


def show(title: str, text: str) -> None:
    """A titled text, wrapped."""
    print(textwrap.fill(text, 110, initial_indent=f"{title:>10}  ", subsequent_indent=" " * 12))


def short(path: Path) -> str:
    """A path as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


if __name__ == "__main__":
    main()

"""The files of a project that `seedbed new` makes."""

from __future__ import annotations

import re
from pathlib import Path

from seedbed.errors import InputError

PIPELINE = """\
# seedbed preview pipeline.yaml         two or three records, with every prompt and reply
# seedbed run pipeline.yaml             all of them; the same command goes on where it was stopped
# --set models.writer=scripted          with either: made-up answers, nothing to install, nothing to pay

name: @NAME@
seed: 7                                # every draw derives from it
params: {min_words: 8}                 # read as ${params.min_words}; --set params.min_words=20 changes it

models:
  writer: local                        # a small model in this process; needs: pip install 'seedbed[local]'
  # Any OpenAI-compatible endpoint instead: OpenAI, vLLM, SGLang, llama.cpp, Ollama, Together, Groq, …
  # writer:
  #   provider: openai
  #   model: gpt-4o-mini
  #   base_url: ${OPENAI_BASE_URL:-https://api.openai.com/v1}
  #   api_key: ${OPENAI_API_KEY}       # taken from the environment, never written anywhere
  #   price: {input: 0.15, output: 0.60}      # USD per million tokens

source: seeds.jsonl                    # one JSON object a line; its keys are the fields below

steps:
  - type: graph                        # each record walks through these nodes on its own
    nodes:
      question:
        type: llm
        model: writer
        params: {temperature: 0.8, max_tokens: 80}
        prompt: |-
          Write one question that {{ audience }} might ask about {{ topic }}.
          Give the question only.
      answer:
        type: llm
        model: writer
        params: {temperature: 0.4, max_tokens: 200}
        prompt:
          - system: You explain things to {{ audience }}, in plain words and at most five sentences.
          - user: "{{ question }}"
      checked:
        type: function                 # your own Python: its parameters are the fields it reads
        call: ./hooks.py:check
        params: {min_words: "${params.min_words}"}
    # The order follows from the fields: `answer` reads `question`, `checked` reads both. Loops and branches are
    # written as edges:
    # edges:
    #   - start -> question -> answer -> checked
    #   - checked -> answer when not checked.ok and visits.answer < 3
    #   - checked -> end
  - {type: filter, where: checked.ok}
  - {type: dedup.exact, field: question}

output:                                # what a record looks like in the end
  messages:
    - {role: user, content: "{{ question }}"}
    - {role: assistant, content: "{{ answer }}"}
  topic: "{{ topic }}"

sink: {path: out/sft.jsonl, format: sft}
"""

SEEDS = """\
{"topic": "why the sky is blue", "audience": "a curious child"}
{"topic": "how a vaccine works", "audience": "a worried parent"}
{"topic": "what compound interest does", "audience": "someone with a first salary"}
{"topic": "why bread rises", "audience": "a beginner at baking"}
{"topic": "how a hash table finds a key", "audience": "a first-year student"}
{"topic": "what makes the tides", "audience": "a sailor on holiday"}
"""

HOOKS = '''\
"""Python that pipeline.yaml calls. Parameter names are field names; what is returned is the node's value."""

APOLOGIES = ("as an ai", "i cannot", "i can't", "i'm sorry")


def check(question: str, answer: str, min_words: int) -> dict:
    """Whether a pair is worth keeping, and why not."""
    if len(answer.split()) < min_words:
        return {"ok": False, "reason": f"fewer than {min_words} words"}
    if answer.lower().startswith(APOLOGIES):
        return {"ok": False, "reason": "an apology, not an answer"}
    if answer.strip() == question.strip():
        return {"ok": False, "reason": "the question again"}
    return {"ok": True, "reason": ""}
'''

README = """\
# @NAME@

Questions and answers, made with `seedbed` from the topics in `seeds.jsonl`.

| file | what it is |
|---|---|
| `pipeline.yaml` | where seeds come from, what each record walks through, what comes out |
| `seeds.jsonl` | one seed a line |
| `hooks.py` | the check that each pair has to pass |
| `out/sft.jsonl` | the data, once it is made |
| `runs/` | every run: its records, prompts, replies and costs |

```console
$ seedbed check pipeline.yaml                                   # what is wrong with it, if anything
$ seedbed preview pipeline.yaml --set models.writer=scripted    # made-up answers: nothing to install or to pay
$ seedbed preview pipeline.yaml                                 # five records by a real model
$ seedbed run pipeline.yaml                                     # all of them; the same command goes on after a stop
$ seedbed status @NAME@                                         # counts, calls, costs, failures by reason
$ seedbed trace @NAME@ seeds.jsonl:1                            # what happened to one record
```

Another model: change `models:` in `pipeline.yaml`, as its comments say.
"""

IGNORE = """\
runs/
out/
__pycache__/
"""

FILES = {
    "pipeline.yaml": PIPELINE, "seeds.jsonl": SEEDS, "hooks.py": HOOKS, "README.md": README, ".gitignore": IGNORE,
}  # fmt: skip


def write_starter(folder: Path) -> list[str]:
    """Writes the project's files and returns their names. Raises InputError rather than overwrite one of them."""
    there = [name for name in FILES if (folder / name).exists()]
    if there:
        raise InputError(f"{folder} has {', '.join(there)} already", hint="name a folder that is not there yet")
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", folder.resolve().name).strip("-._") or "my-data"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in FILES.items():
            (folder / file).write_text(text.replace("@NAME@", name), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror}", hint="name a place that can be written") from error
    return list(FILES)

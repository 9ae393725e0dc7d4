"""What models there are: `registry.toml` as frozen records.

Covered: names, hashes, licences, sources. Not covered: fetching (`fetch`) and conversion.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from bot.errors import ModelError

DEFAULT_ENCODER = "multilingual-e5-small"
"""The encoder that the shipped adapters and heads belong to."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file to fetch. Each source is a list of parts that are joined in order."""

    name: str
    sha256: str
    bytes: int
    licence: str
    origin: str
    sources: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model that is made from one file."""

    name: str
    role: Literal["generator", "encoder"]
    file: ModelFile
    format: Literal["gguf", "e5s1"]


@dataclass(frozen=True, slots=True)
class Registry:
    """All models by name."""

    models: dict[str, ModelSpec]

    def find(self, name: str) -> ModelSpec:
        """The model called `name`.

        Raises:
            ModelError: there is none; the message lists those there are.
        """
        try:
            return self.models[name]
        except KeyError:
            known = ", ".join(sorted(self.models))
            raise ModelError(
                f"no model is called {name!r} in the registry (it has: {known})",
                fix="use one of these names, or convert a folder: "
                "shopkeeper models convert FOLDER_OR_ID",
            ) from None

    @classmethod
    def parse(cls, text: str) -> Registry:
        """A registry from the text of a TOML file."""
        data = tomllib.loads(text)
        files = {
            name: ModelFile(
                name=name,
                sha256=entry["sha256"],
                bytes=entry["bytes"],
                licence=entry["licence"],
                origin=entry["origin"],
                sources=tuple(tuple(source) for source in entry["sources"]),
            )
            for name, entry in data["files"].items()
        }
        return cls(
            {
                name: ModelSpec(name, entry["role"], files[entry["file"]], entry["format"])
                for name, entry in data["models"].items()
            }
        )


def shipped_registry() -> Registry:
    """The registry that comes with the program."""
    text = resources.files("bot.models").joinpath("registry.toml").read_text(encoding="utf-8")
    return Registry.parse(text)

"""Importing as an operator does: look first, import, import again, take away, compare."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.build import open_shop
from bot.commands import checking, importing
from bot.config import Settings, load_settings
from bot.errors import InputError
from bot.store.sql import SqlKnowledgeStore

TABLE = "id,question,answer\n1,Do you ship?,Yes.\n2,Gift wrap?,For €3.50.\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    absent = tmp_path / "no-models"
    return load_settings(home=tmp_path / "shop", models_dir=absent, database_url="")


def stored(settings: Settings) -> dict[str, str]:
    with open_shop(settings, models=False) as shop:
        return {p.passage_id: p.text for p in shop.knowledge.live_passages()}


def write(tmp_path: Path, text: str, name: str = "faqs.csv") -> list[Path]:
    (tmp_path / name).write_text(text, "utf-8")
    return [tmp_path / name]


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


def test_importing_again_updates_and_counts(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = write(tmp_path, TABLE)
    assert importing.import_paths(settings, paths, check=False) == 0
    assert "2 added, 0 changed, 0 unchanged" in told(capsys)
    write(tmp_path, TABLE.replace("3.50", "4.00") + "3,Late?,Rarely.\n")
    importing.import_paths(settings, paths, dry_run=True)
    assert "1 added, 1 changed, 1 unchanged (dry run" in told(capsys)
    assert stored(settings)["faq-2.en"] == "For €3.50."
    importing.import_paths(settings, paths, check=False)
    assert stored(settings) == {"faq-1.en": "Yes.", "faq-2.en": "For €4.00.", "faq-3.en": "Rarely."}
    with open_shop(settings, models=False) as shop:
        assert isinstance(shop.knowledge, SqlKnowledgeStore)
        versions = {p.passage_id: p.version for p in shop.knowledge.live_passages()}
    assert versions == {"faq-1.en": 1, "faq-2.en": 2, "faq-3.en": 1}


def test_a_dry_run_makes_no_database_and_shows_columns(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    importing.import_paths(settings, write(tmp_path, TABLE), dry_run=True)
    assert not settings.home.exists()
    said = told(capsys)
    assert "CSV table of FAQ entries, utf-8" in said
    assert "question → question; answer → answer" in said


def test_what_a_file_holds_no_more_is_kept_until_it_is_pruned(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = write(tmp_path, TABLE)
    importing.import_paths(settings, paths, check=False)
    importing.import_paths(settings, write(tmp_path, TABLE, "other.csv"), check=False)
    importing.import_paths(settings, paths, check=False)
    shorter = write(tmp_path, "id,question,answer\n1,Do you ship?,Yes.\n")
    importing.import_paths(settings, shorter, check=False)
    assert "--prune removes them" in told(capsys)
    assert len(stored(settings)) == 2
    importing.import_paths(settings, shorter, prune=True, check=False)
    assert set(stored(settings)) == {"faq-1.en"}


def test_a_file_with_a_bad_row_removes_nothing(tmp_path: Path, settings: Settings) -> None:
    importing.import_paths(settings, write(tmp_path, TABLE), check=False)
    half = write(tmp_path, "id,question,answer\n1,Do you ship?,Yes.\n2,Gift")
    assert importing.import_paths(settings, half, prune=True, check=False) == 1
    assert len(stored(settings)) == 2


def test_parts_of_a_text_that_got_shorter_are_removed(tmp_path: Path, settings: Settings) -> None:
    long = "A sentence about delivery. " * 400
    importing.import_paths(
        settings, write(tmp_path, f"id,question,answer\n1,Q?,{long}\n"), check=False
    )
    assert len(stored(settings)) > 5
    importing.import_paths(
        settings, write(tmp_path, "id,question,answer\n1,Q?,Short.\n"), check=False
    )
    assert stored(settings) == {"faq-1.en": "Short."}


def test_contradictions_are_reported_side_by_side_in_both_languages(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without models, entries in the same words are compared, and it says so."""
    text = "You can send unused items in their box back within {} days of delivery."
    rows = f"1,Returns?,{text.format(14)}\n2,Returning?,{text.format(30)}\n"
    importing.import_paths(settings, write(tmp_path, "id,question,answer\n" + rows))
    said = told(capsys)
    assert "by words only" in said
    assert "may contradict each other · 可能互相矛盾" in said
    assert "differs · 不同: 14 days · 天" in said
    assert checking.check(settings, as_json=True) == 1
    assert '"what": "day"' in capsys.readouterr().out


def test_nothing_to_import_and_wishes_that_make_no_sense(
    tmp_path: Path, settings: Settings
) -> None:
    paths = write(tmp_path, "")
    with pytest.raises(InputError, match="nothing to import"):
        importing.import_paths(settings, paths)
    with pytest.raises(InputError, match="no currency"):
        importing.import_paths(settings, paths, currency="euros")
    with pytest.raises(InputError, match="no field"):
        importing.import_paths(settings, paths, mapping=["colour=Farbe"])


def test_text_from_a_file_is_never_markup(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "1,[red]Q[/red]?,A.\n2,,[/nonsense]\n"
    importing.import_paths(
        settings, write(tmp_path, "id,question,answer\n" + rows, "[b].csv"), dry_run=True
    )
    said = told(capsys)
    assert "[red]Q[/red]?" in said
    assert "[b].csv" in said

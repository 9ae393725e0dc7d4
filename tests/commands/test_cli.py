"""The command line as people meet it: one clear sentence with the fix, never a stack trace."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot.config import load_settings
from bot.errors import ConfigError
from bot.models.runtime import serving_folder


def shopkeeper(*words: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own."""
    models = str(load_settings().models_dir)
    plain = {k: v for k, v in os.environ.items() if not k.startswith("SHOPKEEPER_")}
    added = {"SHOPKEEPER_HOME": str(home), "SHOPKEEPER_MODELS_DIR": models, "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", *words],
        capture_output=True,
        text=True,
        env=plain | added | environment,
        timeout=300,
        check=False,
    )


def refused(result: subprocess.CompletedProcess[str], *told: str) -> None:
    """It failed with these words and without a stack trace."""
    assert result.returncode == 1, result
    assert "Traceback" not in result.stderr
    for words in told:
        assert words in result.stderr, result.stderr


def test_a_port_in_use_is_told_with_another_one(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(shopkeeper("serve", "--port", str(port), home=tmp_path), f"{port}", "--port")


@pytest.mark.parametrize(
    ("setting", "value"), [("PORT", "abc"), ("KV_CACHE_GB", "0"), ("ANSWER_PRECISION", "2")]
)
def test_a_wrong_setting_is_named(tmp_path: Path, setting: str, value: str) -> None:
    result = shopkeeper("config", home=tmp_path, **{f"SHOPKEEPER_{setting}": value})
    refused(result, f"SHOPKEEPER_{setting}")


@pytest.mark.parametrize("command", ["config", "doctor"])
def test_a_setting_that_does_not_exist_is_told(tmp_path: Path, command: str) -> None:
    result = shopkeeper(command, home=tmp_path, SHOPKEEPER_PROT="1", COLUMNS="200")
    said = " ".join((result.stdout + result.stderr).split())
    assert "SHOPKEEPER_PROT is no setting" in said
    assert "did you mean SHOPKEEPER_PORT?" in said


def test_a_setting_of_the_file_that_does_not_exist_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shopkeeper.toml").write_text("shop_nam_en = 'x'\n", "utf-8")
    with pytest.raises(ConfigError, match="there is no setting 'shop_nam_en'") as caught:
        load_settings()
    assert caught.value.fix == "write shop_name_en"


def test_a_port_that_no_machine_has_is_refused(tmp_path: Path) -> None:
    result = shopkeeper("serve", "--port", "99999", home=tmp_path)
    assert result.returncode == 2
    assert "65535" in result.stderr
    assert "Traceback" not in result.stderr


def test_deleting_what_is_not_there_deletes_nothing(tmp_path: Path) -> None:
    put = ("knowledge", "put", "f1", "--title", "Do you ship?", "--text", "Yes.")
    assert shopkeeper(*put, home=tmp_path).returncode == 0
    refused(shopkeeper("knowledge", "delete", "f1", "f2", home=tmp_path), "f2", "nothing was")
    assert "f1" in shopkeeper("knowledge", "list", home=tmp_path).stdout
    assert shopkeeper("knowledge", "delete", "f1", home=tmp_path).returncode == 0


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    result = shopkeeper("config", home=tmp_path, SHOPKEEPER_CHATWOOT_TOKEN="hunter2-hunter2")
    assert result.returncode == 0
    assert "hunter2" not in result.stdout


def test_good_rows_load_bad_rows_are_listed_and_all_comes_out_again(tmp_path: Path) -> None:
    file = tmp_path / "faqs.csv"
    file.write_text(
        "id,lang,question,answer\nf1,en,Do you ship?,Yes.\nf2,en,,No question here\n", "utf-8"
    )
    result = shopkeeper("knowledge", "import", str(file), home=tmp_path / "shop")
    assert result.returncode == 1, "a bad row shows in the exit code"
    assert "faqs.csv" in result.stderr
    assert "question" in result.stderr
    out = tmp_path / "out.jsonl"
    assert shopkeeper("knowledge", "export", str(out), home=tmp_path / "shop").returncode == 0
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [row["passage_id"] for row in rows] == ["f1.en"]


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "faqs.csv"
    file.write_text("id,lang,question,answer\nf1,en,Do you ship?,Yes.\n", "utf-8")
    shopkeeper("knowledge", "import", "--dry-run", str(file), home=tmp_path / "shop")
    assert not (tmp_path / "shop" / "shopkeeper.db").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    refused(shopkeeper("knowledge", "import", "absent.csv", home=tmp_path), "absent.csv")


def test_a_damaged_database_is_named_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "shopkeeper.db").write_bytes(b"no database at all " * 400)
    refused(shopkeeper("knowledge", "list", home=tmp_path), "shopkeeper.db", "fix")


def test_models_that_are_not_set_up_are_told_with_the_command(tmp_path: Path) -> None:
    absent = str(tmp_path / "models")
    result = shopkeeper("ask", "hello", home=tmp_path, SHOPKEEPER_MODELS_DIR=absent)
    refused(result, "shopkeeper models setup")


@pytest.mark.models
def test_the_doctor_finds_what_is_well_and_what_is_not(tmp_path: Path) -> None:
    well = shopkeeper("doctor", "--json", home=tmp_path)
    findings = {finding["what"]: finding for finding in json.loads(well.stdout)}
    assert findings["model multilingual-e5-small"]["ok"]
    broken = tmp_path / "models"
    served = serving_folder("multilingual-e5-small", load_settings())
    name = served.name
    shutil.copytree(served, broken / name)
    (broken / name / "manifest.json").write_text("{")
    ill = shopkeeper("doctor", "--json", home=tmp_path, SHOPKEEPER_MODELS_DIR=str(broken))
    assert ill.returncode == 1
    found = {finding["what"]: finding for finding in json.loads(ill.stdout)}
    assert not found["model multilingual-e5-small"]["ok"]
    assert found["model multilingual-e5-small"]["fix"] == "shopkeeper models setup"


def test_a_full_disk_is_told_before_anything_is_lost(tmp_path: Path) -> None:
    """`/dev/full` takes nothing, as a full disk does."""
    (tmp_path / "out.jsonl").symlink_to("/dev/full")
    file = tmp_path / "faqs.csv"
    file.write_text("id,lang,question,answer\nf1,en,Do you ship?,Yes.\n", "utf-8")
    shopkeeper("knowledge", "import", str(file), home=tmp_path / "shop")
    result = shopkeeper("knowledge", "export", str(tmp_path / "out.jsonl"), home=tmp_path / "shop")
    refused(result, "out.jsonl")


@pytest.mark.parametrize(
    ("target", "told"),
    [("there/is/no/folder/out.jsonl", "No such file"), (".", "Is a directory")],
)
def test_what_the_system_refuses_is_told_with_file_reason_and_fix(
    tmp_path: Path, target: str, told: str
) -> None:
    out = tmp_path / target
    result = shopkeeper("knowledge", "export", str(out), home=tmp_path / "shop")
    refused(result, str(out), told, "fix")


def test_a_reader_who_leaves_early_sees_no_trace(tmp_path: Path) -> None:
    """`shopkeeper config | head -1` closes the pipe while the program still writes."""
    command = f"{sys.executable} -m bot.cli config | head -1"
    environment = os.environ | {"SHOPKEEPER_HOME": str(tmp_path)}
    shell = ["sh", "-c", command]
    done = subprocess.run(shell, capture_output=True, text=True, env=environment, check=False)
    assert "Traceback" not in done.stderr

"""`python -m tests.dependency_audit`: known vulnerabilities in the locked dependencies.

Covered: every line of requirements.lock against the advisory database that pip-audit asks. A
finding fails. A machine that cannot reach the database is told so and goes on: the check is then
owed, not passed. AUDIT_URL names another database of the same kind (OSV), e.g. a mirror.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements.lock"
LONGEST_S = 180
_AWAY = re.compile(
    r"(?i)connect|timed? ?out|resolv|unreachable|proxy|network|ssl|certificate|\b(403|407|50[234])\b"
)


def audit(lock: Path = LOCK) -> int:
    """The exit code: 0 when nothing is known or nobody could be asked, 1 for findings."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--no-deps"]
    command += ["--disable-pip", "--vulnerability-service", "osv", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "10"]
    if url := os.environ.get("AUDIT_URL"):
        command += ["--osv-url", url]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired:
        return _skipped(f"no answer within {LONGEST_S} s")
    found = _report(done.stdout)
    if found is None:
        told = [line for line in done.stderr.strip().splitlines() if line.strip()]
        last = told[-1] if told else "no output"
        if _AWAY.search(done.stderr):
            return _skipped(last[:200])
        print(f"dependency audit FAILED to run: {done.stderr.strip()[-800:]}")
        return 1
    ill = [(entry, vuln) for entry in found for vuln in entry.get("vulns", ())]
    for entry, vuln in ill:
        fixed = ", ".join(vuln.get("fix_versions", ())) or "no release yet"
        print(f"  {entry['name']} {entry.get('version', '')}: {vuln['id']}, fixed in {fixed}")
    state = f"{len(ill)} known vulnerabilities" if ill else "no known vulnerabilities"
    print(f"dependency audit: {state} in {len(found)} packages")
    return 1 if ill else 0


def _report(printed: str) -> list[dict[str, Any]] | None:
    try:
        return list(json.loads(printed)["dependencies"])
    except (ValueError, KeyError, TypeError):
        return None


def _skipped(why: str) -> int:
    print(f"dependency audit SKIPPED: the advisory database cannot be reached ({why}).")
    print("  Nothing was checked. Run `make lint` again on a machine that is online.")
    return 0


if __name__ == "__main__":
    sys.exit(audit())

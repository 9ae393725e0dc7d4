"""`python -m bench.fuzz --seconds 600`: the published API against requests that nobody would send.

schemathesis derives requests, valid and not, from the OpenAPI document of the application on a
loopback port (answers scripted, limits off). Wrong is a 5xx, or a server that is gone. Webhook parsers are fuzzed by tests (`tests/channels/webhooks`). Not covered: the
chat page's own protocol, the console.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from bot.channels.app import create_app
from tests.channels.fakes import open_shop
from tests.e2e.live import serving

NO_LIMITS = {
    "rate_per_customer": "",
    "rate_per_address": "",
    "rate_per_shop": "",
    "requests_per_address": "",
}
DOCUMENT = "/api/v1/openapi.json"


def fuzz(seconds: int) -> list[str]:
    """What was found, as lines; none when all is well."""
    with tempfile.TemporaryDirectory() as folder:
        shop = open_shop(Path(folder), **NO_LIMITS)
        try:
            with serving(create_app(shop.parts)) as address:
                found = _schemathesis(f"{address}{DOCUMENT}", seconds)
                if httpx.get(f"{address}/healthz").status_code != 200:
                    found.append("the server is not well any more")
        finally:
            shop.engine.dispose()
    return found


def _schemathesis(url: str, seconds: int) -> list[str]:
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    if program is None:
        return ["schemathesis is not installed: pip install -e '.[dev]'"]
    done = subprocess.run(
        [
            *(program, "run", url),
            *("--checks", "not_a_server_error", "--max-time", str(seconds)),
            *("--continue-on-failure", "--warnings", "off", "--request-timeout", "30"),
            *("--suppress-health-check", "all"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 300,
        cwd=tempfile.gettempdir(),
    )
    print(done.stdout[-3000:])
    return [] if done.returncode == 0 else [done.stdout[-6000:], done.stderr[-2000:]]


def main() -> None:
    """Fuzz, print, exit 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    found = fuzz(parser.parse_args().seconds)
    print("\n".join(found) if found else "nothing found")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

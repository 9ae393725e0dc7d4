"""`python -m bench.fuzz --seconds 600`: the published API against requests that nobody would send.

schemathesis derives requests, valid and not, from the OpenAPI document of a server process (the
whole application, answers scripted, limits off). Wrong is: a 5xx, an error in the server's log, a
process that ends. Webhook parsers are fuzzed by tests (`tests/channels/webhooks`). Not covered: the
chat page's own protocol, the console.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.edge_parts import Server, free_port

NO_LIMITS = {
    "SHOPKEEPER_RATE_PER_CUSTOMER": "",
    "SHOPKEEPER_RATE_PER_ADDRESS": "",
    "SHOPKEEPER_RATE_PER_SHOP": "",
    "SHOPKEEPER_REQUESTS_PER_ADDRESS": "",
}
DOCUMENT = "/api/v1/openapi.json"


def fuzz(seconds: int) -> list[str]:
    """What was found, as lines; none when all is well."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        # Its connected system is nobody: nothing is sent in this run.
        url = f"sqlite:///{home}/shop.db"
        server = Server(url, home, free_port(), ("--kind", "whole"), NO_LIMITS)
        server.start()
        try:
            asyncio.run(server.ready())
            found = _schemathesis(server.port, seconds)
            if server.process is None or server.process.poll() is not None:
                found.append("the server ended")
            log = (home / "server.log").read_text(encoding="utf-8", errors="replace")
            if "Traceback" in log:
                found += ["the server's log:", log[-4000:]]
        finally:
            server.kill()
    return found


def _schemathesis(port: int, seconds: int) -> list[str]:
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    if program is None:
        return ["schemathesis is not installed: pip install -e '.[dev]'"]
    done = subprocess.run(
        [
            *(program, "run", f"http://127.0.0.1:{port}{DOCUMENT}"),
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

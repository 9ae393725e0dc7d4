"""What every generator promises, held against the fake and the real ones."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bot.answering.judging import judge_prompt
from bot.config import load_settings
from bot.errors import GeneratorError
from bot.models.openai_generator import OpenAIGenerator
from bot.models.openvino_generator import OpenVinoGenerator
from bot.models.runtime import load_generator
from bot.protocols import Generator, Judge
from bot.types import Prompt
from tests.scripted import ScriptedGenerator

PROMPT = Prompt("You are the assistant of a shop.", "Say in one sentence what a kettle is for.")


class CompletionServer(BaseHTTPRequestHandler):
    """Streams a completion as vLLM, llama.cpp and Ollama do."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions" or body["model"] != "known":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        words = ["A kettle ", "boils ", "water, ", "水壶", "烧水。"] * 4
        for word in words[: body["max_tokens"]]:
            chunk = {"choices": [{"delta": {"content": word}}]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.write(b'data: {"choices": []}\n\ndata: [DONE]\n\n')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def completion_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), CompletionServer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(
    scope="module",
    params=["scripted", "openai", pytest.param("openvino", marks=pytest.mark.models)],
)
def generator(request: pytest.FixtureRequest, completion_url: str) -> Iterator[Generator]:
    if request.param == "scripted":
        yield ScriptedGenerator("A kettle is for boiling water. 水壶是用来烧水的。" * 3)
        return
    if request.param == "openai":
        remote = OpenAIGenerator(completion_url, "known")
        yield remote
        remote.close()
        return
    local = load_generator(load_settings())
    assert isinstance(local, OpenVinoGenerator)
    yield local
    local.close()


def test_it_has_a_name(generator: Generator) -> None:
    assert generator.name


def test_it_streams_pieces_of_text(generator: Generator) -> None:
    pieces = list(generator.stream(PROMPT, max_tokens=24))
    assert len(pieces) > 1
    assert all(isinstance(piece, str) for piece in pieces)


def test_the_same_prompt_gives_the_same_text(generator: Generator) -> None:
    one = "".join(generator.stream(PROMPT, max_tokens=12))
    assert one == "".join(generator.stream(PROMPT, max_tokens=12))


def test_max_tokens_bounds_the_text(generator: Generator) -> None:
    assert len(list(generator.stream(PROMPT, max_tokens=3))) <= 3


def test_a_closed_stream_leaves_it_usable(generator: Generator) -> None:
    stream = generator.stream(PROMPT, max_tokens=24)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert "".join(generator.stream(PROMPT, max_tokens=4))


def test_many_threads_may_use_it(generator: Generator) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda _: "".join(generator.stream(PROMPT, max_tokens=8)), range(4)))
    assert all(texts)


def test_a_server_that_refuses_or_is_gone_is_a_generator_error(completion_url: str) -> None:
    unknown = OpenAIGenerator(completion_url, "unknown")
    with pytest.raises(GeneratorError, match="404"):
        list(unknown.stream(PROMPT, max_tokens=4))
    gone = OpenAIGenerator("http://127.0.0.1:9", "known")
    with pytest.raises(GeneratorError, match="cannot be used"):
        list(gone.stream(PROMPT, max_tokens=4))
    unknown.close()
    gone.close()


def test_a_judge_says_yes_or_no_to_each_prompt(generator: Generator) -> None:
    if not isinstance(generator, Judge):
        return  # the others answer only
    text = "Delivery\nWe deliver to France in 3 days."
    prompts = [judge_prompt("How long does delivery to France take?", text)] * 3
    odds = generator.log_odds(prompts)
    assert len(odds) == 3
    assert odds[0] == pytest.approx(odds[2], abs=0.2)
    assert all(-10 < value < 10 for value in odds)
    assert generator.log_odds([]) == ()
    beside, same_topic = generator.log_odds(
        [
            judge_prompt(q, text)
            for q in ("May the courier leave it in my shed?", "How quick is it?")
        ]
    )
    assert beside < 0 < odds[0]
    assert beside < same_topic

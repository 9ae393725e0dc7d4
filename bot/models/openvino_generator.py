"""The generator while serving: OpenVINO GenAI with continuous batching, shared by many threads.

One driver thread steps the pipeline; each caller reads its own stream. Closing a stream cancels
its request, so that a customer who left frees the machine. Covered: greedy decoding. Not covered:
adapters switched per request: the pipeline applies them per call of `generate` only, so the
answer adapter is merged into the weights when the model is converted (docs/decisions.md).
"""

from __future__ import annotations

import math
import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from bot.answering.judging import NO, YES
from bot.answering.prompt import CHATML, render
from bot.errors import GeneratorError, ModelError
from bot.models.setup import manifest_of
from bot.types import Prompt

_DONE = object()
_SIGNS = {YES: 1.0, NO: -1.0}
_LEAST_DOUBT = 3e-4
"""Half-precision logits tell no finer."""
_STALL_SECONDS = 60.0


class OpenVinoGenerator:
    """Implements `bot.protocols.Generator` and `bot.protocols.Judge`."""

    def __init__(
        self,
        pipeline: Any,
        tokenizer: Tokenizer,
        name: str,
        eos: frozenset[int],
        template: str = CHATML,
    ) -> None:
        self._pipeline = pipeline
        self._tokenizer = tokenizer
        self._name = name
        self._eos = eos
        self._template = template
        self._lock = threading.Lock()
        self._work = threading.Event()
        self._streams: dict[int, tuple[Any, queue.SimpleQueue[Any]]] = {}
        self._next_id = 0
        self._closed = False
        self._driver = threading.Thread(target=self._drive, name="generator", daemon=True)
        self._driver.start()

    @classmethod
    def load(cls, folder: Path, threads: int = 0, cache_gb: int = 1) -> OpenVinoGenerator:
        """A generator from a converted folder.

        Args:
            folder: made by `bot.models.setup.ensure_serving`.
            threads: CPU threads, 0 for all cores.
            cache_gb: memory for keys and values, shared by all requests and the prefix cache.

        Raises:
            ModelError: the folder is missing or damaged.
        """
        import openvino_genai

        if not (folder / "openvino_model.xml").exists():
            raise ModelError(f"no converted model at {folder}", fix="run: shopkeeper models setup")
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = cache_gb
        scheduler.enable_prefix_caching = True
        scheduler.dynamic_split_fuse = True
        properties = {"INFERENCE_NUM_THREADS": threads or os.cpu_count() or 1}
        try:
            pipeline = openvino_genai.ContinuousBatchingPipeline(
                str(folder), scheduler, "CPU", properties
            )
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # the runtime raises bare RuntimeError, tokenizers Exception
            raise ModelError(
                f"the model in {folder} cannot be read: {str(error).strip()[:300]}",
                fix=f"delete {folder} and run: shopkeeper models setup",
            ) from error
        eos = frozenset(pipeline.get_config().stop_token_ids)
        manifest = manifest_of(folder)
        template = str(manifest.get("template", CHATML))
        return cls(pipeline, tokenizer, str(manifest.get("name", folder.name)), eos, template)

    @property
    def alive(self) -> bool:
        """Whether the thread that drives the model runs."""
        return self._driver.is_alive()

    @property
    def name(self) -> str:
        """Identifies weights and adapter."""
        return self._name

    def stream(self, prompt: Prompt, *, max_tokens: int, template: str = "") -> Iterator[str]:
        """Pieces of the greedy continuation of `prompt`; never half a character.

        Args:
            prompt: system and user text.
            max_tokens: upper bound on new tokens.
            template: a chat template other than the model's own.

        Raises:
            GeneratorError: the runtime failed, or made nothing for a minute.
        """
        number, handle, pieces = self._submit(
            render(prompt, template or self._template), max_tokens
        )
        ids: list[int] = []
        sent = 0
        try:
            while (new := self._next(pieces)) is not _DONE:
                ids.extend(token for token, _ in new if token not in self._eos)
                text = self._tokenizer.decode(ids)
                # A character of several tokens decodes to U+FFFD until its last token is there.
                if len(text) > sent and not text.endswith("\ufffd"):
                    yield text[sent:]
                    sent = len(text)
            if rest := self._tokenizer.decode(ids)[sent:]:
                yield rest
        finally:
            with self._lock:
                self._streams.pop(number, None)
            handle.cancel()

    def log_odds(self, prompts: Sequence[Prompt]) -> tuple[float, ...]:
        """Log-odds that the reply to each prompt is "yes" rather than "no"; 0 if it is neither.

        Raises:
            GeneratorError: the runtime failed, or made nothing for a minute.
        """
        texts = [render(prompt, self._template) for prompt in prompts]
        asked = [self._submit(text, 1, log_chances=True) for text in texts]
        try:
            return tuple(self._odds(pieces) for _, _, pieces in asked)
        finally:
            with self._lock:
                for number, _, _ in asked:
                    self._streams.pop(number, None)

    def _odds(self, pieces: queue.SimpleQueue[Any]) -> float:
        said: float = 0.0
        while (new := self._next(pieces)) is not _DONE:
            for token, log_chance in new:
                chance = min(math.exp(log_chance), 1.0 - _LEAST_DOUBT)
                word = self._tokenizer.decode([token])
                said = _SIGNS.get(word, 0.0) * math.log(chance / (1.0 - chance))
        return said

    def close(self) -> None:
        """Stop the driver; running streams end with an error."""
        self._closed = True
        self._work.set()
        self._driver.join(timeout=10)

    def _submit(
        self, prompt: str, max_tokens: int, *, log_chances: bool = False
    ) -> tuple[int, Any, queue.SimpleQueue[Any]]:
        if self._closed:
            raise GeneratorError("the generator was closed")
        pieces: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with self._lock:
            config = self._pipeline.get_config()
            config.max_new_tokens = max_tokens
            config.do_sample = False
            config.apply_chat_template = False
            config.logprobs = int(log_chances)
            number = self._next_id
            self._next_id += 1
            try:
                handle = self._pipeline.add_request(number, prompt, config)
            except RuntimeError as error:
                raise GeneratorError(f"the generator refused a prompt: {error}") from error
            self._streams[number] = (handle, pieces)
        self._work.set()
        return number, handle, pieces

    @staticmethod
    def _next(pieces: queue.SimpleQueue[Any]) -> Any:
        try:
            item = pieces.get(timeout=_STALL_SECONDS)
        except queue.Empty:
            raise GeneratorError(f"the generator made nothing for {_STALL_SECONDS:.0f} s") from None
        if isinstance(item, Exception):
            raise GeneratorError(f"the generator failed: {item}") from item
        return item

    def _drive(self) -> None:
        while not self._closed:
            if not self._step():
                self._work.wait(timeout=1.0)
                self._work.clear()
        self._fail_all(GeneratorError("the generator was closed"))

    def _step(self) -> bool:
        """One step of the pipeline for all requests; False when there is nothing to do."""
        with self._lock:
            try:
                busy = bool(self._pipeline.has_non_finished_requests())
                if busy:
                    self._pipeline.step()
            except RuntimeError as error:
                busy = False
                failure: Exception | None = error
            else:
                failure = None
            if failure is None:
                for number in list(self._streams):
                    self._deliver(number)
        if failure is not None:
            self._fail_all(failure)
        elif busy:
            time.sleep(0)  # let a waiting caller have the lock
        return busy

    def _deliver(self, number: int) -> None:
        handle, pieces = self._streams[number]
        while handle.can_read():
            for output in handle.read().values():
                chances = output.generated_log_probs
                pieces.put(list(zip(output.generated_ids, chances, strict=True)))
        if handle.get_status().name != "RUNNING" and not handle.can_read():
            pieces.put(_DONE)
            del self._streams[number]

    def _fail_all(self, error: Exception) -> None:
        with self._lock:
            for _, pieces in self._streams.values():
                pieces.put(error)
            self._streams.clear()

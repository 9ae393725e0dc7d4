"""A generator behind an OpenAI-compatible API (vLLM, llama.cpp, Ollama…), on the shop's machines.

Covered: streamed chat completions, time-outs, closing the connection when the customer leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx

from bot import outgoing
from bot.errors import GeneratorError
from bot.outgoing import OutgoingRules
from bot.types import Prompt


class OpenAIGenerator:
    """Implements `bot.protocols.Generator`.

    Args:
        url: base URL, with or without the final `/v1`.
        model: model name sent with each request.
        api_key: sent as a bearer token when not empty.
        timeout_s: seconds for each step of a request.
        rules: what may be connected to; by default the public internet and what `url` names.
    """

    def __init__(
        self,
        url: str,
        model: str,
        api_key: str = "",
        timeout_s: float = 60.0,
        rules: OutgoingRules | None = None,
    ) -> None:
        base = url.rstrip("/")
        self._url = (base if base.endswith("/v1") else base + "/v1") + "/chat/completions"
        self._model = model
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        use = rules or OutgoingRules.of("", [url])
        self._client = outgoing.client(use, headers=headers, timeout=timeout_s)

    @property
    def name(self) -> str:
        """Identifies the model and where it runs."""
        return f"{self._model}@{httpx.URL(self._url).host}"

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        """Pieces of the reply.

        Raises:
            GeneratorError: the server cannot be reached or answers with an error.
        """
        body = {
            "model": self._model,
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
            "max_tokens": max_tokens,
            "temperature": 0,
            "stream": True,
        }
        try:
            with self._client.stream("POST", self._url, json=body) as response:
                if response.status_code != 200:
                    detail = response.read()[:200].decode("utf-8", "replace")
                    raise GeneratorError(
                        f"{self._url} answered {response.status_code}: {detail}",
                        fix="check SHOPKEEPER_GENERATOR and SHOPKEEPER_GENERATOR_MODEL",
                    )
                for line in response.iter_lines():
                    data = line.removeprefix("data:").strip()
                    if not line.startswith("data:") or data == "[DONE]":
                        continue
                    if choices := json.loads(data).get("choices"):
                        yield choices[0].get("delta", {}).get("content") or ""
        except (httpx.HTTPError, ValueError) as error:
            raise GeneratorError(
                f"{self._url} cannot be used: {error}", fix="check SHOPKEEPER_GENERATOR"
            ) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

"""`python -m bench.mood`: what noticing an unhappy customer costs.

Message by message in turn, so that the ratios hold on a busy machine: a pass of the encoder that
searches, mood and intent of the same message as a turn reads them, and the words that drove the
mood as the console shows them; then a file of reviews as `shopkeeper mood` labels it, beside the
bare encoder. The texts are the written messages to shops. Ends with one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from rich.progress import track

from bench.turn import HERE, write_table
from bot.build import SearchParts, load_search_parts
from bot.config import load_settings
from bot.models.runtime import load_encoder, load_mood_encoder
from bot.mood import EncoderMood
from bot.types import Message
from bot.why import Why
from training.data.answers import read_jsonl
from training.data.mood import WRITTEN

RESULT = HERE / "results" / "mood.json"


def milliseconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def single_messages(texts: Sequence[str]) -> dict[str, list[float]]:
    """Milliseconds per message of each kind of work; every text is new to all of them."""
    settings = load_settings()
    plain, parts = load_encoder(settings), load_search_parts(settings)
    why = Why(parts.mood.readings)
    times: dict[str, list[float]] = {"one encoder pass": [], "mood and intent": [], "why": []}
    for text in track(texts, "messages"):
        message = Message("bench", text, "bench")
        times["one encoder pass"].append(milliseconds(partial(plain.encode, [text], "query")))
        times["mood and intent"].append(milliseconds(partial(_read, parts, message)))
        times["why"].append(milliseconds(partial(why, text)))
    return times


def _read(parts: SearchParts, message: Message) -> None:
    parts.mood.read(message, ())
    parts.understand(message, ())


def reviews(texts: Sequence[str]) -> dict[str, float]:
    """Texts a second: the bare encoder, and labels for a whole file."""
    encoder = load_mood_encoder(load_settings())
    mood = EncoderMood.shipped(encoder)
    bare = milliseconds(lambda: encoder.encode(list(texts), "query"))
    labelled = milliseconds(lambda: mood.read_texts(texts))
    return {"encoder": 1000 * len(texts) / bare, "labels": 1000 * len(texts) / labelled}


def main() -> None:
    """Run it, write `results/mood.json` and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200)
    texts = [row["text"] for row in read_jsonl(WRITTEN / "service_utterances.jsonl")]
    most = parser.parse_args().messages
    times = single_messages(texts[:most])
    base = float(np.median(times["one encoder pass"]))
    rows = {
        name: {
            "p50_ms": round(float(np.median(values)), 1),
            "p95_ms": round(float(np.percentile(values, 95)), 1),
            "encoder_passes": round(float(np.median(values)) / base, 2),
        }
        for name, values in times.items()
    }
    rate = {name: round(value, 1) for name, value in reviews(texts).items()}
    result = {"messages": most, "one message": rows, "texts_per_second": rate}
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    head = ["of one message", "p50 / p95 ms", "as encoder passes"]
    table = [
        [name, f"{row['p50_ms']} / {row['p95_ms']}", f"{row['encoder_passes']}×"]
        for name, row in rows.items()
    ]
    share = rate["labels"] / rate["encoder"]
    table.append([f"a file: {rate['labels']} texts/s", "", f"{share:.2f}× the bare encoder"])
    write_table("mood", head, table)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

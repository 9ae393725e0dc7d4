"""The one composition root: settings in, a shop that can be used out.

Concrete classes are named here and nowhere else; tests call the same functions with other parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from bot.answering.compose import Composer
from bot.answering.decision import Thresholds
from bot.answering.drafting import Drafter
from bot.answering.second_look import Look
from bot.answering.support import Floors, Support
from bot.answering.wording import Wording
from bot.config import Settings
from bot.errors import ShopkeeperError, StoreError
from bot.handover.hours import OpeningHours
from bot.handover.policy import HandoverPolicy
from bot.models.runtime import load_encoder, load_generator, load_mood_encoder, load_reader
from bot.mood import EncoderMood
from bot.protocols import Encoder, Generator, Reader, Retriever
from bot.query import Understander
from bot.readiness import database_checks, generator_check, index_check
from bot.remember import RememberingEncoder
from bot.searching import Searching, ShopRetriever
from bot.service import Service
from bot.store.lane import STANDARD_WAITS_S, Backoff
from bot.store.queries import ConsoleQueries
from bot.store.sql import (
    SqlAgents,
    SqlEvents,
    SqlFeedback,
    SqlKnowledgeStore,
    SqlProductLinks,
    SqlQueue,
    SqlSettings,
    SqlSubscribers,
    SqlTurnStore,
    migrate,
    open_engine,
)
from bot.types import Passage, ReadinessCheck
from retrieval.calibration import Calibration
from retrieval.index import HybridIndex
from retrieval.retriever import HybridRetriever

if TYPE_CHECKING:
    from training.tasks.answers import AnswerTask

Progress = Callable[[int, int], None]
CALIBRATION_FILE = "calibration.json"
SECOND_LOOK_FILE = "second_look.json"
"""In `settings.home`: what was fitted to the shop's own questions, which wins over what ships."""


@dataclass(frozen=True, slots=True)
class SearchParts:
    """What understanding, mood and search need; made without a database."""

    encoder: Encoder
    understand: Understander
    mood: EncoderMood
    calibration: Calibration
    reader: Reader | None = None

    def over(self, index: HybridIndex) -> HybridRetriever:
        """A retriever over an index."""
        return HybridRetriever(
            index, self.encoder, calibration=self.calibration, reader=self.reader
        )


def load_search_parts(settings: Settings) -> SearchParts:
    """Load the encoder, its adapters and heads, and the calibration.

    Raises:
        ModelError: a model is not set up.
    """
    encoder = RememberingEncoder(load_encoder(settings))
    feeling = RememberingEncoder(load_mood_encoder(settings))
    own = settings.home / CALIBRATION_FILE
    return SearchParts(
        encoder=encoder,
        understand=Understander.shipped(
            feeling,
            Path(settings.intent_phrases) if settings.intent_phrases else None,
            Path(settings.reserved_topics) if settings.reserved_topics else None,
        ),
        mood=EncoderMood.shipped(feeling, encoder),
        calibration=Calibration.load(own) if own.exists() else Calibration.load(),
        reader=load_reader(settings),
    )


PUBLISHED_SCHEDULE = {name: Backoff(STANDARD_WAITS_S) for name in ("events", "generic")}
"""Channels whose receivers count on the schedule of Standard Webhooks."""


class Shop:
    """An open shop: the database, and as much of the models as was asked for."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        search: SearchParts | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.settings = settings
        self.engine = engine
        self.knowledge = SqlKnowledgeStore(engine)
        self.turns = SqlTurnStore(engine)
        self.queries = ConsoleQueries(engine)
        self.feedback = SqlFeedback(engine)
        self.agents = SqlAgents(engine)
        self.queue = SqlQueue(engine, channel_backoffs=PUBLISHED_SCHEDULE)
        self.events = SqlEvents(engine)
        self.subscribers = SqlSubscribers(engine)
        self.product_links = SqlProductLinks(engine)
        self.shop_settings = SqlSettings(engine)
        self.search = search
        self.generator = generator
        self._retriever: ShopRetriever | None = None

    @property
    def parts(self) -> SearchParts:
        """Search parts; a shop opened without models has none."""
        if self.search is None:
            raise ShopkeeperError("this shop was opened without models")
        return self.search

    def retriever(self, progress: Progress | None = None) -> ShopRetriever:
        """The retriever, brought up to date on first use and following edits from then on."""
        if self._retriever is None:
            self._retriever = self.searching.following(self.engine, progress)
        return self._retriever

    def hybrid(self, progress: Progress | None = None) -> HybridRetriever:
        """Today's knowledge in memory, for measuring and fitting, wherever the shop searches."""
        return self.parts.over(self.searching.live(progress).index)

    def rebuild_index(self, progress: Progress | None = None) -> None:
        """Build the index from the database, whatever is saved."""
        self.searching.rebuild(progress)

    @property
    def searching(self) -> Searching:
        """Opens the searches."""
        parts = self.parts
        return Searching(self.settings, self.knowledge, parts.encoder, parts.over)

    def service(self, progress: Progress | None = None) -> Service:
        """The service that answers messages."""
        settings, parts = self.settings, self.parts
        if self.generator is None:
            raise ShopkeeperError("this shop was opened without a generator")
        look = Look.of(self.generator, settings.home / SECOND_LOOK_FILE)
        return Service(
            understand=parts.understand,
            mood=parts.mood,
            retriever=look.around(self.retriever(progress)) if look else self.retriever(progress),
            composer=composer(settings, self.generator, parts.reader),
            store=self.turns,
            thresholds=thresholds(settings, parts.calibration, look),
            versions={"generator": self.generator.name, "encoder": parts.encoder.name},
            max_chars=settings.max_message_chars,
        )

    def readiness(self) -> Sequence[ReadinessCheck]:
        """Look at database, index and generator now."""
        generator = generator_check(self.generator)
        return [*database_checks(self.engine), index_check(self._retriever), generator]

    def close(self) -> None:
        """Stop following edits, free the generator, close the database."""
        if self._retriever is not None:
            self._retriever.close()
        close = getattr(self.generator, "close", None)
        if close:
            close()
        self.engine.dispose()


@contextmanager
def open_shop(settings: Settings, *, models: bool = True, generator: bool = True) -> Iterator[Shop]:
    """Open the database (migrated) and, unless told otherwise, the models.

    Raises:
        StoreError: the database cannot be opened.
        ModelError: a model is not set up.
    """
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot make the folder {settings.home}: {error.strerror}",
            fix="set SHOPKEEPER_HOME to a folder that can be written",
        ) from error
    engine = open_engine(settings.sqlalchemy_url, settings.encryption_keys)
    try:
        migrate(engine)
        shop = Shop(settings, engine, *_load_models(settings, models, models and generator))
    except BaseException:
        engine.dispose()
        raise
    try:
        yield shop
    finally:
        shop.close()


def _load_models(
    settings: Settings, search: bool, generator: bool
) -> tuple[SearchParts | None, Generator | None]:
    """Both at the same time: reading weights leaves the interpreter free."""
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load_generator, settings) if generator else None
        parts = load_search_parts(settings) if search else None
        return parts, loading.result() if loading else None


def handover_policy(settings: Settings) -> HandoverPolicy:
    """When people answer, and how long a customer waits for them.

    Raises:
        ConfigError: hours, time zone or days off cannot be read.
    """
    hours = OpeningHours.read(
        settings.agent_hours, settings.agent_timezone, settings.agent_days_off
    )
    return HandoverPolicy(hours, 60 * settings.handover_patience_min)


def composer(settings: Settings, generator: Generator, reader: Reader | None) -> Composer:
    """The composer as the settings want it; the reader judges what the generator drafts."""
    wording = Wording(
        shop_en=settings.shop_name_en,
        shop_zh=settings.shop_name_zh,
        hours=handover_policy(settings).hours,
    )
    drafter = Drafter(
        generator,
        max_tokens=settings.max_answer_tokens,
        deadline_s=settings.answer_deadline_s,
        support=Support.fitted(reader, Floors.load()),
    )
    return Composer(
        drafter, wording, passages=settings.passages_in_prompt, style=settings.answer_style
    )


def thresholds(settings: Settings, calibration: Calibration, look: Look | None) -> Thresholds:
    """The decision's thresholds: the wanted precision looked up on the curve of what was fitted."""
    fitted = look.weighing if look else calibration
    return Thresholds(answer=fitted.threshold_for(settings.answer_precision))


@contextmanager
def answer_task(
    settings: Settings, passages: Path | None, *, given_context: bool
) -> Iterator[AnswerTask]:
    """What `eval answers` runs: the shipped parts over given contexts, a file, or the shop."""
    from retrieval.eval_files import read_passages
    from training.tasks.answers import AnswerTask

    with open_shop(settings) as shop:
        parts = shop.parts
        if shop.generator is None:
            raise ShopkeeperError("this shop was opened without a generator")
        look = Look.of(shop.generator, settings.home / SECOND_LOOK_FILE)

        def over(texts: Sequence[Passage]) -> Retriever:
            plain = parts.over(HybridIndex.build(texts, parts.encoder))
            return look.around(plain) if look else plain

        searched = None
        if passages is not None:
            searched = over(read_passages(passages))
        elif not given_context:
            searched = look.around(shop.hybrid()) if look else shop.hybrid()
        yield AnswerTask(
            understand=parts.understand,
            composer=composer(settings, shop.generator, parts.reader),
            thresholds=thresholds(settings, parts.calibration, look),
            retriever=searched,
            retriever_for=over,
            encoder=parts.encoder,
        )

"""Filters: products that meet what a question demands go before products that do not.

Covered: judging products by price, measures, stock, sizes, colours and the features that the shop
answers with yes or no; bringing in products that meet everything though no search put them
forward; the new order. Products change places among themselves, an FAQ entry all but keeps its rank,
a product named in the question stays in front, and nothing is ever left out, so a misread
question loses little and one that nothing meets gets the nearest, marked with what they lack.
Not covered: reading the demands (`retrieval.constraints`), facts that stand only in descriptions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.types import Hit, Lang, Passage
from retrieval.candidates import Candidates
from retrieval.constraints import MAX_CHARS, Wish, is_shopping, wishes_of
from retrieval.product_facts import ProductFacts, facts_of, merged, size_of
from retrieval.text import fold, has_han, terms

MAX_PRODUCTS = 5_000
"""Product passages up to which all are judged; of more, only those that the searches find."""

_TOLERANCE = 0.02
_NAMED = 1.0
"""More than any shift: what the question calls by name is ahead of what it describes."""
_PLACES = 100
"""Places in a reader's order that a shift of 1 is worth: a missed bound costs ten of them."""
_HOME: Mapping[str, tuple[str, str]] = {"zh": ("CNY", "cn"), "en": ("EUR", "eu")}
_USUAL: Mapping[str, tuple[str, ...]] = {
    "mass": ("weight", "重量", "净重"),
    "volume": ("capacity", "volume", "容量", "容积"),
    "time": ("battery life", "续航", "runtime", "续航时间"),
    "power": ("power", "功率", "output", "输出", "输出功率"),
    "temperature": ("comfort", "comfort temperature", "舒适温度"),
    "people": ("capacity", "容量", "persons", "适用人数"),
}
"""Which of a product's measures somebody means who names none."""
_NEGATED = re.compile(r"(?:\b(?:not|no|non|without|isn't|aren't)[\s-]+(?:\w+\s+)?|[不没无非别])$")


@dataclass(frozen=True, slots=True)
class FilterSettings:
    """How far a product falls in the order of products, in the units of the fused score.

    `lift` is for all products alike, once a question sets bounds: it is about a product then.
    """

    bound_missed: float = 0.1
    preference_missed: float = 0.05
    preference_met: float = 0.03
    lift: float = 0.02


@dataclass(frozen=True, slots=True)
class Demand:
    """What a question demands: `bounds` must be met, `preferences` had better be."""

    bounds: tuple[Wish, ...]
    preferences: tuple[Wish, ...]
    folded: str
    lang: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of one product: what it lacks, in words, and what it gains or loses in the order."""

    unmet: tuple[str, ...]
    shift: float
    meets_all: bool


class Shelf:
    """All products of a shop with their facts. Immutable; safe to share between threads."""

    def __init__(
        self, products: Mapping[int, Passage], size: int, settings: FilterSettings | None = None
    ) -> None:
        """Read the facts of every product; the translations of one product share them.

        Args:
            products: product passages by their position.
            size: how many positions there are.
            settings: None for the measured ones.
        """
        self._products = products
        self._size = size
        self._settings = settings or FilterSettings()
        self._facts: dict[int, ProductFacts] = {}
        if len(products) <= MAX_PRODUCTS:
            groups: dict[str, list[int]] = {}
            for at, passage in products.items():
                groups.setdefault(passage.group or passage.passage_id, []).append(at)
            for positions in groups.values():
                whole = merged(facts_of(products[at]) for at in positions)
                self._facts.update(dict.fromkeys(positions, whole))
        self._features = frozenset(
            name for facts in self._facts.values() for name in facts.features
        )

    def demand(self, text: str, lang: Lang) -> Demand | None:
        """What `text` demands of this shop's products; None when it demands nothing."""
        if not self._products:
            return None
        folded = fold(text[-MAX_CHARS:])
        shopping = is_shopping(text)
        bounds, preferences = [], []
        for wish in wishes_of(text):
            if wish.kind in {"price", "measure"} and not wish.exact:
                bounds.append(wish)
            elif wish.kind != "stock":
                preferences.append(wish)
            elif shopping:
                bounds.append(wish)
        if shopping or bounds:
            bounds += self._asked_features(folded)
        if not bounds and not preferences:
            return None
        spoken = "zh" if lang.startswith("zh") or has_han(text) else "en"
        return Demand(tuple(bounds), tuple(preferences), folded, spoken)

    def meeting(self, demand: Demand) -> NDArray[np.bool_] | None:
        """Passages of products that meet all bounds, shape (passages,); None if there are none.

        Also None for a demand without bounds, and for a shop with too many products to judge.
        """
        if not demand.bounds:
            return None
        mask = np.zeros(self._size, np.bool_)
        known: dict[int, bool] = {}
        for at, facts in self._facts.items():
            if id(facts) not in known:
                known[id(facts)] = self._judged(demand, facts).meets_all
            mask[at] = known[id(facts)]
        return mask if mask.any() else None

    def judge(self, demand: Demand, position: int) -> Judgement | None:
        """How the passage at `position` does; None when it is no product."""
        if position not in self._products:
            return None
        facts = self._facts.get(position) or facts_of(self._products[position])
        return self._judged(demand, facts)

    def arranged(
        self,
        demand: Demand,
        candidates: Candidates,
        score: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Scores with the products' places exchanged, shape (candidates,).

        The products' scores stay the same as a set, but for a small lift, so that everything else
        all but keeps its rank.
        """
        judged = [self.judge(demand, at) for at in candidates.positions.tolist()]
        products = np.array([n for n, one in enumerate(judged) if one is not None], np.int64)
        if len(products) < 2:
            return score
        named = (candidates.by_sku | candidates.by_name)[products]
        shift = np.array([one.shift for one in judged if one is not None], np.float32)
        # Among products called by name only what they have counts, not what they lack.
        adjusted = score[products] + np.where(named, np.maximum(shift, 0) + _NAMED, shift)
        arranged = score.copy()
        arranged[products[np.argsort(-adjusted, kind="stable")]] = -np.sort(-score[products])
        if demand.bounds:
            arranged[products] += self._settings.lift
        return arranged

    def settled(
        self, demand: Demand, hits: Sequence[Hit], positions: Mapping[str, int]
    ) -> list[Hit]:
        """The hits after they were read, products that meet the demand before those that do not.

        A reader of texts does not calculate: to it, "under 50 €" is near any price. What was not
        read, and what is no product, keeps its place.

        Args:
            demand: of the question.
            hits: in the reader's order.
            positions: of the passages, by their ids.
        """
        judged = [self.judge(demand, positions[hit.passage.passage_id]) for hit in hits]
        places = [n for n, one in enumerate(judged) if one is not None and hits[n].reading]
        weights: dict[int, float] = {}
        for rank, place in enumerate(places):
            one = judged[place]
            shift = one.shift if one is not None else 0.0
            named = max(shift, 0.0) + _NAMED
            weights[place] = _PLACES * (named if hits[place].exact else shift) - rank
        ordered = list(hits)
        for place, source in zip(places, sorted(places, key=lambda n: -weights[n]), strict=True):
            ordered[place] = hits[source]
        return ordered

    def _asked_features(self, folded: str) -> list[Wish]:
        words = set(terms(folded))
        asked = []
        for name in sorted(self._features):
            if has_han(name):
                at = folded.find(name)
            else:
                at = folded.find(name.split()[0]) if words.issuperset(terms(name)) else -1
            if at >= 0 and terms(name) and not _NEGATED.search(folded[:at]):
                asked.append(Wish("feature", words=(name,)))
        return asked

    def _judged(self, demand: Demand, facts: ProductFacts) -> Judgement:
        settings = self._settings
        unmet, shift, meets_all = [], 0.0, True
        features = [wish for wish in demand.bounds if wish.kind == "feature"]
        for wish in demand.bounds:
            if wish.kind == "feature":
                continue
            met = _met(wish, facts, demand)
            if not met:
                meets_all = False
                shift -= settings.bound_missed if met is False else settings.bound_missed / 2
            if met is False:
                unmet.append(str(wish))
        if features:  # one feature may have several names, one in each language
            answers = [facts.features.get(wish.words[0]) for wish in features]
            if False in answers:
                unmet += [w.words[0] for w, a in zip(features, answers, strict=True) if a is False]
                shift -= settings.bound_missed
            meets_all = meets_all and False not in answers
            shift += settings.preference_met * (True in answers)
        for wish in demand.preferences:
            met = _met(wish, facts, demand)
            shift += settings.preference_met if met else 0.0
            if met is False and not wish.exact:
                shift -= settings.preference_missed
                unmet.append(str(wish))
                meets_all = False
        return Judgement(tuple(unmet), shift, meets_all)


def _met(wish: Wish, facts: ProductFacts, demand: Demand) -> bool | None:
    """Whether the product meets the wish; None when its facts do not tell."""
    if wish.kind == "price":
        return _price_met(wish, facts, demand)
    if wish.kind == "stock":
        home = wish.dimension or _HOME[demand.lang][1]
        pieces = facts.stock.get(home, max(facts.stock.values(), default=None))
        return None if pieces is None else pieces > 0
    if wish.kind == "size":
        wanted = [size for size in map(size_of, wish.words) if size is not None]
        if not facts.sizes or not wanted:
            return None
        return any(low <= size <= high for size in wanted for low, high in facts.sizes)
    if wish.kind == "colour":
        return bool(facts.colours & set(wish.words)) if facts.colours else None
    return _measure_met(wish, facts, demand)


def _price_met(wish: Wish, facts: ProductFacts, demand: Demand) -> bool | None:
    home = _HOME[demand.lang][0]
    codes = wish.currencies or ((home,) if home in facts.prices else tuple(facts.prices))
    price = next((facts.prices[code] for code in codes if code in facts.prices), None)
    if price is None:
        return None
    return wish.low <= price <= wish.high


def _measure_met(wish: Wish, facts: ProductFacts, demand: Demand) -> bool | None:
    known = [(key, m) for key, m in facts.measures if m.dimension == wish.dimension]
    if not known:
        return None
    named = [m for key, m in known if key and _named(key, demand.folded)]
    usual = [m for key, m in known if key in _USUAL.get(wish.dimension, ())]
    title = [m for key, m in known if not key] if wish.exact else []
    slack = _TOLERANCE * abs(wish.low) if wish.exact else 0.0
    considered = named or title or usual or [m for _, m in known]
    return any(m.low <= wish.high + slack and m.high >= wish.low - slack for m in considered)


def _named(key: str, folded: str) -> bool:
    """Whether the question calls a specification by name ("battery life", 续航)."""
    return any(name in folded for name in key.split(" ") if len(name) > (1 if has_han(name) else 3))

"""Which language a customer writes: English, Chinese (simplified or traditional), or another.

Covered: short, mixed and code-switched messages, by scripts and function words. Text without
letters (an order number, an emoji) says nothing and gets the fallback. Not covered: telling other
languages apart, which nothing here needs.

The scripts decide for most languages. Among those in Latin letters only function words tell, so a
single product name counts as English.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import opencc

from bot.types import Lang

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff9d]")
_LATIN_WORD = re.compile(r"[a-z\u00c0-\u024f\u1e00-\u1eff]+(?:['’][a-z\u00c0-\u024f]+)?")
_NOISE = re.compile(r"https?://\S+|www\.\S+|\S+@\S+\.\w+|#?\b[A-Z0-9-]*\d[A-Z0-9-]*\b")
_WANTS_ENGLISH = re.compile(
    r"(?i)\b(answer|reply|respond|speak)\w* in english|用英[文语語][回答给說说]"
)
_WANTS_CHINESE = re.compile(r"(?i)\b(answer|reply|respond|speak)\w* in chinese|用中文[回答给說说]")

_CHINESE_GRAMMAR = frozenset(
    "的吗嗎呢么麼了吧是有没沒不能可请請这這那怎我你您几幾多在还還给給把什会會要哪谁誰啥唔係咗嘅啦呀哦喔嘛呗吶呐"
)


def word_set(text: str) -> frozenset[str]:
    """The words of a list written as text."""
    return frozenset(text.split())


_ENGLISH = word_set(
    """a about after again all already am an and any anyone are aren't as ask at available back be
    because been before bought but buy by call can can't cancel cannot cheers checkout could
    couldn't delivery did didn't discount do does doesn't doing don't else email even ever every
    for free from get gift give go going good got had hand has hasn't have haven't he hello help her
    here hi him his how human i i'd i'll i'm i've if in into is isn't it it's item its just know
    last left less like long love make many may me mine money more much my need never new nice no
    nobody not now of off ok okay on once one only open or order ordered other our out over own
    package parcel pay please pls possible price question really refund return right same say see
    send sent shall she ship shipping shop should size so some somebody something sorry speak start
    still stock such support sure take talk tell than thank thanks that that's the their them then
    there these they they're thing things think this those thx till time to today tomorrow too track
    two u until up us use very want was wasn't wait we we're week were what what's when where which
    while who whose why will with without won't work works would wouldn't wrong year yes yesterday
    yet you you're your yours"""
)
_OTHERS = word_set(
    """ablauf aber acheter adresse al alguien alors als ama anche ao après artikel auch aus avec avez
    avoir bardzo bei ben bestelling bestellung bestellt bien bin bir bitte bonjour bonsoir bu buenas
    buenos buongiorno cadeau c'est ce cela cena cette che chi chiedere ciao cien cine colis com
    combien come comme commande comment como compra con cosa cosas costa cuál cuándo cuánto cuanto
    cuesta czy da dag danke dankeschön dans das dem den der des devo di dich die dies diese dit do
    dodania dokąd dónde donde doch dostawa du due dua dziękuję e è ein eine einen eines él ella elle
    ellos em en envio envío er es esta está estão este està et être eur expédition faire fare
    fait fatura för fra für gibt gracias graag grazie gut guten gute habe haben hallo hat hatte heb
    hei hej het hier hola hvad hvor ich icin için ihr il ils im ist já jag jak jaki je jest jestem
    jou jours jullie kan kann kargo kein keine können könnte kosten kostet kostenlos kun la las le
    lei leveransen levering lieferung liefert livraison los ma mag mais mam man mas meer mein meine
    meinen merci met meu mi minha mich mijn mit moet mon mucho muito na nach não nas ne nein nem nicht nie niet
    niente nicht noch non nos nous nu não o obrigada obrigado och oder ola olá on onde op où ou paket
    pakket para paquet paquete parce pas pedido per perché pero perdón plus por porque pour pouvez
    prego prezzo prix proszę puis puedo pueden può qual quale quand quando quanto que qué quel quelle
    quem qui quiero quoi retour retourner s'il sa saya se sein si sia sie siete sind sipariş skal sono
    sont spedizione sta suis sul sur są tack tak también te temos tengo terima tiene tienen todo
    très tudo tungkol tut um una unas und une uno unos uns unter va var vas veel vielen voglio voor
    vorrei votre vostro vous vragen wann war warum was wat wer weer welche wenn werden wie wil wir wird
    wo wurde y você vocês za zahlung zapłacić ze zijn zu zum zur zwrot
    apa bisa berapa kapan tidak dan ini itu untuk dengan barang pesanan mana tôi không bao nhiêu được
    hàng giao đơn của và cho mình bạn có là
    merhaba teşekkürler nasıl ne zaman değil mı mi var yok kadar"""
)


def detect(text: str, fallback: Lang = "en") -> Lang:
    """The language of `text`, or the one it asks to be answered in; `fallback` if it says nothing.

    Args:
        fallback: the language of the interface or of the conversation so far. It also decides
            between the Chinese scripts when no character differs between them.
    """
    folded = unicodedata.normalize("NFKC", _NOISE.sub(" ", text))
    if _WANTS_ENGLISH.search(folded):
        return "en"
    if _WANTS_CHINESE.search(folded):
        return _script(folded, fallback)
    han = len(_HAN.findall(folded))
    words = _LATIN_WORD.findall(folded.lower())
    kana = len(_KANA.findall(folded))
    foreign = sum(_is_foreign(character) for character in folded)
    if kana > 1 and 5 * kana >= han + kana:  # a lone の is decoration on a Chinese shop's sign
        return "other"
    if not han and not words:
        return "other" if foreign or kana else fallback
    if foreign > 2 * han and (foreign > 2 * len(words) or not words):
        return "other"
    if han and _is_chinese(folded, han, words):
        return _script(folded, fallback)
    return _latin(words, folded, fallback)


def _is_chinese(text: str, han: int, words: list[str]) -> bool:
    """Of a mixture: whose grammar is it, and failing that, which is the greater part?"""
    if not words:
        return True
    grammar = sum(character in _CHINESE_GRAMMAR for character in text)
    english = sum(word in _ENGLISH for word in words)
    if grammar or english:
        return 2 * grammar + 0.7 * han >= 2 * english
    return 2 * han >= len(words)


def _latin(words: list[str], text: str, fallback: Lang) -> Lang:
    english = sum(word in _ENGLISH for word in words)
    other = sum(word in _OTHERS and word not in _ENGLISH for word in words)
    marked = sum(any(ord(letter) > 0x7F for letter in word.replace("’", "")) for word in words)
    if "¿" in text or "¡" in text:
        return "other"
    if other > english or (marked and marked + other > 2 * english):
        return "other"
    if not english and fallback == "other":
        return "other"
    return "en"


def _script(text: str, fallback: Lang) -> Lang:
    traditional, simplified = _one_sided()
    score = sum((c in traditional) - (c in simplified) for c in text)
    if score:
        return "zh-Hant" if score > 0 else "zh-Hans"
    return "zh-Hant" if fallback == "zh-Hant" else "zh-Hans"


@cache
def _one_sided() -> tuple[frozenset[str], frozenset[str]]:
    """Characters that only traditional, and that only simplified texts are written with."""
    everything = [chr(code) for code in range(0x4E00, 0xA000)]
    to_simplified, to_traditional = opencc.OpenCC("t2s"), opencc.OpenCC("s2t")
    back = opencc.OpenCC("t2tw")
    # One call for all; line breaks keep the converter from reading neighbours as words.
    joined = "\n".join(everything)
    simple = str(to_simplified.convert(joined)).split("\n")
    full = str(to_traditional.convert(joined)).split("\n")
    kept = str(back.convert(joined)).split("\n")
    traditional = frozenset(c for c, s in zip(everything, simple, strict=True) if s != c)
    # Characters such as 台, 里, 后 are also written in traditional texts.
    both = frozenset(
        "台后里面只干系范斗丑几云占朱板杰游准制余于才布采舍升折吁向回岳志症注淀苏喂厂广"
    )
    simplified = frozenset(
        c
        for c, f, k in zip(everything, full, kept, strict=True)
        if f != c and c not in traditional and c not in both and k == c
    )
    return traditional, simplified


def _is_foreign(character: str) -> bool:
    """A letter of neither Latin nor Chinese script."""
    if ord(character) < 0x0370 or not character.isalpha():
        return False
    return not (
        _HAN.match(character) or _KANA.match(character) or "\u1e00" <= character <= "\u1eff"
    )

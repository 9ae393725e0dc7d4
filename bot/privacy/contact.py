"""E-mail addresses and phone numbers compared: is this the same one, however it is written?

Covered: upper and lower case, full-width forms, spaces and dashes, national and international
spelling. Not covered: finding them in order to mask them (`bot.privacy.finding`).
"""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

HOME_REGION = "CN"
MIN_DIGITS = 7
_DIGITS = re.compile(r"\d(?:[\s().\-–]{0,2}\d){6,19}")


def same_email(email: str, text: str) -> bool:
    """Whether `text` holds this address."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    wanted = re.escape(unicodedata.normalize("NFKC", email).strip().casefold())
    return re.search(rf"(?<![\w.+-]){wanted}(?![\w-]|\.\w)", folded, re.ASCII) is not None


def same_phone(phone: str, text: str) -> bool:
    """Whether `text` holds this phone number, in national or international spelling."""
    wanted = {_digits(spelling) for spelling in spellings_of_phone(phone)}
    folded = unicodedata.normalize("NFKC", text)
    return any(_digits(found[0]) in wanted for found in _DIGITS.finditer(folded))


def spellings_of_phone(phone: str) -> set[str]:
    """The ways in which systems write this number: as given, +86138…, 86138…, 0086138…, 138…."""
    phone = unicodedata.normalize("NFKC", phone).strip()
    digits = _digits(phone)
    if len(digits) < MIN_DIGITS:
        return {phone} - {""}
    spelled = {phone, digits}
    try:
        number = phonenumbers.parse(phone, HOME_REGION)
    except phonenumbers.NumberParseException:
        return spelled
    national = phonenumbers.national_significant_number(number)
    whole = f"{number.country_code}{national}"
    spelled |= {f"+{whole}", whole, f"00{whole}"}
    with_zero = _digits(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL))
    return spelled | {with_zero}


def _digits(text: str) -> str:
    return "".join(str(unicodedata.digit(char)) for char in text if char.isdigit())

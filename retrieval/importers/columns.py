"""Column names guessed: from what a shop calls a column to the field it is.

Covered: English and Chinese names, a language in the name (`question_en`, `问题（中文）`), a
currency or region in the name (`price_eur`, `stock_cn`), columns that are no customer's business
(cost, supplier, internal notes). Not covered: guessing from values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from bot.errors import InputError
from retrieval.text import fold

FieldLang = Literal["", "en", "zh"]


@dataclass(frozen=True, slots=True)
class Column:
    """A recognised column: the field, and the language, currency or region it is for."""

    field: str
    lang: FieldLang = ""
    region: str = ""

    def __str__(self) -> str:
        mark = self.lang or self.region
        return f"{self.field} ({mark})" if mark else self.field


_SYNONYMS: dict[str, str] = {
    "passage_id": "passageid",
    "id": "id faqid entryid key 编号 序号 条目编号",
    "lang": "lang language locale 语言 语种",
    "group": "group 分组 组",
    "category": "category topic section producttype type productcategory categories 分类 类别 主题 类目 栏目 商品分类",
    "question": "question q faq query 问题 问 提问 标准问 标准问题 常见问题 问句",
    "answer": "answer a reply response 答案 答 回答 回复 答复 标准答案 应答",
    "alternatives": "alternatives alternative similar similarquestions variants phrasings "
    "paraphrases otherphrasings 相似问 相似问题 同义问 其他问法 别的问法 扩展问 相似问法",
    "title": "title heading 标题",
    "text": "text content body passage 内容 正文 文本",
    "sku": "sku itemno itemnumber articlenumber articleno productcode variantsku 货号 商品编号 "
    "商品编码 产品编号 产品编码 sku编码 商家编码 款号",
    "name": "name product productname itemname producttitle 名称 品名 商品 商品名称 产品名称 "
    "商品名 产品名 商品标题",
    "brand": "brand vendor manufacturer 品牌 厂家",
    "price": "price unitprice saleprice variantprice 价格 售价 单价 价钱 现价 价",
    "currency": "currency 币种 货币",
    "stock": "stock inventory quantity qty stockquantity 库存 库存数量 数量 库存量",
    "warranty": "warranty warrantymonths guarantee 保修 保修期 质保 质保期 保修月数 保修月",
    "attributes": "attributes attribute specs specifications 参数 规格 属性 规格参数",
    "description": "description details 描述 详情 商品描述 产品描述 简介 商品详情",
    "valid_from": "validfrom startdate from 生效日期 开始日期 生效 生效日",
    "valid_until": "validuntil validto enddate until expires expiry 失效日期 截止日期 到期 到期日 "
    "有效期至 失效日",
    "rating": "rating stars score 评分 星级 打分",
    "updated": "updated updatedat lastmodified version 更新 更新日期 更新时间 版本",
}
_FIELD_OF = {name: field for field, names in _SYNONYMS.items() for name in names.split()}

_LANG_MARKS: tuple[tuple[str, FieldLang], ...] = (
    ("english", "en"),
    ("英文", "en"),
    ("英语", "en"),
    ("en", "en"),
    ("chinese", "zh"),
    ("zhhans", "zh"),
    ("中文", "zh"),
    ("汉语", "zh"),
    ("zh", "zh"),
    ("cn", "zh"),
)
_CURRENCY_MARKS = (
    ("人民币", "CNY"),
    ("cny", "CNY"),
    ("rmb", "CNY"),
    ("¥", "CNY"),
    ("元", "CNY"),
    ("欧元", "EUR"),
    ("eur", "EUR"),
    ("€", "EUR"),
    ("美元", "USD"),
    ("usd", "USD"),
    ("$", "USD"),
    ("gbp", "GBP"),
    ("£", "GBP"),
)
_REGION_MARKS = (("中国", "CN"), ("cn", "CN"), ("欧盟", "EU"), ("eu", "EU"))
_INTERNAL = re.compile(
    r"cost|purchaseprice|wholesale|supplier|margin|internal|remark|^notes?$|barcode|"
    r"image|photo|picture|thumbnail|进价|成本|采购|供应商|供货|毛利|利润|内部|备注|条码|图片|主图"
)
_SEPARATORS = re.compile(r"[\s_\-./:：*()（）\[\]【】#]+")
_MAX_NAME = 40


@lru_cache(maxsize=4096)
def guess_column(name: str) -> Column | None:
    """The field a column name stands for, or None."""
    plain = plain_name(name)
    if not plain or len(plain) > _MAX_NAME:
        return None
    if plain in _FIELD_OF:
        return Column(_FIELD_OF[plain])
    for mark, currency in sorted(_CURRENCY_MARKS, key=lambda pair: -len(pair[0])):
        if _without(plain, mark) and _FIELD_OF.get(_without(plain, mark)) == "price":
            return Column("price", region=currency)
    for mark, region in _REGION_MARKS:
        if _without(plain, mark) and _FIELD_OF.get(_without(plain, mark)) == "stock":
            return Column("stock", region=region)
    for mark, lang in _LANG_MARKS:
        field = _FIELD_OF.get(_without(plain, mark))
        if field is not None:
            return Column(field, lang=lang)
    return None


def plain_name(name: str) -> str:
    """A column's name without case, width, spaces and signs: how two names are compared."""
    return _SEPARATORS.sub("", fold(name))


def is_internal(name: str) -> bool:
    """Whether a column is for the shop's own eyes (cost prices, suppliers, notes) or a picture."""
    return _INTERNAL.search(plain_name(name)) is not None


def parse_mapping(pairs: Sequence[str]) -> dict[str, Column | None]:
    """`title=Headline`, `question_en=Frage`, `ignore=Notes` as folded names to fields.

    Raises:
        InputError: a pair has no `=`, or names no field of ours.
    """
    mapping: dict[str, Column | None] = {}
    for pair in pairs:
        field, equals, name = (part.strip() for part in pair.partition("="))
        if not equals or not field or not plain_name(name):
            raise InputError(
                f"--map {pair!r} is not FIELD=COLUMN", fix="write it like --map title=Headline"
            )
        column = guess_column(field)
        if column is None and field.casefold() != "ignore":
            raise InputError(
                f"--map {pair!r}: there is no field {field!r}",
                fix=f"one of {', '.join(_SYNONYMS)}, with _en or _zh behind it, price_eur, "
                "stock_cn; or ignore",
            )
        mapping[plain_name(name)] = column
    return mapping


def _without(name: str, mark: str) -> str:
    if name.endswith(mark):
        return name[: -len(mark)]
    return name[len(mark) :] if name.startswith(mark) else ""

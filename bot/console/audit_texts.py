"""Words of the audit page and of searching encrypted texts, in English and Chinese."""

from __future__ import annotations

from typing import Final

AUDIT: Final[dict[str, tuple[str, str]]] = {
    "audit": ("Audit log", "审计日志"),
    "audit_hint": (
        "Who read or changed what. Entries cannot be changed or deleted; an erased customer is"
        " called “erased:N”, N being the entry that tells of the erasure.",
        "谁在何时查看或更改了什么。记录无法修改或删除；已清除的顾客显示为“erased:N”，N 是清除操作的记录编号。",
    ),
    "audit_when": ("When", "时间"),
    "audit_actor": ("Who", "操作者"),
    "audit_action": ("Did", "操作"),
    "audit_subject": ("To", "对象"),
    "audit_detail": ("More", "备注"),
    "audit_filter": ("Show", "筛选"),
    "audit_empty": ("No entries.", "没有记录。"),
    "audit_older": ("Older entries", "更早的记录"),
    "search_encrypted": (
        "Messages are encrypted: whole words and Chinese phrases of two or more characters are"
        " found, parts of words are not.",
        "消息已加密：可搜索完整单词、两个字以上的中文词语，以及完整的电话、邮箱或单号；无法搜索单词的一部分。",
    ),
}

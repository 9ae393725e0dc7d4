"""Words about the people who sign in, in English and Chinese: part of `bot.console.texts`."""

from __future__ import annotations

from typing import Final

PEOPLE: Final[dict[str, tuple[str, str]]] = {
    "people": ("People", "人员"),
    "people_hint": (
        "Whoever is listed here may sign in. A new password or “disable” signs a person out at once.",
        "以下人员可以登录。修改密码或停用后，该人员会立即退出登录。",
    ),
    "sign_in_busy": (
        "Many people are signing in at the moment. Please try again in a few seconds.",
        "当前登录人数较多，请稍候几秒再试。",
    ),
    "forbidden": ("Your role may not do this.", "您的角色没有此权限。"),
    "forbidden_hint": (
        "Somebody with the role “admin” can do it, or give you that role.",
        "请联系管理员操作，或由管理员为您授予权限。",
    ),
    "role": ("Role", "角色"),
    "role_agent": ("agent", "客服"),
    "role_admin": ("admin", "管理员"),
    "role_agent_hint": (
        "answers customers and corrects answers",
        "回复顾客、纠正回答",
    ),
    "role_admin_hint": (
        "also manages people and customers' data",
        "还可管理人员和顾客数据",
    ),
    "state": ("State", "状态"),
    "state_active": ("may sign in", "可登录"),
    "state_disabled": ("disabled", "已停用"),
    "since_date": ("Since", "加入时间"),
    "make_admin": ("Make admin", "设为管理员"),
    "make_agent": ("Make agent", "设为客服"),
    "disable": ("Disable", "停用"),
    "enable": ("Enable", "启用"),
    "sign_out_everywhere": ("Sign out everywhere", "全部退出登录"),
    "new_password": ("New password", "新密码"),
    "set_password": ("Set password", "设置密码"),
    "add_person": ("Add a person", "添加人员"),
    "add": ("Add", "添加"),
    "password_rule": ("at least 8 characters", "至少 8 个字符"),
    "done_person_added": ("{name} may sign in now.", "{name} 现在可以登录。"),
    "done_person_changed": ("Changed: {name}.", "已更新：{name}。"),
    "you_here": ("you", "您"),
}

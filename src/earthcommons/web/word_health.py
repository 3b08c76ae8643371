"""How the node's page says what the program finds of a node: names and texts, both languages.

The program says each text once, in English, in a fixed form; what changes is numbers, times and
names. A text of an unknown form is shown as it is rather than guessed at.
"""

from __future__ import annotations

import re
from itertools import product

from earthcommons.web.word_values import KINDS

__all__ = ["HEALTH_KINDS", "health_text"]

HEALTH_KINDS: dict[str, tuple[str, str]] = {
    "formats": ("formats", "文件格式"),
    "store": ("store of objects", "对象存储"),
    "suspect objects": ("suspect objects", "可疑对象"),
    "last scrub": ("last scrub", "最近一次校验"),
    "last backup": ("last backup", "最近一次备份"),
    "folder": ("folder of the node", "节点文件夹"),
    "restored": ("restored", "恢复"),
    "migration": ("migration", "迁移"),
}
_COUNT = re.compile(f"({'|'.join(KINDS)}) (\\d+)")
_AT = r"(\S+)"
_READ = rf"{_AT}: (\d+) read, (\d+) damaged or missing"
_READ_ZH = "{0}：读取{1}个对象，{2}个损坏或缺失"
_DOOR = (
    "foreign files are read in a child process with limits on memory, time and bytes; it sees "
)
_DOOR_ZH = "外来文件在子进程中读取，内存、时间和字节数均有上限；该进程"
_SEES = {
    "its own folder alone": "只能看到自己的文件夹",
    "what this user can (no Landlock here)": "能看到本用户可见的一切（本机无Landlock）",
}
_NETWORK = {
    "no network": "不能使用网络",
    "the network (the kernel does not let it drop it)": "可使用网络（内核不允许关闭）",
}
_BEGINS = {
    "no other process": "不能启动其他进程",
    "other processes (no seccomp rule for this kernel and machine)": (
        "可启动其他进程（此内核与机器无seccomp规则）"
    ),
}
_DOORS = tuple(
    (
        re.escape(f"{_DOOR}{sees}, and {network}, and can begin {begins}"),
        f"{_DOOR_ZH}{_SEES[sees]}，{_NETWORK[network]}，{_BEGINS[begins]}",
    )
    for sees, network, begins in product(_SEES, _NETWORK, _BEGINS)
)
_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"earthcommons (\S+), Python (\S+)", "earthcommons {0}，Python {1}"),
    (r"SQLite (\S+): ok", "SQLite {0}：完好"),
    (r"SQLite (\S+): (.+)", "SQLite {0}：{1}"),
    (
        r"SQLite (\S+); `earthcommons doctor` looks it through",
        "SQLite {0}；可用`earthcommons doctor`逐页检查",
    ),
    (r"(\d+) GiB free", "可用空间{0} GiB"),
    (r"listens on (\S+)", "监听{0}"),
    *_DOORS,
    ("all formats can be read", "所有格式均可读取"),
    (r"(\w+) and (\w+) cannot be read: (.+)", "无法读取{0}和{1}：{2}"),
    (r"(\w+) cannot be read: (.+)", "无法读取{0}：{1}"),
    (
        "objects in the node's folder; writers can share it",
        "对象在节点文件夹中；可多方同时写入",
    ),
    (r"(\S+); writers can share it", "{0}；可多方同时写入"),
    (r"objects in the node's folder: (.+)", "对象在节点文件夹中：{0}"),
    (r"([a-z][a-z0-9]*:\S+): (.+)", "{0}：{1}"),
    (
        r"(\d+) not served; `scrub --repair --from COPY` mends them",
        "{0}个已停止提供；可用`scrub --repair --from COPY`修复",
    ),
    ("none known", "未发现"),
    (
        "never; `earthcommons scrub` reads every object",
        "从未；`earthcommons scrub`读取全部对象",
    ),
    (_READ, _READ_ZH),
    (rf"{_READ}, (\d+) left for the next", _READ_ZH + "，{3}个留待下次"),
    (rf"{_READ}; no object is unread since {_AT}", _READ_ZH + "；自{3}以来所有对象均已读过"),
    ("never; `earthcommons backup PLACE` makes one", "从未；用`earthcommons backup PLACE`备份"),
    (rf"{_AT} to (.+); never restored to try it", "{0}，备份至{1}；从未试行恢复"),
    (
        rf"{_AT} to (.+); last restored and verified {_AT}",
        "{0}，备份至{1}；最近一次恢复并核验：{2}",
    ),
    ("closed to others", "他人无权访问"),
    (rf"{_AT} from (.+)", "{0}，恢复自{1}"),
    (r"(.+) is kept until `migrate --confirm`", "{0}保留至执行`migrate --confirm`"),
)
# Of what others can touch there may be several sentences, parted by "; ".
_LOOSE: tuple[tuple[str, str], ...] = (
    (r"(.+) can be written by everybody: (.+)", "任何人都可写入{0}：{1}"),
    (r"(.+) belongs to user (\d+), this runs as (\d+)", "{0}属于用户{1}，而程序以用户{2}运行"),
    (
        r"(.+) has mode (\d+), a secret needs 0600: (.+)",
        "{0}的权限为{1}，密钥文件须为0600：{2}",
    ),
)


def _compiled(table: tuple[tuple[str, str], ...]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), words) for pattern, words in table)


_WHOLE, _PARTS = _compiled(_PATTERNS), _compiled(_LOOSE)


def health_text(text: str) -> str | None:
    """Return what the program says of a node in Chinese; None where the form is unknown."""
    counts = [_COUNT.fullmatch(part) for part in text.split(" · ")]
    if all(counts):
        pairs = (count.groups() for count in counts if count is not None)
        return " · ".join(f"{KINDS[kind][1]} {number}" for kind, number in pairs)
    found = _said(text, _WHOLE)
    if found is not None:
        return found
    parts = [_said(part, _PARTS) for part in text.split("; ")]
    known = [part for part in parts if part is not None]
    return "；".join(known) if len(known) == len(parts) else None


def _said(text: str, table: tuple[tuple[re.Pattern[str], str], ...]) -> str | None:
    for pattern, words in table:
        if found := pattern.fullmatch(text):
            return words.format(*found.groups())
    return None

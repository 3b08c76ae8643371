"""What may be found of a node and how it is said: one table, a code a row, English and Chinese.

`{name}` marks a place for a value; both languages of a code have the same ones. A value may be a
number or a name, which every language shows as it is, or something said by a code itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from earthcommons.render.format import LANGUAGES, check_language

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ABOUT", "SAID", "Finding", "Said"]

# What a finding is about.
ABOUT: dict[str, tuple[str, str]] = {
    "version": ("version", "版本"),
    "catalogue": ("catalogue", "目录"),
    "records": ("records", "记录"),
    "space": ("space", "空间"),
    "address": ("address", "地址"),
    "other origins": ("pages of other origins", "其他来源的网页"),
    "door": ("door for foreign files", "外来文件入口"),
    "formats": ("formats", "文件格式"),
    "store": ("store of objects", "对象存储"),
    "suspect objects": ("suspect objects", "可疑对象"),
    "last scrub": ("last scrub", "最近一次校验"),
    "last backup": ("last backup", "最近一次备份"),
    "folder": ("folder of the node", "节点文件夹"),
    "restored": ("restored", "恢复"),
    "migration": ("migration", "迁移"),
    "audit log": ("audit log", "审计日志"),
}
_READ = "{at}: {read} read, {bad} damaged or missing"
_READ_ZH = "{at}：读取{read}个对象，{bad}个损坏或缺失"
SAID: dict[str, tuple[str, str]] = {
    "runs": (
        "earthcommons {version}, Python {python}",
        "earthcommons {version}，Python {python}",
    ),
    "catalogue-sound": ("SQLite {sqlite}: ok", "SQLite {sqlite}：完好"),
    "catalogue-damaged": ("SQLite {sqlite}: {damage}", "SQLite {sqlite}：{damage}"),
    "catalogue-not-looked-through": (
        "SQLite {sqlite}; `earthcommons doctor` looks it through",
        "SQLite {sqlite}；可用`earthcommons doctor`逐页检查",
    ),
    "counts": (
        (
            "collection {collection} · item {item} · run {run} · watch {watch} · alert {alert}"
            " · report {report} · offer {offer} · need {need}"
        ),
        (
            "数据集 {collection} · 条目 {item} · 运行 {run} · 监测 {watch} · 预警 {alert}"
            " · 报告 {report} · 技术 {offer} · 需求 {need}"
        ),
    ),
    "free": ("{gib} GiB free", "可用空间{gib} GiB"),
    "listens": ("listens on {address}", "监听{address}"),
    "any-origin": (
        "every origin may read what is open here (`cors_origins`)",
        "任何来源的网页均可读取此处公开的内容（`cors_origins`）",
    ),
    "audit-goes-on": (
        "{count} lines, going on from what the backup of {at} holds",
        "共{count}行，与{at}备份所记相接",
    ),
    "audit-alone": (
        "{count} lines; no backup keeps its head yet, so that a cut tail would not be seen",
        "共{count}行；尚无备份记下其末行，尾部若被截去将无从得知",
    ),
    "audit-cut": (
        (
            "line {line}, which the backup of {at} holds, is gone or another:"
            " lines were cut off or rewritten"
        ),
        "{at}备份所记的第{line}行已不存在或已不同：日志被截短或改写",
    ),
    "audit-gone": (
        "there is none in the catalogue, and nothing can be changed: restore a backup",
        "目录中没有审计日志，无法进行任何更改：请恢复备份",
    ),
    "walls": (
        (
            "foreign files are read in a child process with limits on memory, time and bytes;"
            " it sees {files}, and {network}, and can begin {processes}"
        ),
        (
            "外来文件在子进程中读取，内存、时间和字节数均有上限；"
            "该进程{files}，{network}，{processes}"
        ),
    ),
    "files-own": ("its own folder alone", "只能看到自己的文件夹"),
    "files-all": (
        "what this user can (no Landlock here)",
        "能看到本用户可见的一切（本机无Landlock）",
    ),
    "network-none": ("no network", "不能使用网络"),
    "network-all": (
        "the network (the kernel does not let it drop it)",
        "可使用网络（内核不允许关闭）",
    ),
    "processes-none": ("no other process", "不能启动其他进程"),
    "processes-all": (
        "other processes (no seccomp rule for this kernel and machine)",
        "可启动其他进程（此内核与机器无seccomp规则）",
    ),
    "formats-all": ("all formats can be read", "所有格式均可读取"),
    "formats-lacking": (
        "{names} cannot be read: pip install 'earthcommons[{extras}]'",
        "无法读取{names}：pip install 'earthcommons[{extras}]'",
    ),
    "store-shared": ("{where}; writers can share it", "{where}；可多方同时写入"),
    "store-fails": ("{where}: {why}", "{where}：{why}"),
    "in-folder": ("objects in the node's folder", "对象在节点文件夹中"),
    "suspects": (
        "{count} not served; `scrub --repair --from COPY` mends them",
        "{count}个已停止提供；可用`scrub --repair --from COPY`修复",
    ),
    "suspects-unreadable": (
        "{file} cannot be read, nothing is served; `scrub` reads all and writes it anew",
        "无法读取{file}，已停止提供全部对象；`scrub`将读取全部对象并重写该文件",
    ),
    "no-suspects": ("none known", "未发现"),
    "never-scrubbed": (
        "never; `earthcommons scrub` reads every object",
        "从未；`earthcommons scrub`读取全部对象",
    ),
    "scrubbed": (_READ, _READ_ZH),
    "scrubbed-in-part": (
        f"{_READ}, {{left}} left for the next",
        f"{_READ_ZH}，{{left}}个留待下次",
    ),
    "scrubbed-all": (
        f"{_READ}; no object is unread since {{since}}",
        f"{_READ_ZH}；自{{since}}以来所有对象均已读过",
    ),
    "never-backed-up": (
        "never; `earthcommons backup PLACE` makes one",
        "从未；用`earthcommons backup PLACE`备份",
    ),
    "backed-up-untried": (
        "{at} to {place}; never restored to try it",
        "{at}，备份至{place}；从未试行恢复",
    ),
    "backed-up-tried": (
        "{at} to {place}; last restored and verified {tried}",
        "{at}，备份至{place}；最近一次恢复并核验：{tried}",
    ),
    "folder-closed": ("closed to others", "他人无权访问"),
    "folder-entered": (
        "every user of this machine can read {name}, closed data too: chmod o-rx {name}",
        "本机任何用户都可读取{name}，包括未公开的数据：chmod o-rx {name}",
    ),
    "folder-open": ("{found}", "{found}"),
    "all-may-write": (
        "{name} can be written by everybody: chmod o-w {name}",
        "任何人都可写入{name}：chmod o-w {name}",
    ),
    "other-owner": (
        "{name} belongs to user {owner}, this runs as {user}",
        "{name}属于用户{owner}，而程序以用户{user}运行",
    ),
    "secret-readable": (
        "{name} has mode {mode}, a secret needs 0600: chmod 600 {name}",
        "{name}的权限为{mode}，密钥文件须为0600：chmod 600 {name}",
    ),
    "and-more": ("and {count} more", "另有{count}处"),
    "restored": ("{at} from {snapshot}", "{at}，恢复自{snapshot}"),
    "before-migration": (
        "{files} is kept until `migrate --confirm`",
        "{files}保留至执行`migrate --confirm`",
    ),
}
_BETWEEN_NAMES, _BETWEEN_SENTENCES = (" and ", "和"), ("; ", "；")


@dataclass(frozen=True, slots=True)
class Said:
    """Something said by its code, with the values that the code names.

    Attributes:
        code: a key of `SAID`, stable.
        values: names, numbers and times as they are; several names; or what is said itself.
    """

    code: str
    values: Mapping[str, object] = field(default_factory=dict)

    def text(self, lang: str = "en") -> str:
        """Return it in words.

        Raises:
            KeyError: no such code, or it names a value that is lacking.
            InvalidInputError: neither English nor Chinese is asked for.
        """
        n = LANGUAGES.index(check_language(lang))
        shown = {name: _shown(value, n) for name, value in self.values.items()}
        return SAID[self.code][n].format(**shown)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing about a node.

    Attributes:
        what: what it is about, a key of `ABOUT`.
        state: `ok`, `note` or `bad`.
        said: what was found.
    """

    what: str
    state: str
    said: Said

    def about(self, lang: str = "en") -> str:
        """Return what it is about, in words."""
        return ABOUT[self.what][LANGUAGES.index(check_language(lang))]

    def as_json(self) -> dict[str, str]:
        """Return the JSON form; the text is English."""
        return {
            "what": self.what,
            "state": self.state,
            "code": self.said.code,
            "text": self.said.text(),
        }


def _shown(value: object, n: int) -> str:
    if isinstance(value, Said):
        return value.text(LANGUAGES[n])
    if isinstance(value, tuple):
        sentences = any(isinstance(each, Said) for each in value)
        between = _BETWEEN_SENTENCES if sentences else _BETWEEN_NAMES
        return between[n].join(_shown(each, n) for each in value)
    return str(value)

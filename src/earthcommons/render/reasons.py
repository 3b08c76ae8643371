"""Reasons, caveats and baselines of observations in Chinese: one table of sentence patterns.

An observation states its reason once, in English, in a fixed form; what changes is numbers and
names. A text of an unknown form is shown as it is rather than guessed at.
"""

import re

from earthcommons.render.format import check_language

__all__ = ["is_known_reason", "reason_text"]

_MONTHS = {
    name: f"{n}月"
    for n, name in enumerate(
        (
            "January", "February", "March", "April", "May", "June", "July", "August",
            "September", "October", "November", "December",
        ),
        start=1,
    )
}  # fmt: skip
_N = r"([-−]?[\d.]+(?:e-?\d+)?)"
_PATTERNS: tuple[tuple[str, str], ...] = (
    (rf"coverage: {_N} valid cells, fewer than {_N}", "覆盖不足：有效像元{0}个，少于{1}个"),
    (
        rf"coverage: {_N} % of the area is valid, less than {_N} %",
        "覆盖不足：有效面积为{0}%，低于{1}%",
    ),
    ("coverage: no valid cell has weight", "覆盖不足：没有带权重的有效像元"),
    (
        "coverage: no cell of this grid lies in this belt",
        "覆盖不足：该海拔带内没有此网格的像元",
    ),
    (rf"needs a DEM of {_N} km or finer", "需要{0}公里或更精细的数字高程模型"),
    (
        rf"days: {_N} of {_N} expected, fewer than {_N} ?%",
        "天数不足：应有{1}天，仅有{0}天，低于{2}%",
    ),
    (
        rf"{_N} of {_N} samples have a value, the rest is blank",
        "{1}个样本中{0}个有值，其余为空白",
    ),
    (rf"{_N} of {_N} winters have a value", "{1}个冬季中{0}个有值"),
    (
        rf"Mann-Kendall, two-sided p = {_N}, {_N} of {_N} winters; winters are taken as independent",
        "曼-肯德尔检验，双侧p = {0}；{2}个冬季中{1}个有值；各冬季视为相互独立",
    ),
    (
        "blank in the source: not observed or below detection, never zero",
        "来源为空白：未观测或低于检出限，绝非零值",
    ),
    ("blank: ice-off", "空白：无解冻日期"),
    ("blank: ice-on", "空白：无封冻日期"),
    ("no row in the source", "来源中没有该行"),
    (
        (
            rf"effort: passes {_N} and {_N}, {_N} reaches of {_N} m,"
            rf" {_N} (animals not assigned to a channel unit|channel units with a catch), {_N} days?"
        ),
        "调查力度：第{0}、{1}遍，{2}个{3}米河段，{4}{5}，{6}天",
    ),
    (
        rf"fish: {_N} weighed of {_N} to {_N} mm, fewer than {_N}",
        "鱼：{1}至{2}毫米的称重个体{0}尾，少于{3}尾",
    ),
    (
        (
            "length is total length in some years and snout-fork length in others, the file does not"
            " say which: do not compare years"
        ),
        "体长在有的年份为全长，在有的年份为叉长，文件未说明：不可跨年比较",
    ),
    (rf"population held at {_N}", "人口固定在{0}年的分布"),
    (
        (
            rf"product v{_N}; all pixels of the tile; Ilhéu das Rolas lies on the equator, where the"
            " tile ends, and its part south of it is not counted"
        ),
        "产品版本v{0}；统计该图幅的全部像元；罗拉斯岛位于赤道，图幅止于此，其赤道以南部分未计入",
    ),
    (
        rf"v{_N} to v{_N} is another algorithm: the difference is no change of the land",
        "v{0}与v{1}算法不同：差值不是土地的变化",
    ),
    (
        (
            rf"v{_N} to v{_N} is another algorithm: the difference is no change of the land;"
            rf" {_N} \(v{_N}\) {_N} km2, {_N} \(v{_N}\) {_N} km2"
        ),
        "v{0}与v{1}算法不同：差值不是土地的变化；{2}年（v{3}）{4}平方公里，{5}年（v{6}）{7}平方公里",
    ),
    (
        (
            rf"the layer {_N} very probably is a mean of {_N}-{_N}: the difference is not ten years of"
            rf" change; {_N} of {_N} cells have no value in it and add no area"
        ),
        "{0}年图层很可能是{1}至{2}年的平均：差值并非十年的变化；{4}个像元中{3}个在其中无值，不计面积",
    ),
    (
        (
            rf"the layer {_N} very probably is a mean of {_N}-{_N}; {_N} of {_N} cells have no value in"
            " it and add no area"
        ),
        "{0}年图层很可能是{1}至{2}年的平均；{4}个像元中{3}个在其中无值，不计面积",
    ),
    ("one map, no error model published with it", "仅有一幅图，未附误差模型"),
    ("one model, one run", "一个模型，一次模拟"),
    ("one reconstruction, no error model published with it", "仅有一套重建数据，未附误差模型"),
    ("annual composites, no error model carried with them", "年度合成产品，未附误差模型"),
    ("a count of captures, not an estimate of a population", "为捕获计数，不是种群估计"),
    (
        "days were counted by observers; no error is published with them",
        "天数由观察者记录，未发布误差",
    ),
    ("mean of the winters that were; no sample of others", "为已有冬季的平均，没有其他样本"),
    (
        "one sample a week; the error of the laboratory is not in the file",
        "每周一个样本；文件中没有实验室误差",
    ),
    ("the error fields of the analysis are not among the inputs", "输入数据不含分析误差场"),
    ("the error of a daily extent is not in the file", "文件中没有逐日范围的误差"),
    ("the map carries no error of its areas", "该图未附面积误差"),
    ("too few fish", "个体数过少"),
    (rf"{_N}", "{0}年"),
    (rf"{_N}, a year of the pandemic", "{0}年（疫情年份）"),
    (rf"{_N}, over the cells valid in {_N}", "{0}年，限{1}年有值的像元"),
    (
        rf"{_N}-{_N}, historical run of the same model \((\w+)\)",
        "{0}至{1}年，同一模型的历史模拟（{2}）",
    ),
    (
        rf"(\w+) of {_N}-{_N}, {_N} values: mean {_N}, standard deviation {_N} 10\^6 km2",
        "{1}至{2}年{0}，{3}个值：平均{4}，标准差{5}百万平方公里",
    ),
    (
        (
            rf"(\w+) of {_N}-{_N}: mean {_N} degC; {_N} years are short, and events of these years are"
            " in it"
        ),
        "{1}至{2}年{0}：平均{3} °C；{4}年基准期较短，且包含其间的事件",
    ),
)
_WORDS = _MONTHS | {
    "animals not assigned to a channel unit": "个未归入河道单元的个体",
    "channel units with a catch": "个有捕获的河道单元",
}
_COMPILED = tuple((re.compile(pattern), words) for pattern, words in _PATTERNS)


def reason_text(text: str, lang: str) -> str:
    """Return a reason, caveat or baseline in the reader's language.

    Raises:
        InvalidInputError: a language that is not spoken here.
    """
    if check_language(lang) == "en" or not text:
        return text
    return _translated(text) or text


def is_known_reason(text: str) -> bool:
    """Return whether a text has one of the forms the table knows."""
    return not text or _translated(text) is not None


def _translated(text: str) -> str | None:
    for pattern, words in _COMPILED:
        if found := pattern.fullmatch(text):
            return words.format(*(_WORDS.get(part, part) for part in found.groups()))
    return None

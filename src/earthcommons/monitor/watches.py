"""The declared watches: what is watched where, against which baseline, by which detector."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from earthcommons.errors import NotFoundError
from earthcommons.model.alert import Watch
from earthcommons.model.indicator import Text
from earthcommons.monitor.departures import count_departure_spells
from earthcommons.monitor.enso import count_enso_episodes
from earthcommons.monitor.findings import (
    departure_alerts,
    enso_alerts,
    record_alerts,
    rise_alerts,
    state_alerts,
)
from earthcommons.monitor.low_years import count_record_lows, count_standing_states
from earthcommons.monitor.running import WatchRule
from earthcommons.monitor.series import Series, every_month, one_month_a_year
from earthcommons.monitor.step_rise import count_step_rises

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["WATCHES", "find_watch"]


def find_watch(key: str) -> WatchRule:
    """Return the rule of a watch.

    Raises:
        NotFoundError: there is no such watch.
    """
    for rule in WATCHES:
        if rule.watch.key == key:
            return rule
    known = ", ".join(rule.watch.key for rule in WATCHES)
    raise NotFoundError(f"there is no watch {key[:60]!r}; there are {known}")


def _count_enso(watch: Watch, series: Series, rows: NDArray[np.float64]) -> NDArray[np.int64]:
    del series
    given = watch.parameters
    return count_enso_episodes(
        rows, threshold=given["threshold"], min_seasons=given["min_seasons"]
    )


def _count_records(
    watch: Watch, series: Series, rows: NDArray[np.float64]
) -> NDArray[np.int64]:
    given = watch.parameters
    return count_record_lows(
        series.years,
        rows,
        baseline=(given["baseline_first"], given["baseline_last"]),
        min_earlier=given["min_earlier"],
        z_max=given["z_max"],
    )


def _count_states(watch: Watch, series: Series, rows: NDArray[np.float64]) -> NDArray[np.int64]:
    given = watch.parameters
    return count_standing_states(
        series.years,
        rows,
        baseline=(given["baseline_first"], given["baseline_last"]),
        z_enter=given["z_enter"],
        z_release=given["z_release"],
    )


def _count_departures(
    watch: Watch, series: Series, rows: NDArray[np.float64]
) -> NDArray[np.int64]:
    given = watch.parameters
    return count_departure_spells(
        series.years,
        rows,
        baseline=(given["baseline_first"], given["baseline_last"]),
        z=given["z"],
        side=given["side"],
    )


def _count_rises(watch: Watch, series: Series, rows: NDArray[np.float64]) -> NDArray[np.int64]:
    del series
    return count_step_rises(rows, alpha=watch.parameters["alpha"])


_BASELINE = {"baseline_first": 1981, "baseline_last": 2010}

WATCHES: tuple[WatchRule, ...] = (
    WatchRule(
        Watch(
            key="enso",
            version="1",
            title=Text("El Niño and La Niña episodes", "厄尔尼诺和拉尼娜事件"),
            indicator="sst-anomaly",
            region="ec:nino34",
            detector="monitor.enso",
            parameters={"threshold": 0.5, "min_seasons": 5},
            rule=Text(
                "The centred three-month mean of the Niño 3.4 anomaly is 0.5 °C or more from"
                " zero for five overlapping seasons or more. Severity by the peak: weak from"
                " 0.5, moderate from 1, strong from 1.5, very strong from 2 °C.",
                "尼诺3.4区距平的三个月滑动平均连续五个及以上季节达到或超过±0.5 °C。"
                "按峰值分级：0.5 °C起为弱，1 °C起为中等，1.5 °C起为强，2 °C起为极强。",
            ),
        ),
        "anomaly",
        every_month,
        enso_alerts,
        _count_enso,
        12,
        Text(
            "The noise is fitted to a series that holds the real episodes, so it swings nearly as"
            " they do: read this as how often memory alone would look like an episode, not as the"
            " share of alerts that are wrong.",
            "噪声拟合自包含真实事件的序列，波动与之相近：应理解为仅凭记忆性就像是事件的频率，"
            "而非错误警报所占比例。",
        ),
    ),
    WatchRule(
        Watch(
            key="arctic-september-record",
            version="1",
            title=Text("Arctic sea ice: record September low", "北极海冰：9月历史新低"),
            indicator="sea-ice-extent",
            region="ec:arctic",
            detector="monitor.low_years.record_lows",
            parameters={**_BASELINE, "min_earlier": 20, "z_max": -2.0},
            rule=Text(
                "September is lower than every earlier September, of which there are 20 or more,"
                " and two standard deviations or more below the mean of 1981–2010. Severity by"
                " standard deviations: moderate from 2, strong from 3, very strong from 4.",
                "9月值低于此前所有9月（至少20个），且比1981—2010年平均低两个标准差及以上。"
                "按标准差分级：2起为中等，3起为强，4起为极强。",
            ),
        ),
        "level",
        partial(one_month_a_year, month=9),
        record_alerts,
        _count_records,
        1,
        Text(
            "The first twenty years cannot raise an alert, and count as years.",
            "前二十年不可能发出警报，但计入年数。",
        ),
    ),
    WatchRule(
        Watch(
            key="arctic-september-state",
            version="1",
            title=Text("Arctic sea ice: low state in September", "北极海冰：9月持续偏低状态"),
            indicator="sea-ice-extent",
            region="ec:arctic",
            detector="monitor.low_years.standing_states",
            parameters={**_BASELINE, "z_enter": -2.0, "z_release": -1.0},
            rule=Text(
                "One alert that stands from the first September two standard deviations or more"
                " below the mean of 1981–2010 until a September less than one below it. Severity"
                " by the lowest September, as for records.",
                "自9月值首次比1981—2010年平均低两个标准差及以上起，至偏低不足一个标准差为止，"
                "作为一个持续警报。按最低9月值分级，标准与新低相同。",
            ),
        ),
        "level",
        partial(one_month_a_year, month=9),
        state_alerts,
        _count_states,
        1,
        Text(
            "The noise has no trend; a state that rests on a trend is what it is compared with.",
            "噪声不含趋势；由趋势形成的状态正是与之比较的对象。",
        ),
    ),
    WatchRule(
        Watch(
            key="antarctic-winter",
            version="1",
            title=Text("Antarctic sea ice: winter departure", "南极海冰：冬季显著偏离"),
            indicator="sea-ice-extent",
            region="ec:antarctic",
            detector="monitor.departures.departure_spells",
            parameters={**_BASELINE, "z": 3.0, "side": "low"},
            rule=Text(
                "July is three standard deviations or more below the mean of 1981–2010. Julys in"
                " a row are one alert, which stands while the latest July with a value departs."
                " Severity by the lowest: strong from 3, very strong from 4 standard deviations.",
                "7月值比1981—2010年平均低三个标准差及以上。连续年份的7月合为一个警报，"
                "只要最近一个有值的7月仍偏离，警报即持续。按最低值分级：3个标准差起为强，4个起为极强。",
            ),
        ),
        "level",
        partial(one_month_a_year, month=7),
        departure_alerts,
        _count_departures,
        1,
        Text(
            "The noise is fitted to a series that holds the departures themselves.",
            "噪声拟合自包含偏离年份的序列。",
        ),
    ),
    WatchRule(
        Watch(
            key="stream-nitrate-rise",
            version="1",
            title=Text("Stream nitrate: rise in level", "溪水硝酸盐：水平升高"),
            indicator="stream-nitrate",
            region="ec:quebrada-sonadora",
            detector="monitor.step_rise",
            parameters={"alpha": 0.01, "level": 0.95, "seed": 1979},
            rule=Text(
                "Pettitt's test, one-sided, finds a rise of the monthly medians at a probability"
                " of 0.01 or less. The alert is the rise, not what caused it, and not a trend."
                " Severity by the medians after and before: moderate from 1.25 times, strong"
                " from 2, very strong from 4.",
                "对月中位数作单侧佩蒂特（Pettitt）检验，升高的概率值不大于0.01。"
                "警报仅指升高本身，不指其原因，也不是趋势。"
                "按升高后与升高前中位数之比分级：1.25倍起为中等，2倍起为强，4倍起为极强。",
            ),
        ),
        "monthly-median",
        every_month,
        rise_alerts,
        _count_rises,
        12,
        Text(
            "The noise is fitted to a series that holds the rise, whose memory is partly the rise"
            " itself: the rate is likely too high.",
            "噪声拟合自包含升高的序列，其记忆性部分来自升高本身：该频率可能偏高。",
        ),
    ),
)

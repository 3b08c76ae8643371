"""The interface's own words: `key -> (English, Chinese)`; `words` reads them."""

from __future__ import annotations

__all__ = ["WORDS"]

WORDS: dict[str, tuple[str, str]] = {
    # Frame.
    "skip": ("Skip to content", "跳到正文"),
    "demo_note": (
        "Demonstration pack of coarse data. Nothing here is an official figure.",
        "本站为粗分辨率数据的演示包，所有数字均非官方数据。",
    ),
    "main_nav": ("Main", "主导航"),
    "language": ("Language", "语言"),
    "breadcrumb": ("Breadcrumb", "当前位置"),
    "home": ("Home", "首页"),
    "map": ("Map", "地图"),
    "places": ("Places", "地点"),
    "indicators": ("Indicators", "指标"),
    "alerts": ("Alerts", "预警"),
    "data": ("Data", "数据"),
    "technology": ("Technology", "技术"),
    "reports": ("Reports", "报告"),
    "node": ("Node", "节点"),
    "footer": (
        (
            "{node}, a node of Earth Commons. Boundaries follow the United Nations’ "
            "published practice as far as the source polygons allow."
        ),
        (
            "{node}，“地球公共数据”的一个节点。边界在源数据多边形允许的范围内遵循联合"
            "国公布的惯例。"
        ),
    ),
    "notices": ("Third-party notices", "第三方声明"),
    "api_doc": ("API description", "接口说明"),
    "as_data": ("This page as data", "本页数据"),
    "site": ("Earth Commons", "地球公共数据"),
    # Values.
    "why": ("Why?", "查看依据"),
    "why_of": ("Why {what}?", "{what} 的依据"),
    "open_trace": ("Open the trace", "查看溯源"),
    "value": ("Value", "数值"),
    "period": ("Period", "时期"),
    "status": ("Status", "性质"),
    "coverage": ("Coverage", "覆盖"),
    "cells": ("Cells", "像元数"),
    "evidence": ("Evidence", "依据"),
    "indicator": ("Indicator", "指标"),
    "figure": ("Figure", "项目"),
    "region": ("Region", "区域"),
    "place": ("Place", "地点"),
    "baseline": ("baseline {text}", "基准：{text}"),
    "n_cells": ("{n} cells", "{n} 个像元"),
    "n_records": ("{n} records", "{n} 条记录"),
    "valid_share": ("{share} valid", "有效 {share}"),
    "no_interval": ("no interval: {text}", "无区间：{text}"),
    "interval": ("{range} ({level}, {method})", "{range}（{level}，{method}）"),
    "withheld_because": ("Withheld: {reason}", "暂不发布：{reason}"),
    "missing_because": ("Missing: {reason}", "缺失：{reason}"),
    "seen": ("Seen", "已有"),
    "reason": ("Reason", "原因"),
    "what_not": ("What it is not", "不能说明什么"),
    "note": ("Note", "说明"),
    "table_behind": ("Data table", "数据表"),
    # Home.
    "home_title": ("Briefing", "简报"),
    "home_lead": (
        "What the records of this node show, each number with its evidence.",
        "本节点的记录说明了什么：每个数字均可追溯到依据。",
    ),
    "card_antarctic": ("Antarctic sea ice", "南极海冰"),
    "card_arctic": ("Arctic sea ice", "北极海冰"),
    "card_nino": ("Niño 3.4 sea-surface temperature", "尼诺3.4区海表温度"),
    "card_lowest": (
        "the lowest {month} of {n} observed, {change} from the {years} mean.",
        "为有观测的 {n} 个{month}中的最低值，与 {years} 年均值相差 {change}。",
    ),
    "card_highest": (
        (
            "above the {years} mean of the same month: the largest departure of {n} "
            "months; the temperature was {level}."
        ),
        "高于 {years} 年同月均值，为 {n} 个月中的最大距平；海表温度为 {level}。",
    ),
    "card_z": ("{z} standard deviations", "{z} 个标准差"),
    "card_alert": ("part of an alert", "所属预警"),
    "map_of_month": ("Map of the month", "本月地图"),
    "changed_here": ("What changed in this node", "本节点的变更"),
    "changed_lead": ("Newest first.", "最新在前。"),
    "all_changes": ("All changes", "全部变更"),
    "add_data": ("Add your data", "添加数据"),
    "add_data_lead": (
        (
            "A file and a few declared facts become a record with its digest, found "
            "by every search."
        ),
        "一个文件加上几项声明，即可成为带摘要、可检索的记录。",
    ),
    "demonstration": ("About this demonstration", "关于本演示"),
    "demonstration_text": (
        (
            "This node shows a sample pack of coarse, old or regional data. It is "
            "here to show how numbers are traced, not to inform decisions. "
            "Indicators are proxies, models or reconstructions unless they say "
            "otherwise, and none is an official statistic."
        ),
        (
            "本节点展示的是粗分辨率、年份较早或区域性的样本数据，用于演示数字如何溯源，"
            "不作决策依据。除另有说明外，各指标均为代用指标、模式结果或重建数据，无一"
            "为官方统计。"
        ),
    ),
    "progress_title": ("This node is being built", "节点正在构建"),
    "progress": ("{done} of {total} steps done", "已完成 {done}/{total} 步"),
    "progress_note": (
        (
            "The page reads itself again every five seconds. What is published "
            "already can be used."
        ),
        "本页每五秒自动刷新；已发布的内容可以使用。",
    ),
    "nothing_yet": ("No indicator is computed on this node yet.", "本节点尚未计算任何指标。"),
    "nothing_yet_data": ("What is published is in the data.", "已发布的记录见数据页。"),
    # Map.
    "layers": ("Layers", "图层"),
    "layer_sst": ("Sea-surface temperature anomaly", "海表温度距平"),
    "layer_trees": ("Tree cover 2008", "2008年树冠覆盖率"),
    "layer_lights": ("Night lights of Kenya", "肯尼亚夜间灯光"),
    "layer_cover": ("Land cover of São Tomé and Príncipe", "圣多美和普林西比土地覆盖"),
    "by_country": ("By country, equal-area", "按国家（等积投影）"),
    "tiled": ("Cell by cell", "逐像元"),
    "mercator": (
        "Web Mercator: areas are not comparable between latitudes.",
        "网络墨卡托投影：不同纬度的面积不可比。",
    ),
    "sst_claim": (
        "In {month} the sea surface departed from its {years} mean as shown.",
        "{month}海表温度相对 {years} 年同月均值的距平。",
    ),
    "sst_note": (
        (
            "Anomaly against the mean of the same month in {years}. Ten years are a "
            "short baseline, and it contains the events it is compared with."
        ),
        "相对 {years} 年同月均值的距平。十年基准期较短，且包含了被比较的事件。",
    ),
    "choose_month": ("Month", "月份"),
    "show": ("Show", "显示"),
    "earlier": ("Earlier", "上一月"),
    "later": ("Later", "下一月"),
    "pick_place": ("Choose a place", "选择地点"),
    "not_a_value": (
        "A layer of source data, shown as it was received.",
        "源数据图层，按接收时的原样显示。",
    ),
    "layer_absent": (
        "This layer needs the item {item}, which this node does not hold.",
        "该图层需要条目 {item}，本节点尚未收录。",
    ),
    "record_of_layer": ("Record of this layer", "该图层的记录"),
    "map_alt": ("{title}: map of the world, equal-area.", "{title}：世界等积投影地图。"),
    "map_alt_more": (
        "{title}. The table of values follows the map.",
        "{title}。数值表见地图之后。",
    ),
    "year": ("Year", "年份"),
    # Places.
    "places_title": ("Places", "地点"),
    "places_lead": (
        "{n} countries, areas and named places with values on this node.",
        "本节点有数值的国家、地区和具名地点共 {n} 个。",
    ),
    "search": ("Search", "检索"),
    "search_places": ("Name, M49 or ISO code", "名称、M49代码或ISO代码"),
    "named_places": ("Named places", "具名地点"),
    "groups": ("Groups", "国家组"),
    "other_areas": ("Other areas", "其他区域"),
    "no_place": (
        "No place is called that here. Try fewer letters.",
        "没有匹配的地点，请减少字符再试。",
    ),
    "code": ("M49 {m49}", "M49 {m49}"),
    "members": ("{n} members", "{n} 个成员"),
    "member_of": ("Part of", "所属"),
    "newest_values": ("{place}: newest period of each figure", "{place}：各项最新时期的数值"),
    "values_here": ("Values", "数值"),
    "in_period": ("In {when}", "{when}"),
    "no_values": (
        "No indicator of this node has a value, or a reason for having none, for {place}.",
        "本节点的指标没有 {place} 的数值或缺值原因。",
    ),
    "head_given": (
        (
            "Newest figures for {place} on this node: {given} given, {absent} "
            "missing or withheld with their reason. Indicators: {indicators}."
        ),
        (
            "本节点关于{place}的最新数值：{given} 个已给出，{absent} 个缺失或暂不发布"
            "并注明原因。涉及 {indicators} 项指标。"
        ),
    ),
    "head_lights": (
        "Night lights over {place} summed to {percent} more in {last} than in {first}.",
        "{last}年{place}夜间灯光总量比{first}年多{percent}。",
    ),
    "lights_fell": (
        "Night lights over {place} summed to {percent} less in {last} than in {first}.",
        "{last}年{place}夜间灯光总量比{first}年少{percent}。",
    ),
    "why_rise": ("Why the lights changed", "灯光变化的构成"),
    "split_claim": (
        (
            "Of the change of {total}, {lit} came from pixels lit in both years, "
            "{crossed} from pixels that crossed the floor of the product, {dark} "
            "from pixels gone dark."
        ),
        (
            "变化总量 {total} 中，两年均有灯光的像元占 {lit}，越过产品下限的像元占 "
            "{crossed}，变暗的像元占 {dark}。"
        ),
    ),
    "split_not": (
        (
            "{first} was a pandemic year, so the comparison starts low. The floor of "
            "the product hides dim light: a pixel that crosses it is not proof of "
            "new light. This is not a statement about electricity."
        ),
        (
            "{first}年为大流行病之年，比较的起点偏低。产品下限会掩盖微弱灯光：越过下"
            "限的像元并不证明出现了新的灯光。这不是关于电力供应的结论。"
        ),
    ),
    "part_lit": ("Lit in both years", "两年均有灯光"),
    "part_crossed": ("Crossed the floor", "越过下限"),
    "part_dark": ("Gone dark", "变暗"),
    "part_total": ("Whole change", "总变化"),
    "bars_alt": ("{title}, one bar a year: {values}.", "{title}，每年一柱：{values}。"),
    "split_alt": ("The change split into parts: {values}.", "变化的构成：{values}。"),
    "series_alt": (
        "{title}, {first} to {last}: lowest {low} ({low_at}), highest {high} ({high_at}).",
        "{title}，{first}至{last}：最低 {low}（{low_at}），最高 {high}（{high_at}）。",
    ),
    "band_caption": (
        "Grey: mean of the baseline years, plus and minus one standard deviation.",
        "灰色带：基准期均值加减一个标准差。",
    ),
    "span_caption": ("Tinted: while an alert stood.", "着色：预警持续期间。"),
    "only_month": ("each {month}", "历年{month}"),
    "warming_head": ("Warming by scenario", "各情景的升温"),
    "warming_claim": (
        (
            "Where people of {place} live today, the 30-year mean around 2050 is "
            "{low} ({low_name}) or {high} ({high_name}) above the same model’s "
            "window of 1980–2009."
        ),
        (
            "{place}今日居民所在地，2050年前后30年平均气温比同一模式1980–2009年窗口高"
            " {low}（{low_name}）或 {high}（{high_name}）。"
        ),
    ),
    "warming_note": (
        "One model, one run: no interval, no likelihood word. Population held at 2020.",
        "一个模式、一次模拟：没有区间，不用可能性词语。人口固定为2020年。",
    ),
    "refusals": ("Withheld", "暂不发布"),
    "cannot_say": ("What this node cannot say", "本节点无法说明的内容"),
    "outlook_for": ("Outlook for {place}", "{place}展望报告"),
    "report_pdf": ("PDF in English", "英文PDF"),
    "report_pdf_zh": ("PDF in Chinese", "中文PDF"),
    "read_report": ("Read the report", "阅读报告"),
    # Why.
    "why_title": ("Where this number comes from", "此数值的来源"),
    "verify_now": ("Verify now", "立即核验"),
    "verify_note": (
        (
            "Reads every input against its digest, computes the number again on this "
            "node and compares."
        ),
        "按摘要核对每项输入，在本节点重新计算并比较。",
    ),
    "capsule": ("Download capsule", "下载核验包"),
    "capsule_note": (
        (
            "Cells, weights, value, digests and a script that recomputes the number "
            "without this platform."
        ),
        "含像元、权重、数值、摘要以及不依赖本平台的重算脚本。",
    ),
    "parameters": ("Parameters", "参数"),
    "no_parameters": ("none", "无"),
    "method_not": ("Not said by it", "不能据此认为"),
    "method_source": ("Source of the method", "方法来源"),
    "second_route": ("Second, independent route", "独立的第二路径"),
    "digest": ("SHA-256", "SHA-256"),
    "licence": ("Licence", "许可"),
    "attribution": ("Attribution", "署名"),
    "object": ("Object", "对象"),
    "get_bytes": ("Bytes as computed on", "计算所用字节"),
    "lineage": ("How it was derived", "派生方式"),
    "known_limits": ("Known limits", "已知局限"),
    "worldview": ("Worldview", "边界依据"),
    "run_output": ("Observations of the run", "该次运行的观测"),
    "code_version": ("Code", "代码版本"),
    "not_in_pack": ("not in this pack", "不在本样本包内"),
    "taken": ("taken {date}", "获取于 {date}"),
    "more": ("Details", "详情"),
    "limits_at": ("Region set with its limits", "区域集及其局限"),
    "trace_json": ("Trace as JSON", "溯源（JSON）"),
    "observation_json": ("Observation as JSON", "观测（JSON）"),
    # Indicators.
    "indicators_title": ("Indicators", "指标"),
    "indicators_lead": (
        "What is measured, from what, and what must not be read into it.",
        "测量什么、依据什么，以及不应作何解读。",
    ),
    "says_not": ("What it does not say", "不说明什么"),
    "related_to": ("Related to {code}, not comparable with it", "与 {code} 相关，不可比"),
    "nature": ("Nature", "性质"),
    "unit": ("Unit", "单位"),
    "inputs": ("Inputs", "输入"),
    "name": ("Name", "名称"),
    "default": ("Default", "默认值"),
    "meaning": ("Meaning", "含义"),
    "method": ("Method", "方法"),
    "not_computed": (
        "Not computed on this node yet: {reason}",
        "本节点尚未计算：{reason}",
    ),
    "never_computed": ("it was not run", "未运行"),
    "given_of": (
        "{given} values, {absent} missing or withheld",
        "{given} 个数值，{absent} 个缺失或暂不发布",
    ),
    "values_table": ("Values by place", "各地数值"),
    "rows_shown": (
        "First {n} of {total} rows; the CSV holds all.",
        "显示 {total} 行中的前 {n} 行；完整内容见CSV。",
    ),
    "choose_figure": ("Figure", "项目"),
    "map_by_country": ("Map by country", "国别地图"),
    "series_of": ("Series", "序列"),
    # Alerts.
    "alerts_title": ("Alerts", "预警"),
    "alerts_lead": (
        (
            "Each alert is one event found by a declared rule, with the rule’s "
            "measured false-alarm rate beside it."
        ),
        "每条预警是由声明规则发现的一次事件，并附该规则实测的误报率。",
    ),
    "standing": ("Standing", "持续中"),
    "ended": ("Ended, by place", "已结束（按地点）"),
    "no_alerts": ("No watch has raised an alert on this node.", "本节点没有监测触发预警。"),
    "no_standing": ("No alert stands.", "目前没有持续中的预警。"),
    "watches": ("Watches", "监测"),
    "since": ("since {date}", "自{date}起"),
    "from_to": ("{first} to {last}", "{first}至{last}"),
    "peak": ("Peak", "峰值"),
    "how_unusual": ("How unusual", "异常程度"),
    "z_text": ("z = {z}", "z = {z}"),
    "rank_text": ("rank {rank} of {n}", "在 {n} 个中列第 {rank}"),
    "false_alarms": ("False alarms of this watch", "该监测的误报"),
    "false_rate": (
        "{rate} a year on series without events ({low} to {high})",
        "在无事件序列上每年 {rate} 次（{low} 至 {high}）",
    ),
    "false_unknown": ("not measured", "未测定"),
    "rests_on": ("Rests on", "依据"),
    "n_observations": ("{n} observations", "{n} 个观测"),
    "and_more": ("and {n} more", "另有 {n} 个"),
    "rule": ("Rule", "规则"),
    "detector": ("Detector", "检测方法"),
    "how_measured": ("How it was measured", "测定方式"),
    "of_watch": ("Alerts of this watch", "该监测的预警"),
    "severity": ("Severity", "级别"),
    # Data.
    "data_title": ("Data", "数据"),
    "search_data": ("Words, English or Chinese", "中文或英文词语"),
    "collection": ("Collection", "数据集"),
    "all": ("all", "全部"),
    "facets": ("Filters", "筛选"),
    "no_data": (
        "No record matches. Fewer words or another filter may help.",
        "没有符合条件的记录，可减少词语或更换筛选条件。",
    ),
    "footprint": ("Footprint", "范围"),
    "footprint_alt": (
        "Footprint: {west} to {east} longitude, {south} to {north} latitude.",
        "范围：经度 {west} 至 {east}，纬度 {south} 至 {north}。",
    ),
    "footprint_said": (
        "{west} to {east} longitude, {south} to {north} latitude",
        "经度 {west} 至 {east}，纬度 {south} 至 {north}",
    ),
    "preview": ("Preview", "预览"),
    "files": ("Files", "文件"),
    "file": ("File", "文件"),
    "size": ("Size", "大小"),
    "type": ("Type", "类型"),
    "zarr_note": ("a Zarr store: open it by its address", "Zarr存储：按地址打开"),
    "source_file": ("file as received", "接收时的文件"),
    "data_file": ("data", "数据"),
    "variables": ("Variables", "变量"),
    "variable": ("Variable", "变量"),
    "rights": ("Licence and attribution", "许可与署名"),
    "how_to_read": ("How to read it", "如何读取"),
    "cite": ("Cite", "引用"),
    "used_by": ("Used by", "被引用"),
    "used_by_none": ("No published run reads this record.", "尚无已发布的运行读取此记录。"),
    "provider_files": ("The provider’s files", "提供方文件"),
    "next_page": ("Next page", "下一页"),
    # Technology.
    "tech_title": ("Technology", "技术"),
    "tech_lead": (
        (
            "Needs that a person has confirmed, and offers that may meet them. A "
            "match is a list to check, not advice; what a provider did not say is "
            "unknown, and unknown is never satisfied."
        ),
        (
            "由专人确认的需求，以及可能满足需求的技术。匹配结果是待核对的清单，而非推"
            "荐；提供方未说明的内容视为未知，未知不算满足。"
        ),
    ),
    "needs": ("Needs", "需求"),
    "no_needs": ("No need is published on this node.", "本节点没有已发布的需求。"),
    "confirmed_by": ("Confirmed by {name}", "由 {name} 确认"),
    "drawn_from": ("Drawn from a finding", "来源结论"),
    "candidates": ("Candidates", "候选技术"),
    "no_candidates": ("No offer uses any of the need’s words.", "没有技术使用该需求的词语。"),
    "counts": (
        "{satisfied} satisfied, {failed} failed, {unknown} unknown",
        "{satisfied} 项满足，{failed} 项不满足，{unknown} 项未知",
    ),
    "criterion": ("Criterion", "条件"),
    "result": ("Result", "结果"),
    "because": ("Because", "原因"),
    "questions": ("Questions to ask the provider", "需向提供方询问的问题"),
    "success": ("How success would be seen", "如何判断成功"),
    "offers": ("Offers", "技术清单"),
    "search_offers": ("Words in title, terms and sectors", "标题、索引词和行业中的词语"),
    "offers_found": ("{n} offers match.", "共 {n} 项技术符合条件。"),
    "no_offers": ("No offer matches.", "没有符合条件的技术。"),
    "source": ("Source", "来源"),
    "claims": ("The provider’s claims, not checked", "提供方声明，未经核实"),
    "kind": ("Kind", "类型"),
    "goals": ("Goals", "目标"),
    "stage": ("Stage", "阶段"),
    "countries": ("Countries named", "注明的国家"),
    "sectors": ("Sectors", "行业"),
    "terms": ("Index terms", "索引词"),
    "not_said_by": ("not said", "未说明"),
    "gate": ("gate", "必要条件"),
    "provider_page": ("Address given by the source", "来源给出的地址"),
    "organisations": ("Organisations", "机构"),
    # Reports.
    "reports_title": ("Reports", "报告"),
    "reports_lead": (
        (
            "Every sentence is bound to observations and checked against them again "
            "when data change."
        ),
        "每句话均与观测绑定，数据变化时会重新核对。",
    ),
    "no_reports": ("No report is published on this node.", "本节点没有已发布的报告。"),
    "edition": ("Edition {edition}", "第 {edition} 版"),
    "statements": (
        "{n} statements: {checked} checked, {broken} broken or withdrawn",
        "{n} 条陈述：{checked} 条已核对，{broken} 条不符或撤回",
    ),
    "gaps": ("Knowledge gaps", "知识空白"),
    "in_other": ("The same report in Chinese", "本报告的英文版"),
    # Node.
    "node_title": ("This node", "本节点"),
    "node_lead": ("What {node} holds, and how it is.", "{node}的内容与状态。"),
    "health_untold": (
        "Its operators see here, once signed in, how it is kept: checks, backups, space.",
        "节点运行人员登录后可在此查看维护情况：校验、备份与存储空间。",
    ),
    "records": ("Records", "记录"),
    "changes": ("Change log", "变更日志"),
    "changes_folded": ("{n} changes in a row, {times}", "连续变更 {n} 次，{times}"),
    "time_to": (" to ", " 至 "),
    "sequence": ("No.", "序号"),
    "version": ("Version", "版本"),
    "what": ("What", "项目"),
    "state": ("State", "状态"),
    "count": ("Count", "数量"),
    "region_set": ("Region set", "区域集"),
    "limits_lead": (
        "Drawn from a declared table; what the source polygons cannot show is listed here.",
        "依据声明表绘制；源数据多边形无法表示的内容列于此。",
    ),
    # Errors.
    "error_404": ("Not found", "未找到"),
    "error_400": ("The address needs mending", "地址有误"),
    "error_403": ("Not allowed", "不允许"),
    "error_500": ("This server failed", "服务器出错"),
    "error_503": ("Not available now", "暂不可用"),
    "error_what": ("What happened", "发生了什么"),
    "error_kept": ("Nothing was changed on this node.", "本节点的内容未被改动。"),
    "error_do": (
        "Check the address, search for the place or the data, or start from the home page.",
        "请检查地址，检索地点或数据，或从首页开始。",
    ),
    "error_accident": (
        "This server failed on the request; the operator can see why.",
        "服务器处理请求时出错，运行人员可查看原因。",
    ),
}

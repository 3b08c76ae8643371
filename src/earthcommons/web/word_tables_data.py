"""Words of search, records and their stewards: `key -> (English, Chinese)`."""

from __future__ import annotations

__all__ = ["DATA_WORDS"]

DATA_WORDS: dict[str, tuple[str, str]] = {
    "colon": (": ", "："),
    "comma": (", ", "、"),
    "form_wrong": ("This was not done.", "操作未完成。"),
    "form_kept": (
        "What you entered is still in the form; nothing was changed on this node.",
        "您填写的内容仍在表单中，本节点的内容未被改动。",
    ),
    "leave_it": ("Leave it as it is", "保持不变"),
    # Search.
    "data_found": ("{n} records match.", "共 {n} 条记录符合条件。"),
    "data_found_one": ("1 record matches.", "共 1 条记录符合条件。"),
    "data_found_about": (
        "About {n} records match, as the newest suggest; at least {low}, at most {high}.",
        "按最新记录估计，约 {n} 条记录符合条件；至少 {low} 条，至多 {high} 条。",
    ),
    "data_found_between": (
        "At least {low} records match, at most {high}.",
        "至少 {low} 条、至多 {high} 条记录符合条件。",
    ),
    "count_about": ("about {n}", "约 {n}"),
    "count_between": ("{low} to {high}", "{low} 至 {high}"),
    "publish_link": ("Publish data", "发布数据"),
    "sort": ("Order", "排序"),
    "sort_newest": ("newest first", "最新在前"),
    "sort_oldest": ("oldest first", "最早在前"),
    "sort_title": ("by title", "按标题"),
    "search_words": ("Words", "词语"),
    "chips": ("Filters in force", "当前筛选条件"),
    "chip_remove": ("Remove", "移除"),
    "chips_all": ("Remove all", "全部移除"),
    "facet_theme": ("Theme", "主题"),
    "facet_sdg": ("Goal", "目标"),
    "facet_format": ("Format", "格式"),
    "facet_licence": ("Licence", "许可"),
    "facet_region": ("Region", "区域"),
    "facet_year": ("Year", "年份"),
    "facet_nature": ("Nature", "性质"),
    "facet_collection": ("Collection", "数据集"),
    "facet_from": ("From", "起始"),
    "facet_to": ("Until", "截止"),
    "place_and_time": ("Collection, place and time", "数据集、地点与时间"),
    "place_apply": ("Apply", "应用"),
    "edge_west": ("West", "西"),
    "edge_south": ("South", "南"),
    "edge_east": ("East", "东"),
    "edge_north": ("North", "北"),
    "plate_alt": (
        "World map with the footprints of the {n} records on this page.",
        "世界地图，显示本页 {n} 条记录的范围。",
    ),
    "plate_caption": (
        "Footprints of the {n} records on this page; coasts only, not to scale of area.",
        "本页 {n} 条记录的范围；仅绘海岸线，面积不可比。",
    ),
    "timeline_alt": ("Records by the year they end in", "按结束年份统计的记录"),
    "timeline_caption": (
        "Records by the year they end in; a bar leads to its year.",
        "按结束年份统计的记录；点击条形可查看该年。",
    ),
    "timeline_about": (
        "Heights are estimated from the newest.",
        "柱高按最新记录估计。",
    ),
    "year_count": ("{year}: {n}", "{year}年：{n}"),
    "year_about": ("{year}: about {n}", "{year}年：约 {n}"),
    "hit_withheld": ("files for some only", "文件仅对部分人员开放"),
    "first_page": ("First page", "首页结果"),
    # Record.
    "version_n": ("version {n}", "第 {n} 版"),
    "versions": ("Versions", "版本"),
    "seen_by": ("seen by {who}", "可见：{who}"),
    "past_version": (
        "You are reading version {n}. The latest is version {latest}.",
        "您正在阅读第 {n} 版，最新为第 {latest} 版。",
    ),
    "past_latest": ("Go to the latest version", "查看最新版本"),
    "erratum_of": ("Correction, {day}, version {n}:", "更正（{day}，第 {n} 版）："),
    "errata": ("Corrections", "更正"),
    "recalled_on": ("Recalled {day}, version {n}:", "召回（{day}，第 {n} 版）："),
    "recall_see": ("What it touched ({n})", "受影响记录（{n}）"),
    "tools": ("For its stewards", "管理操作"),
    "tool_rule": ("Change the rule", "更改访问规则"),
    "tool_rule_all": ("Change the collection’s rule", "更改数据集访问规则"),
    "rule_all_hint": (
        "It holds for every record of the collection (now: {n}), beside what each asks itself.",
        "适用于数据集的所有记录（现有 {n} 条），各记录自身的要求同时有效。",
    ),
    "tools_all": ("Care for this collection", "管理此数据集"),
    "cared_for": ("Collections you care for", "您管理的数据集"),
    "cared_for_rule": ("Rule", "访问规则"),
    "owner_group": ("Owned by the group {name}.", "所属组：{name}。"),
    "tool_version": ("Start a new version", "开始新版本"),
    "tool_erratum": ("Add a correction", "发布更正"),
    "tool_recall": ("Recall", "召回"),
    "tool_withdraw": ("Withdraw", "撤回"),
    "table_head": ("the first {n} rows", "前 {n} 行"),
    "who_may": ("Who may have it", "可获取者"),
    "file_withheld": ("withheld from you", "未对您开放"),
    "step_sign_in": (
        "Sign in to see whether it is open to you.",
        "请登录，以确认是否对您开放。",
    ),
    "step_licence": (
        "These bytes are for who accepts the licence {name}.",
        "接受许可 {name} 后方可获取。",
    ),
    "licence_accept": ("Accept {name}", "接受 {name}"),
    "step_wait": ("They open on {day}.", "将于 {day} 开放。"),
    "step_ask": ("Ask the owner of the data for access.", "请向数据所有者申请访问。"),
    "published_on": ("Published", "发布日期"),
    "record_digest": ("SHA-256 of the record", "记录的SHA-256"),
    "day_not_kept": ("day not kept", "未保存日期"),
    "version_here": ("this page", "本页"),
    "state_current": ("latest", "最新"),
    "state_past": ("past", "过往"),
    "state_withdrawn": ("withdrawn", "已撤回"),
    "as_of": ("As it was on", "查看当日版本"),
    "as_of_show": ("Show that version", "显示该版本"),
    "read_with_key": (
        (
            "These bytes ask who you are: put a key of yours into the environment variable "
            "EARTHCOMMONS_KEY."
        ),
        "读取这些数据需要身份：请将您的密钥存入环境变量 EARTHCOMMONS_KEY。",
    ),
    "download_as": ("Download {name}", "下载 {name}"),
    "use_indicator": ("indicator", "指标"),
    "use_report": ("report", "报告"),
    "use_alert": ("alert", "预警"),
    "done_accepted": ("The draft is published.", "草稿已发布。"),
    "done_rule-set": ("The rule is in force.", "访问规则已生效。"),
    "done_erratum": ("The correction stands on the record.", "更正已发布。"),
    "done_withdrawn": ("The record is withdrawn.", "记录已撤回。"),
    "done_recalled": (
        "The recall is carried out; below is what became of each record.",
        "召回已完成，各记录的处理结果如下。",
    ),
    "gone_title": ("{name} was withdrawn", "{name} 已撤回"),
    "gone_claim": ("Withdrawn on {day}: {reason}.", "于 {day} 撤回：{reason}。"),
    "gone_last": ("Last version", "最后版本"),
    "gone_successor": ("In its place", "替代记录"),
    "gone_kept": (
        (
            "Its files are no longer served. The stub and the list of its versions stay, so that "
            "what cites it can be understood."
        ),
        "文件不再提供。保留本说明和版本列表，以便理解对它的引用。",
    ),
    # Rules.
    "field_rule": ("Who may find it and have it", "访问规则"),
    "rule_who_finds": ("Who may find it", "谁可查到"),
    "rule_who_fetches": ("Who may have its files", "谁可获取文件"),
    "rule_who_derives": ("Who may see values computed from it", "谁可查看由其计算的数值"),
    "rule_group_if": ("Group, when it is for one", "组（仅限某组时）"),
    "rule_licence_if": ("Licence, when one is to be accepted", "许可（需接受许可时）"),
    "rule_embargo": ("Embargo: files open on", "禁用期：文件开放日期"),
    "choice_open": ("anybody", "任何人"),
    "choice_registered": ("anybody with an account", "任何有账户者"),
    "choice_licence": ("who accepts a licence", "接受许可者"),
    "choice_group": ("a group", "某个组"),
    "choice_steward": ("staff only", "仅工作人员"),
    "choice_other": ("another condition, written below", "其他条件（写于下方）"),
    "derive_files": ("who may have its files", "可获取文件者"),
    "derive_open": ("whoever may find it", "可查到者"),
    "derive_keep": ("as it is now", "保持现状"),
    "rule_other": ("Another condition", "其他条件"),
    "rule_other_hint": (
        "Conditions joined by “+” are one term; terms joined by “ & ” must all be met, as",
        "以“+”连接的条件为一项，以“ & ”连接的各项须同时满足，例如",
    ),
    "rule_find_label": ("To find it", "查到条件"),
    "rule_fetch_label": ("To have its files", "获取条件"),
    "rule_find": ("It may be found by {who}.", "可查到者：{who}。"),
    "rule_fetch": ("Its files are for {who}.", "可获取文件者：{who}。"),
    "rule_derive": (
        "Indicators, alerts and reports that rest on it are for {who}.",
        "可查看依据它的指标、预警和报告者：{who}。",
    ),
    "rule_is_find": ("Found by {who}.", "可查到者：{who}。"),
    "rule_is_fetch": ("Files for {who}.", "可获取文件者：{who}。"),
    "rule_is_derive": ("Derived values for {who}.", "可查看衍生数值者：{who}。"),
    "rule_will": ("What this rule will mean", "该规则的含义"),
    "rule_reach_one": ("It holds for this record alone.", "仅适用于本记录。"),
    "rule_reach_all": (
        "It holds for every record of the collection ({n} now), those to come included.",
        "适用于该数据集的全部 {n} 条记录，包括今后的记录。",
    ),
    "rule_reach_resting": (
        "Records that rest on it, labelled again at once: {n}.",
        "依据它的 {n} 条记录将立即重新标注。",
    ),
    "rule_scope": ("For what", "适用范围"),
    "rule_scope_item": ("this record", "本记录"),
    "rule_scope_all": ("the whole collection (records now: {n})", "整个数据集（{n} 条记录）"),
    "rule_parent": ("The collection asks of every record:", "数据集对所有记录的要求："),
    "rule_why": ("Why, for the audit log", "理由（记入审计日志）"),
    "rule_show": ("Show what it will mean", "查看含义"),
    "rule_do": ("Put the rule in force", "使规则生效"),
    "who_open": ("anybody", "任何人"),
    "who_registered": ("anybody with an account", "任何有账户者"),
    "who_steward": ("staff only", "仅工作人员"),
    "who_licence": ("who accepts {name}", "接受 {name} 者"),
    "who_group": ("members of the group {name}", "{name} 组成员"),
    "who_some_group": ("members of a group", "特定组成员"),
    "who_account": ("the account {name}", "账户 {name}"),
    "who_some_account": ("one account", "特定账户"),
    "who_after": ("from {day} on", "自 {day} 起"),
    # Erratum, withdrawal, recall.
    "erratum_lead": (
        (
            "A correction is dated, belongs to the present version and stays on the record. Where "
            "values changed, publish a new version too."
        ),
        "更正注明日期，归属当前版本，并保留在记录上。如数值有变，请另发新版本。",
    ),
    "erratum_do": ("Publish the correction", "发布更正"),
    "text_en": ("Description in English", "英文描述"),
    "text_zh": ("Description in Chinese", "中文描述"),
    "withdraw_reason": ("Reason", "原因"),
    "withdraw_successor": ("Record that takes its place", "替代记录"),
    "withdraw_note": ("A sentence for those who ask", "给查询者的说明"),
    "withdraw_show": ("Show what will follow", "查看后果"),
    "withdraw_means": (
        (
            "A withdrawn record leaves every list and search and its files are no longer served. "
            "Whoever asks for it is told when it went, why, and what took its place. This cannot "
            "be undone."
        ),
        (
            "撤回后，记录从所有列表和检索中移除，文件不再提供；查询者将获知撤回时间、原因和"
            "替代记录。此操作不可撤销。"
        ),
    ),
    "withdraw_will": ("{name} will be withdrawn: {reason}.", "将撤回 {name}：{reason}。"),
    "withdraw_resting": (
        "Records that rest on it: {n}. Recall it afterwards, to have them computed or struck:",
        "有 {n} 条记录以它为依据。撤回后请召回，以便重新计算或删除：",
    ),
    "withdraw_do": ("Withdraw it for good", "确认撤回"),
    "nothing_rests": ("Nothing published rests on it.", "没有已发布的内容以它为依据。"),
    "nothing_rested": ("Nothing published rested on it.", "当时没有已发布的内容以它为依据。"),
    "recall_lead": (
        (
            "A recall finds everything that rests on this record, computes it again from today’s "
            "data where that can be done, and strikes it where it cannot."
        ),
        "召回将查找以本记录为依据的全部内容，能以当前数据重算的予以重算，不能的予以删除。",
    ),
    "recall_rests": ("What rests on it now", "目前以它为依据的内容"),
    "recall_count": ("Records that will be touched: {n}.", "将涉及 {n} 条记录。"),
    "recall_hidden": (
        "What you may not see is mended all the same, and not listed.",
        "您无权查看的记录同样会处理，但不在此列出。",
    ),
    "recall_reason": ("What is wrong with it, in one sentence", "用一句话说明问题"),
    "recall_do": ("Recall it and mend what rests on it", "召回并处理"),
    "recall_title": ("Recall of {name}", "召回：{name}"),
    "recall_touched": ("Records touched: {n}.", "共涉及 {n} 条记录。"),
    "said_by": ("by {name}", "{name}"),
    "touched": ("What it touched", "受影响的记录"),
    "touched_what": ("Record", "记录"),
    "touched_through": ("Through", "途径"),
    "touched_directly": ("directly", "直接"),
    "touched_became": ("What became of it", "处理结果"),
    "touched_observations": ("{n} values", "{n} 个数值"),
    "touched_editions": (
        "{n} editions, {statements} statements",
        "{n} 个版次，{statements} 条陈述",
    ),
    "touched_struck": ("struck: {text}", "已删除：{text}"),
}

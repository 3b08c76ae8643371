"""Words of accounts, operators, drafts and publishing: `key -> (English, Chinese)`."""

from __future__ import annotations

__all__ = ["PEOPLE_WORDS"]

PEOPLE_WORDS: dict[str, tuple[str, str]] = {
    # Accounts.
    "account": ("Account", "账户"),
    "account_of": ("Account: {name}", "账户：{name}"),
    "account_name": ("Account name", "账户名"),
    "password": ("Password", "密码"),
    "sign_in": ("Sign in", "登录"),
    "sign_out": ("Sign out", "退出"),
    "sign_in_with": ("Sign in with {name}", "用 {name} 登录"),
    "sign_in_here": ("With an account of this node", "使用本节点账户"),
    "sign_in_lead": (
        "Sign in to publish, to review, and to read what is for some only.",
        "登录后可发布和评审数据，并读取仅对部分人员开放的数据。",
    ),
    "sign_in_none": (
        "No account? An operator of this node makes them.",
        "没有账户？请联系本节点的运行人员开设。",
    ),
    "sign_in_wrong": (
        "This name and this password do not belong together.",
        "账户名与密码不符。",
    ),
    "sign_in_slow": (
        "Too many tries. Wait {n} seconds, then try again.",
        "尝试次数过多，请在 {n} 秒后重试。",
    ),
    "signed_in_as": ("You are signed in as {name}.", "您已以 {name} 的身份登录。"),
    "roles": ("Roles", "角色"),
    "role": ("Role", "角色"),
    "roles_none": ("none: you read and accept licences", "无：可读取数据、接受许可"),
    "role_contributor": ("contributor", "贡献者"),
    "role_reviewer": ("reviewer", "评审人"),
    "role_steward": ("steward", "数据管理员"),
    "role_operator": ("operator", "运行人员"),
    "role_of": ("{role} for {group}", "{group} 的{role}"),
    "every_group": ("every group", "所有组"),
    "group": ("Group", "组"),
    "my_groups": ("Groups whose data you read", "可读取其数据的组"),
    "their_groups": ("Groups whose data they read", "可读取其数据的组"),
    "groups_none": ("none", "无"),
    "licences": ("Licences accepted", "已接受的许可"),
    "licences_none": ("none yet", "尚无"),
    "keys": ("Keys for programs", "程序用密钥"),
    "keys_lead": (
        (
            "A key lets a program act for you, within its scopes and until its last day. "
            "It goes into the header “Authorization: Bearer …”, never into an address."
        ),
        (
            "程序可凭密钥在其范围和有效期内代您操作。密钥写在“Authorization: Bearer …”"
            "标头中，切勿写入网址。"
        ),
    ),
    "key_new": ("A new key", "新密钥"),
    "key_note": ("What it is for", "用途"),
    "key_days": ("Days it lives (1 to 366)", "有效天数（1至366）"),
    "key_scopes": ("Scopes", "范围"),
    "key_issue": ("Make the key", "生成密钥"),
    "key_made": ("The key is made.", "密钥已生成。"),
    "key_once": (
        "Copy it now: it is shown this once, and the node keeps only its digest.",
        "请立即复制：密钥仅显示这一次，本节点只保存其摘要。",
    ),
    "key_made_on": ("Made", "生成日期"),
    "key_ends_on": ("Last day", "到期日期"),
    "key_revoke": ("Revoke", "吊销"),
    "key_revoked": ("revoked", "已吊销"),
    "scope_read": ("read", "读取"),
    "scope_submit": ("submit", "提交"),
    "scope_steward": ("review and steward", "评审和管理"),
    "scope_admin": ("operate the node", "运行节点"),
    "password_now": ("Password now", "现密码"),
    "password_new": ("New password", "新密码"),
    "password_first": ("First password", "初始密码"),
    "password_change": ("Change the password", "更改密码"),
    "password_wrong": (
        "The present password is another one; it was not changed.",
        "现密码不正确，密码未更改。",
    ),
    "done_signed-out": ("You are signed out.", "您已退出。"),
    "done_password": (
        "The password is changed. Sign in with the new one.",
        "密码已更改，请用新密码登录。",
    ),
    "done_key-revoked": ("The key is revoked: it opens nothing.", "密钥已吊销，不再有效。"),
    "done_licence-accepted": (
        "The licence is accepted; what asks for it is open to you.",
        "已接受该许可，要求此许可的数据已对您开放。",
    ),
    # Operators.
    "people": ("People", "人员"),
    "people_lead": (
        "Accounts: {n}. Groups: {groups}. Each change is a line of the audit log.",
        "共 {n} 个账户、{groups} 个组。每次更改均记入审计日志。",
    ),
    "account_add": ("Add an account", "新增账户"),
    "account_open": ("open", "启用"),
    "account_closed": ("closed", "已停用"),
    "account_close": ("Close", "停用"),
    "account_reopen": ("Open again", "重新启用"),
    "role_give": ("Give a role", "授予角色"),
    "take_away": ("Take away", "撤销"),
    "group_join": ("Let an account read a group’s data", "允许账户读取某组数据"),
    "group_add": ("Add a group", "新增组"),
    "group_id": ("Id of the group", "组标识"),
    "done_changed": ("Done, and written into the audit log.", "已完成，并记入审计日志。"),
    "audit": ("Audit log", "审计日志"),
    "audit_lead": (
        "Who did what to which record, newest first. Each line is chained to the one before.",
        "何人对哪条记录进行了何种操作，最新在前。每行与前一行链接。",
    ),
    "audit_whole": (
        "Verified now: all {n} lines follow from one another.",
        "现已核验：全部 {n} 行前后相连。",
    ),
    "audit_broken": ("The log is broken.", "日志已损坏。"),
    "audit_head": ("Its head, to keep outside this node:", "日志头（请在本节点之外保存）："),
    "audit_when": ("When", "时间"),
    "audit_who": ("Who", "操作人"),
    "audit_what": ("Action", "操作"),
    "audit_which": ("Record", "记录"),
    "audit_detail": ("Detail", "详情"),
    "audit_earlier": ("Earlier lines", "较早的行"),
    "audit_later": ("Later lines", "较新的行"),
    # Drafts.
    "drafts": ("Drafts", "草稿"),
    "drafts_lead": (
        "A draft is seen by its author and the staff of its group until it is accepted.",
        "草稿在被接受前仅作者和所属组的工作人员可见。",
    ),
    "drafts_mine": ("Yours", "我的草稿"),
    "drafts_review": ("To review", "待评审"),
    "drafts_others": ("Others you may see", "其他可见草稿"),
    "drafts_none": ("You have written none yet.", "您尚无草稿。"),
    "drafts_review_none": ("Nothing waits for your review.", "没有待您评审的草稿。"),
    "draft_author": ("Author", "作者"),
    "draft_new": ("new", "新"),
    "draft_replaces": ("new version", "新版本"),
    "changed_on": ("Last event", "最近更新"),
    "done_drafts": ("Drafts begun: {n}.", "已创建 {n} 份草稿。"),
    "done_saved": ("The draft is saved.", "草稿已保存。"),
    "done_submitted": ("The draft is with the reviewers.", "草稿已提交评审。"),
    "done_looked": (
        "The files were read; below is what was understood.",
        "已读取文件，识别结果如下。",
    ),
    "done_commented": ("Your comment is added.", "已添加意见。"),
    "done_started": ("The draft is begun. Nothing is published yet.", "草稿已创建，尚未发布。"),
    "done_published": ("Accepted and published.", "已接受并发布。"),
    "done_changes-requested": ("The draft is back with its author.", "草稿已退回作者修改。"),
    "done_declined": ("The submission is declined.", "提交已被拒绝。"),
    "done_taken-back": ("The draft is taken back.", "草稿已收回。"),
    "file_replaced": (
        "in place of another of this name ({digest}…)",
        "已替换同名文件（{digest}…）",
    ),
    "draft_unread": (
        "The files are in the draft, but could not be read: remove them, or add what is missing.",
        "文件已加入草稿，但无法读取：请移除，或补充缺少的文件。",
    ),
    "draft_stale": (
        (
            "Somebody changed this draft since you opened it. Your entries are still here: compare "
            "them with the page opened anew, then save again."
        ),
        "自您打开后，草稿已被他人修改。您填写的内容仍在此处：请与重新打开的页面比较后再保存。",
    ),
    "written_by": ("written by {name}", "作者：{name}"),
    "for_group": ("for the group {name}", "所属组：{name}"),
    "replaces_version": ("replaces version {n}", "替换第 {n} 版"),
    "see_published": ("Go to the published record", "查看已发布的记录"),
    "lacks": ("What is missing, and for which standard", "缺失内容及所依据标准"),
    "lack_required": ("required", "必需"),
    "lack_recommended": ("recommended", "建议"),
    "lacks_ready": (
        "All that is required is there: it can be submitted.",
        "必需内容齐全，可以提交。",
    ),
    "lacks_nothing_required": ("All that is required is there.", "必需内容齐全。"),
    "lacks_not": (
        "It can be submitted once what is required is there.",
        "补齐必需内容后方可提交。",
    ),
    "lacks_none": ("Nothing is missing.", "内容完整。"),
    "file_remove": ("Remove", "移除"),
    "files_add": (
        "Add files (each up to {file}; without scripts, {most} in one go)",
        "添加文件（单个不超过 {file}；未启用脚本时，一次不超过 {most}）",
    ),
    "files_send": ("Send and read", "上传并读取"),
    "understood": ("What was understood of the files", "文件识别结果"),
    "format": ("Format", "格式"),
    "crs": ("Coordinate system", "坐标系"),
    "unit_missing": ("no unit stated", "未注明单位"),
    "band_n": ("Band {n}", "波段 {n}"),
    "band_name": ("Name", "名称"),
    "column_type": ("Type", "类型"),
    "field_collection_title": ("Title of the collection", "数据集的标题"),
    "hint_collection_title": (
        "The collection {name} begins with this item; without a title it is called by its id.",
        "数据集 {name} 随本条目建立；不填标题时以其标识为名。",
    ),
    "collection_title_en": ("Title of the new one, in English", "新数据集的英文标题"),
    "collection_title_zh": ("Title of the new one, in Chinese", "新数据集的中文标题"),
    "sign_in_begin": (
        "This sign-in was not begun on this page, or took too long. Begin again.",
        "此次登录并非从本页开始，或已超时，请重新登录。",
    ),
    "sign_in_confirm": (
        "The identity provider did not confirm the sign-in. Begin again.",
        "身份提供方未确认此次登录，请重新登录。",
    ),
    "sign_in_account": (
        (
            "The identity provider knows you, but no account of this node belongs to you."
            " Ask who runs this node for one."
        ),
        "身份提供方已确认您的身份，但本节点没有您的账户，请向节点管理者申请。",
    ),
    "sign_in_provider": (
        "The identity provider does not answer. Try again in a few minutes.",
        "身份提供方没有应答，请几分钟后再试。",
    ),
    "unit_stated": ("the file says {unit}", "文件注明 {unit}"),
    "doubts": ("Doubtful; please check", "存疑，请核对"),
    "guessed": (
        "Guessed from the file or its name; please check",
        "根据文件或文件名推测，请核对",
    ),
    "variables_none": (
        "Add files first: their variables are listed here.",
        "请先添加文件，其变量将列于此处。",
    ),
    "draft_about": ("What it is", "数据说明"),
    "draft_rights": ("Rights and people", "权利与人员"),
    "draft_found": ("How it is found", "检索信息"),
    "draft_rule": ("Who may have it", "访问规则"),
    "draft_save": ("Save", "保存"),
    "draft_submit": ("Save and submit for review", "保存并提交评审"),
    "take_back": ("Take the draft back", "收回草稿"),
    "history": ("History", "历史记录"),
    "title_en": ("Title in English", "英文标题"),
    "title_zh": ("Title in Chinese", "中文标题"),
    "email": ("E-mail", "电子邮件"),
    "licence_other": ("another licence", "其他许可"),
    "licence_other_name": ("Its name, when another", "其他许可的名称"),
    "licence_url": ("Address of its text", "许可文本网址"),
    "field_files": ("Files", "文件"),
    "field_title": ("Title", "标题"),
    "field_description": ("Description", "描述"),
    "field_period": ("Period", "时间范围"),
    "field_nature": ("Nature", "性质"),
    "field_variables": ("Variables and their units", "变量及其单位"),
    "field_licence": ("Licence", "许可"),
    "field_attribution": ("Attribution", "署名"),
    "field_creators": ("Creators", "作者"),
    "field_contact": ("Contact", "联系人"),
    "field_derivation": ("How it was made (lineage)", "数据志"),
    "field_keywords": ("Keywords", "关键词"),
    "field_themes": ("Themes", "主题"),
    "field_sdg": ("Sustainable Development Goals", "可持续发展目标"),
    "field_doi": ("DOI, when it has one", "DOI（如有）"),
    "hint_description": (
        "Two sentences: what was measured, and how.",
        "两句话：测量了什么，如何测量。",
    ),
    "hint_period": (
        "2015, 2015-11, or 2015-11/2016-01; the end is the first day after it.",
        "如 2015、2015-11 或 2015-11/2016-01；结束日期为其后的第一天。",
    ),
    "hint_attribution": ("How the source wants to be named.", "来源要求的署名方式。"),
    "hint_creators": (
        "One a line: “Family, Given” for a person, the plain name of an organisation.",
        "每行一位：个人写“姓, 名”，机构写全称。",
    ),
    "hint_keywords": ("With commas between them.", "以逗号分隔。"),
    "hint_id": (
        "Letters, digits, dot, dash and underscore; it stands in addresses.",
        "可用字母、数字、点、连字符和下划线，将用于网址。",
    ),
    "nature_observation": ("observation", "观测"),
    "nature_model": ("model", "模式结果"),
    "nature_reconstruction": ("reconstruction", "重建数据"),
    "nature_derived": ("derived", "派生"),
    "comment_add": ("Say something", "发表意见"),
    "comment_about": ("About", "针对"),
    "comment_whole": ("the whole draft", "整份草稿"),
    "comment_text": ("Comment", "意见"),
    "comment_do": ("Add the comment", "添加意见"),
    "decide": ("Decide", "评审决定"),
    "decide_lead": (
        (
            "Accepting publishes the data with the rule it asks for. Asking for changes and "
            "declining need a sentence."
        ),
        "接受即按所请求的规则发布数据；要求修改或拒绝须说明理由。",
    ),
    "decide_why": ("To the author", "致作者"),
    "decide_accept": ("Accept and publish", "接受并发布"),
    "decide_changes": ("Ask for changes", "要求修改"),
    "decide_decline": ("Decline", "拒绝"),
    # Publish.
    "publish": ("Publish", "发布"),
    "publish_title": ("Publish data", "发布数据"),
    "publish_lead": (
        (
            "Choose a folder or files. This node looks into them and begins one draft for each "
            "record they make; nothing is published before it is reviewed."
        ),
        "请选择文件夹或文件。本节点将读取内容，为其中每条记录创建一份草稿；评审前不会发布。",
    ),
    "publish_no_role": (
        "Your account contributes to no group yet.",
        "您的账户尚未获准向任何组贡献数据。",
    ),
    "publish_ask": (
        "A steward of a group, or an operator, can make you a contributor.",
        "请联系某组的数据管理员或运行人员授予贡献者角色。",
    ),
    "publish_where": ("Where it goes", "归属"),
    "publish_collection": ("Collection", "数据集"),
    "publish_new": ("Or the id of a new one", "或新数据集的标识"),
    "publish_group": ("Group that owns a new one", "新数据集的所属组"),
    "publish_files": ("Files", "文件"),
    "publish_folder": ("A folder", "文件夹"),
    "publish_or_files": ("Or files", "或文件"),
    "publish_most": (
        "A file may have {file}; without scripts, {most} in one go.",
        "单个文件不超过 {file}；未启用脚本时，一次不超过 {most}。",
    ),
    "publish_do": ("Look into the files", "读取文件"),
    "publish_formats": (
        (
            "Read here: GeoTIFF, netCDF, HDF, GRIB, Zarr in a zip, GeoJSON, GeoPackage, Shapefile, "
            "Darwin Core archives and CSV."
        ),
        (
            "可读取：GeoTIFF、netCDF、HDF、GRIB、zip中的Zarr、GeoJSON、GeoPackage、Shapefile、"
            "达尔文核心档案和CSV。"
        ),
    ),
    "publish_result": ("What was understood", "识别结果"),
    "publish_made": (
        "Drafts begun: {n}. Files refused: {refused}. Nothing is published yet.",
        "已创建 {n} 份草稿，拒收 {refused} 个文件，尚未发布。",
    ),
    "draft_lacks": ("Required and missing: {n}.", "缺少 {n} 项必需内容。"),
    "refused": ("Refused files", "被拒收的文件"),
    "refused_lead": (
        "They are not part of any draft. Mend them and send them again.",
        "这些文件未进入任何草稿，请修正后重新上传。",
    ),
    "refused_why": ("Why", "原因"),
    "refused_code": ("Rule", "规则"),
    "publish_more": ("Publish more", "继续发布"),
    # Errors of pages with forms.
    "error_401": ("Sign in first", "请先登录"),
    "error_409": ("Something else is there already", "内容有冲突"),
    "error_410": ("Withdrawn", "已撤回"),
    "error_412": ("It has changed since", "内容已有变化"),
    "error_413": ("Too large", "文件过大"),
    "error_415": ("Unknown format", "格式未知"),
    "error_422": ("The file needs mending", "文件需修正"),
    "error_429": ("Too many tries", "尝试次数过多"),
    "do_401": ("Sign in, then open the page again.", "请登录后重新打开本页。"),
    "do_403": (
        "Ask a steward or an operator for the role it takes, or go back to the record.",
        "请向数据管理员或运行人员申请相应角色，或返回记录页。",
    ),
    "do_409": ("Open the page again and see what stands now.", "请重新打开页面，查看现状。"),
    "do_412": ("Open the page again and see what stands now.", "请重新打开页面，查看现状。"),
    "do_413": (
        "Send it in parts, with scripts on, or by command line.",
        "请启用脚本分段上传，或使用命令行。",
    ),
    "do_422": ("Mend the file and send it again.", "请修正文件后重新上传。"),
    "do_429": ("Wait a minute, then try again.", "请稍等一分钟后重试。"),
}

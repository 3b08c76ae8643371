"""What is wrong, by the code of an error: `code -> (English, Chinese)`."""

from __future__ import annotations

__all__ = ["CODES"]

CODES: dict[str, tuple[str, str]] = {
    # What any door may answer.
    "error": ("This server failed.", "服务器出错。"),
    "invalid-input": ("Something in what was sent does not fit.", "所提交的内容有误。"),
    "unknown-parameter": (
        "Something was sent that this place does not know.",
        "所提交的内容中有此处不认识的参数。",
    ),
    "bad-json": ("The file or message is not strict JSON.", "内容不是规范的 JSON。"),
    "content-type": ("The message is of another kind.", "所提交内容的类型不符。"),
    "content-encoding": ("The message is compressed.", "请勿压缩所提交的内容。"),
    "slow-body": ("The message came too slowly.", "内容传输过慢。"),
    "bad-limit": ("That many at once are not given.", "一次请求的条数超出范围。"),
    "bad-token": ("The list has moved on: begin again.", "列表已变化，请从头开始。"),
    "bad-range": ("The file has no such part.", "文件没有这一部分。"),
    "bad-filter": ("The filter cannot be read.", "筛选条件无法识别。"),
    "filter-too-complex": ("The filter is too long or too deep.", "筛选条件过长或嵌套过深。"),
    "unknown-queryable": ("That property cannot be asked for.", "不能按该属性查询。"),
    "query-timeout": (
        "The search took too long: narrow it.",
        "检索用时过长，请缩小范围。",
    ),
    "unknown-style": ("There is no such style of citation.", "没有此种引用格式。"),
    "unknown-time": (
        "This node does not know when a version came about.",
        "本节点不知道某一版本的时间。",
    ),
    "out-of-range": ("There is no such tile.", "没有该瓦片。"),
    "method-not-allowed": ("This address does not take that.", "该地址不接受此操作。"),
    "not-found": ("Nothing of that name is here.", "没有找到此内容。"),
    "gone": ("It was withdrawn.", "该内容已撤回。"),
    "conflict": ("It is in another state by now.", "其状态已改变，无法执行此操作。"),
    "stale": (
        "It has changed since: read it again, then repeat.",
        "内容已被他人修改，请重新读取后再试。",
    ),
    "exists": ("That name is taken.", "该名称已被使用。"),
    "read-only": ("That part is not changed here.", "此项不能在此修改。"),
    "not-empty": ("The collection has items.", "数据集中仍有条目。"),
    "precondition-required": ("Say which version you read.", "请注明所读取的版本。"),
    "access-denied": ("You may not do that.", "您无权执行此操作。"),
    "not-authenticated": ("Sign in first.", "请先登录。"),
    "cross-site": (
        "The form did not come from this node's pages.",
        "该表单并非来自本节点的页面。",
    ),
    "too-many-tries": ("Too many tries: wait a little.", "尝试次数过多，请稍候。"),
    "bad-password": ("The password is too short or too long.", "密码过短或过长。"),
    "bad-label": ("The rule of access cannot be read.", "访问规则无法识别。"),
    "busy": (
        "Others are being served this way: try again in a minute.",
        "正在为他人处理，请一分钟后再试。",
    ),
    "cancelled": ("It was cancelled.", "操作已取消。"),
    "upstream": ("Another service or process failed.", "其他服务或进程出错。"),
    "integrity": (
        "Stored bytes are not those that were recorded.",
        "存储的字节与记录的不符。",
    ),
    "asset-unavailable": ("The bytes cannot be given now.", "目前无法提供该文件的字节。"),
    "asset-corrupt": ("The stored bytes are damaged.", "存储的字节已损坏。"),
    "suspects-unreadable": (
        "This node cannot tell which stored bytes are damaged: its operator must run `scrub`.",
        "本节点无法判断哪些字节已损坏，请运营者运行 `scrub`。",
    ),
    "storage": ("The disk is full or fails.", "磁盘已满或出错。"),
    "store-unavailable": ("The object store does not answer.", "对象存储没有应答。"),
    "store-unsafe": ("The object store is not safe to write to.", "对象存储无法安全写入。"),
    # Drafts.
    "incomplete": ("Something required is missing.", "缺少必填内容。"),
    "several-items": ("The files are several items.", "这些文件包含多个条目。"),
    "column-type": (
        "The type of a column does not fit its unit.",
        "某列的类型与单位不符。",
    ),
    # Uploads.
    "too-large": ("It is larger than is taken here.", "超出此处允许的大小。"),
    "empty-file": ("A file is empty.", "文件为空。"),
    "unfinished": ("The upload is not whole yet.", "上传尚未完成。"),
    "offset-mismatch": (
        "The upload stands at another byte: go on from there.",
        "上传进度不一致，请从断点继续。",
    ),
    "checksum-mismatch": ("The bytes arrived damaged.", "传输中字节损坏。"),
    # The door for files.
    "bad-id": (
        "A name may have letters, digits, dot, dash and underscore.",
        "名称只能含字母、数字、点、连字符和下划线。",
    ),
    "bad-time": ("A time or period cannot be read.", "时间或时段无法识别。"),
    "bad-bbox": ("The numbers are no box on the globe.", "所给数字不是地球上的范围。"),
    "licence-missing": ("No licence is declared.", "未声明许可协议。"),
    "unit-missing": (
        "A unit is missing, unknown, or another than the file says.",
        "单位缺失、无法识别，或与文件所注不符。",
    ),
    "format-mismatch": (
        "The file is in none of the formats that are read here.",
        "文件不是可读取的格式。",
    ),
    "malformed": (
        "The file is damaged, cut short, or not built as its format asks.",
        "文件已损坏、不完整，或不符合其格式。",
    ),
    "crs-missing": (
        "The file does not say its coordinate system: write it into the file.",
        "文件未注明坐标系，请写入文件。",
    ),
    "crs-invalid": (
        "The coordinate system does not fit.",
        "坐标系有误，或与声明不符。",
    ),
    "axis-order": (
        "Longitude and latitude look swapped.",
        "经度与纬度疑似互换。",
    ),
    "bad-geotransform": (
        "The grid is rotated, uneven, or not on one globe: warp it to a regular grid.",
        "网格倾斜、不均匀或超出全球范围，请重投影为规则网格。",
    ),
    "invalid-geometry": (
        "A shape is empty, crosses itself, or lies beyond the globe: mend it in a GIS.",
        "几何图形为空、自相交或超出全球范围，请在 GIS 软件中修正。",
    ),
    "external-reference": (
        "The file points at another file: copy the values into one.",
        "文件引用了其他文件，请将数值合并到一个文件中。",
    ),
    "codec-forbidden": (
        "The file is packed in a way that is not read here: write it with deflate.",
        "文件的压缩方式不受支持，请改用 deflate。",
    ),
    "extra-missing": (
        "This node lacks the library for that format.",
        "本节点未安装该格式所需的库。",
    ),
    "part-missing": ("A file that belongs to it is missing.", "缺少配套文件。"),
    "several-files": (
        "There are several datasets in it: choose one, or give them one by one.",
        "其中有多个数据集，请指定一个或逐个提交。",
    ),
    "bad-encoding": (
        "Texts are in an encoding that nobody names.",
        "文字编码未注明或不符。",
    ),
    "nodata-missing": (
        "Nothing says which number stands for missing.",
        "未说明哪个数值表示缺测。",
    ),
    "archive-bomb": (
        "The archive unpacks to too much, or holds another: unpack it.",
        "压缩包解压后过大或内含压缩包，请先解压。",
    ),
    "unsafe-path": (
        "A name leads out of its folder, or is no plain name.",
        "文件名指向文件夹之外，或不是普通文件名。",
    ),
    "name-collision": ("Two things have the same name.", "名称重复。"),
    "declared-too-large": (
        "It is larger than is read here: split it.",
        "超出可读取的大小，请拆分。",
    ),
    "time-limit": ("Reading it took too long: split it.", "读取用时过长，请拆分。"),
    "invalid-source": ("It is no plain file.", "不是普通文件。"),
    "source-forbidden": ("Give the file itself, not an address.", "请提交文件本身，而非地址。"),
    "invalid-item": (
        "The record lacks something, or is built otherwise.",
        "记录缺项或结构有误。",
    ),
    "bad-href": ("That address is not taken.", "不接受该地址。"),
}

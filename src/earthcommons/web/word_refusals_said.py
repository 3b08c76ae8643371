"""Whole messages of errors in Chinese: `English as it is raised -> Chinese`.

`{name}` marks what the message is about; both have the same ones. The English is that of the line
which raises it: a test compares the two, so neither can change alone.
"""

from __future__ import annotations

__all__ = ["SAID"]

SAID: dict[str, str] = {
    # Forms and addresses.
    "there is no page /{lang}/{page}": "没有此页面：/{lang}/{page}。",
    "the form is not written as forms are": "表单格式有误。",
    "the form is not written as forms with files are": "带文件的表单格式有误。",
    "this form takes {size} MiB at most": "此表单一次最多提交 {size} MiB。",
    "this page is for accounts: sign in first": "本页仅供已登录的账户使用，请先登录。",
    "this form did not come from this node's pages": "该表单并非来自本节点的页面。",
    "unknown parameter {name}; known here: {known}": "参数 {name} 无法识别；此处可用：{known}。",
    "parameter {name} is given twice": "参数 {name} 重复。",
    "parameter {name} is over {n} characters long": "参数 {name} 超过 {n} 个字符。",
    "limit {n}: need 1 to {most}": "每页条数 {n} 有误：应为 1 至 {most}。",
    "a box needs four numbers": "范围需要四个数字。",
    "year {year}: write four digits": "年份 {year} 有误：请写四位数字。",
    "{time}: write one year, month or day": "{time} 有误：请写一个年、月或日。",
    "sort {sort}: one of {known}": "排序 {sort} 无法识别；可用：{known}。",
    "search text of {n} characters, limit {most}": "检索词有 {n} 个字符，上限为 {most}。",
    "search text holds no word": "检索词中没有可检索的词。",
    "bbox latitudes {south}, {north}: need -90 <= south <= north <= 90": (
        "范围的纬度 {south}、{north} 有误：须在 -90 至 90 之间，且南小于北。"
    ),
    "bbox longitudes {west}, {east}: need -180 to 180": (
        "范围的经度 {west}、{east} 有误：须在 -180 至 180 之间。"
    ),
    "version {text} is no number": "版本 {text} 不是数字。",
    "{name} has no version {n}": "{name} 没有版本 {n}。",
    "{kind} {name} has no version {n}": "{name} 没有版本 {n}。",
    "{day} is no date: write 2026-01-31": "{day} 不是日期：请写作 2026-01-31。",
    "{day} is no date: write 2027-01-31": "{day} 不是日期：请写作 2027-01-31。",
    "nothing was published under this name on {day}": "{day} 时此名称下尚无已发布的内容。",
    "nothing is called {name}": "没有名为 {name} 的内容。",
    "there is no {kind} {name}": "没有找到 {name}。",
    "{kind} {name} was withdrawn": "{name} 已撤回。",
    "{who} may not {action} {what}": "{who} 无权对 {what} 执行“{action}”。",
    "there is no region {name}": "没有区域 {name}。",
    "a place's name of over 100 characters": "地名超过 100 个字符。",
    "asset {asset} of {item} is withheld from you; it asks for {what}": (
        "您不能取得 {item} 的文件 {asset}；条件：{what}。"
    ),
    "item {item} has no asset {asset}": "条目 {item} 没有文件 {asset}。",
    "there is no such link, or it has ended": "没有此链接，或链接已失效。",
    "object {key} is not in the store": "对象 {key} 不在存储中。",
    "too many tries: wait {n} s": "尝试次数过多，请等待 {n} 秒。",
    "others are being served this way: try again in a minute": (
        "正在为他人处理，请一分钟后再试。"
    ),
    "cannot be stored: {why}": "无法存储：{why}。",
    "{key}: expected digest {expected}, found {found}": (
        "{key}：摘要应为 {expected}，实为 {found}。"
    ),
    # Publishing and drafts.
    "choose a collection, or name a new one": "请选择数据集，或为新数据集命名。",
    "choose a folder or files first": "请先选择文件夹或文件。",
    "{file} is empty": "{file} 是空文件。",
    "{what} {id}: use 1 to 100 of A-Z a-z 0-9 . _ -, first a letter or digit": (
        "标识 {id} 有误：请用 1 至 100 个字符（A-Z a-z 0-9 . _ -），以字母或数字开头。"
    ),
    "there is no group {id}": "没有组 {id}。",
    "item {collection}/{item} exists: say that this replaces it": (
        "条目 {collection}/{item} 已存在：请注明本次为其新版本。"
    ),
    "there is no item {collection}/{item} to replace": "没有可替换的条目 {collection}/{item}。",
    "item {item} was withdrawn, and its name is not used again: take another": (
        "条目 {item} 已撤回，其名称不再使用，请另取名称。"
    ),
    "{name} leaves its folder": "{name} 指向文件夹之外。",
    "{name} is no name of a file": "{name} 不是文件名。",
    "a draft holds {n} files at most": "一份草稿最多含 {n} 个文件。",
    "a draft holds {n} comments at most": "一份草稿最多含 {n} 条意见。",
    "draft {id} has no file {name}": "草稿 {id} 没有文件 {name}。",
    "draft {id} has changed since: read it again": "草稿 {id} 已被修改，请重新读取。",
    "draft {id} has changed since version {version} (now {now})": (
        "草稿 {id} 自版本 {version} 起已被修改（现为 {now}）。"
    ),
    "draft {id} is {state} and cannot be edited": "草稿 {id} 的状态为{state}，不能编辑。",
    "draft {id} is {state}, not submitted": "草稿 {id} 的状态为{state}，尚未提交。",
    "draft {id} is {state}": "草稿 {id} 的状态为{state}。",
    "{who} did not write draft {id}": "草稿 {id} 不是 {who} 所写。",
    "whoever wrote a draft does not decide on it": "草稿的作者不能审核自己的草稿。",
    "collection {name} does not belong to the group of draft {id}": (
        "数据集 {name} 不属于草稿 {id} 所在的组。"
    ),
    "say why": "请说明理由。",
    "choose: accept, ask for changes, or decline": "请选择：接受、要求修改或拒绝。",
    "choose what the comment is about": "请选择意见所针对的内容。",
    "a comment has 1 to {n} characters": "意见应有 1 至 {n} 个字符。",
    "{name}: of another type": "{name}：类型不符。",
    "{name}: over {n} characters": "{name}：超过 {n} 个字符。",
    "variables: each is a table with a name, and texts": "变量：每一项须有名称，各部分须为文字。",
    "two files are called {name}: rename one, or make a draft of each": (
        "有两个文件同名 {name}，请改名，或各建一份草稿。"
    ),
    "variables: two are called {name}": "变量：有两个同名 {name}。",
    "column {name} has the type {type} and the unit {unit}: choose the type number, or a unit of"
    " {units}": "列 {name} 的类型为{type}，而单位为 {unit}：请选择数值类型，或以 {units} 为单位。",
    "the draft has no file": "草稿中没有文件。",
    "the draft is not complete: {lacks}": "草稿尚不完整：{lacks}。",
    "these files are {n} items: make a draft of each": (
        "这些文件包含 {n} 个条目：请各建一份草稿。"
    ),
    "declare {parts}": "请声明：{parts}。",
    "item {name} exists with other bytes or another declaration; give this one another id, or"
    " publish it as a new version": (
        "条目 {name} 已存在，但内容或声明不同：请另取标识，或作为新版本发布。"
    ),
    "item {name} is no longer version {version}: look at it again": (
        "条目 {name} 已不是版本 {version}，请重新查看。"
    ),
    "collection {name} was withdrawn": "数据集 {name} 已撤回。",
    "{text} is no period: write 2008, 2015-11, 2015-11-03 or start/end": (
        "{text} 不是时段：请写作 2008、2015-11、2015-11-03 或“起始/结束”。"
    ),
    "period ends {end}, not after it starts {start}": "时段的结束 {end} 不晚于起始 {start}。",
    "{where} has no unit: declare one, or 1 if it has no dimension": (
        "{where}没有单位：请声明，无量纲时写 1。"
    ),
    "{where}: {unit} is no unit": "{where}：{unit} 不是单位。",
    "{where}: {unit} is no unit this platform knows": "{where}：{unit} 不是本平台认识的单位。",
    "{where}: the file says {written}, the declaration {stated}": (
        "{where}：文件注明 {written}，而声明为 {stated}。"
    ),
    # Rules, stewardship, people, keys.
    "choose who may find it, and who may have its files": ("请选择谁可检索、谁可取得文件。"),
    "choose the group": "请选择组。",
    "choose the licence to accept": "请选择需要接受的许可协议。",
    "{condition}{within} is no condition; there are registered, licence:ID, group:ID, account:ID,"
    " after:YYYY-MM-DDThh:mm:ssZ and steward": (
        "{condition}{within} 不是条件；可用 registered、licence:标识、group:标识、account:标识、"
        "after:YYYY-MM-DDThh:mm:ssZ 和 steward。"
    ),
    "{label}: no group {group}": "{label}：没有组 {group}。",
    "{condition} names no moment": "{condition} 未写明时刻。",
    "choose a reason: {reasons}": "请选择理由：{reasons}。",
    "reason {reason}: one of {known}": "理由 {reason} 无法识别；可用：{known}。",
    "what takes its place: {why}": "替代内容：{why}",
    "collection {name} has items: withdraw them first": "数据集 {name} 中仍有条目，请先撤回。",
    "{name} has changed since: read it again": "{name} 已被修改，请重新读取。",
    "an erratum has 1 to 4,000 characters in English": "更正须有英文说明，1 至 4,000 个字符。",
    "a recall needs a reason of 1 to 2,000 characters": "召回须说明理由，1 至 2,000 个字符。",
    "say for how many days the key shall live": "请填写密钥的有效天数。",
    "a key lives 1 to {n} days": "密钥的有效期为 1 至 {n} 天。",
    "a key gives no scope it does not have": "密钥不能授予其自身没有的范围。",
    "scopes: one or more of {known}": "范围：请选择 {known} 中的一项或多项。",
    "there is no key {name}": "没有密钥 {name}。",
    "a key without the scope admin {what}": "没有 admin 范围的密钥不能执行此操作（{what}）。",
    "a key without the scope read would not find the draft it begins": (
        "没有 read 范围的密钥无法找到它所创建的草稿。"
    ),
    "a password has {n} characters at least": "密码至少须有 {n} 个字符。",
    "a password has {n} bytes at most": "密码最长 {n} 字节。",
    "{id}: an account's id has a-z, 0-9, '.', '_', '-', 64 at most, and begins and ends with a"
    " letter or digit": (
        "账户标识 {id} 有误：最多 64 个字符（a-z 0-9 . _ -），以字母或数字开头和结尾。"
    ),
    "a name has 1 to 200 printable characters": "姓名应有 1 至 200 个可显示的字符。",
    "there is no account {id}": "没有账户 {id}。",
    "there is an account {id} already": "已有账户 {id}。",
    "there is a group {id} already": "已有组 {id}。",
    "{role} is no role; there are operator, contributor:GROUP, reviewer:GROUP and steward:GROUP": (
        "{role} 不是角色；可用 operator、contributor:组、reviewer:组 和 steward:组。"
    ),
    "there is no change {what} of an account": "账户没有此种变更：{what}。",
    # Uploads.
    "there is no such upload": "没有此上传。",
    "an upload has a length, and a file's name": "上传须注明长度和文件名。",
    "{size} bytes: the node takes {most}": "文件有 {size} 字节，本节点最多接受 {most} 字节。",
    "{size} bytes beside {waiting} in other uploads of yours: an account has room for {quota};"
    " finish or remove some": (
        "文件有 {size} 字节，您的其他上传已占 {waiting} 字节；每个账户限 {quota} 字节，"
        "请先完成或移除部分上传。"
    ),
    "{who} hands in no data on this node": "{who} 在本节点没有提交数据的权限。",
    "another piece of this upload is arriving": "此上传的另一部分正在传输。",
    "the bytes do not have the checksum stated": "字节与所注校验和不符。",
    # The door for files.
    "a text in UTF-16: save it as CSV in UTF-8": "文件为 UTF-16 编码：请另存为 UTF-8 的 CSV。",
    "looks like a table whose cells part at {mark}: write it with commas between cells and points"
    " in numbers, as CSV in UTF-8": (
        "似为以{mark}分隔的表格：请存为 UTF-8 的 CSV，以逗号分隔，数字用小数点。"
    ),
    "complex numbers are not read: write amplitude and phase, or real and imaginary part, as bands"
    " of their own": "不读取复数：请将振幅与相位，或实部与虚部，分写为不同波段。",
    "ground control points only, no grid: warp it first (gdalwarp in.tif out.tif)": (
        "文件只有控制点而无网格：请先重投影（gdalwarp in.tif out.tif）。"
    ),
    "latitudes and longitudes have two dimensions each (a swath or a curvilinear grid): bring it"
    " to a regular grid first (gdalwarp -geoloc, cdo remapbil)": (
        "经纬度均为二维（扫描带或曲线网格）：请先转为规则网格（gdalwarp -geoloc、cdo remapbil）。"
    ),
    "row {row}, column {column}: {cell} is no {type}{way}": (
        "第 {row} 行、列 {column}：{cell} 不是{type}{way}。"
    ),
    "row {row} has {n} cells, the header {header}": (
        "第 {row} 行有 {n} 个单元格，表头有 {header} 个。"
    ),
    "row {row}, column {column}: NUL byte": "第 {row} 行、列 {column}：含空字节（NUL）。",
    "column {column} is not declared: say its type and unit": (
        "列 {column} 未声明：请注明类型和单位。"
    ),
    "column {column} is declared, not there": "已声明列 {column}，但文件中没有。",
    "the header repeats a name or is too long": "表头有重名或过长。",
    "not UTF-8 at byte {byte}: save it as CSV in UTF-8": (
        "文件不是 UTF-8 编码（第 {byte} 字节）：请另存为 UTF-8 的 CSV。"
    ),
    "over {n} rows": "超过 {n} 行。",
    "no CRS: write one into the file (gdal_edit.py -a_srs EPSG:4326 file.tif)": (
        "文件没有坐标系：请写入（gdal_edit.py -a_srs EPSG:4326 file.tif）。"
    ),
    "the file says CRS {found}, the declaration {declared}": (
        "文件的坐标系为 {found}，而声明为 {declared}。"
    ),
    "declares CRS {text}, which is none": "声明的坐标系 {text} 不存在。",
    "rows run from south to north or columns from east to west: turn it"
    " (gdalwarp in.tif out.tif)": (
        "行由南向北或列由东向西：请翻转（gdalwarp in.tif out.tif）。"
    ),
    "rotated grids are not read: warp it first": "不读取倾斜的网格：请先重投影。",
    "latitudes run from {south} to {north}: longitude and latitude look swapped": (
        "纬度为 {south} 至 {north}：经度与纬度疑似互换。"
    ),
    "longitudes run from {west} to {east}: not on one globe": (
        "经度为 {west} 至 {east}：超出全球范围。"
    ),
    "declares {bands} bands of {pixels} pixels, allowed {most} of {allowed}": (
        "文件含 {bands} 个波段、每个 {pixels} 像元；上限为 {most} 个波段、每个 {allowed} 像元。"
    ),
    "feature {n}: {why}": "第 {n} 个要素：{why}",
    "feature {n} is empty": "第 {n} 个要素为空。",
    "feature {n}: latitude beyond ±90: longitude and latitude look swapped": (
        "第 {n} 个要素：纬度超出 ±90，经度与纬度疑似互换。"
    ),
    "feature {n}: longitude beyond ±180": "第 {n} 个要素：经度超出 ±180。",
    "no GeoJSON FeatureCollection": "不是 GeoJSON 的 FeatureCollection。",
    "GeoJSON is in WGS 84 (RFC 7946, section 4): reproject it first": (
        "GeoJSON 须用 WGS 84（RFC 7946 第 4 节）：请先重投影。"
    ),
    "a feature has no geometry": "有要素没有几何图形。",
    "these bytes are none of the formats that are read, whatever the file is called: GeoTIFF,"
    " netCDF-4, HDF5, HDF4, GRIB, Zarr, GeoPackage, Shapefile, GeoJSON, CSV, Darwin Core archive": (
        "无论文件名如何，其内容不是可读取的格式：GeoTIFF、netCDF-4、HDF5、HDF4、GRIB、Zarr、"
        "GeoPackage、Shapefile、GeoJSON、CSV、达尔文核心档案。"
    ),
    "classic netCDF: convert to netCDF-4 first (nccopy -k nc4 in.nc out.nc)": (
        "文件为经典 netCDF：请先转为 netCDF-4（nccopy -k nc4 in.nc out.nc）。"
    ),
    "a Shapefile is several files: give the .shp beside its .shx, .dbf and .prj, or zip the four": (
        "Shapefile 由多个文件组成：请同时提交 .shp、.shx、.dbf 和 .prj，或压缩为一个包。"
    ),
    "the Shapefile lacks its {parts}": "Shapefile 缺少 {parts}。",
    "the Shapefile lacks its .shp": "Shapefile 缺少 .shp。",
    'several layers: declare layer = "…", one of {names}': "有多个图层：请指定其中之一：{names}。",
    'several groups hold data: declare group = "…", one of {names}': (
        "有多个组含数据：请指定其中之一：{names}。"
    ),
    "declares {name}, which the file lacks; it has {names}": (
        "声明了 {name}，但文件中没有；文件含有：{names}。"
    ),
    "{what} is not evenly spaced: steps from {low} to {high}": (
        "{what} 间隔不均匀：步长为 {low} 至 {high}。"
    ),
    "{file} has {n} bytes, allowed 1 to {most}": "{file} 有 {n} 字节，应为 1 至 {most} 字节。",
    "reading took over {n} s": "读取超过 {n} 秒。",
    "reading took over {n} bytes of disk": "读取占用磁盘超过 {n} 字节。",
    "the archive holds {n} datasets, {one} and {other} among them: give them one by one, or in a"
    " folder": "压缩包含 {n} 个数据集，如 {one} 和 {other}：请逐个提交，或放入文件夹。",
    "the archive holds no dataset": "压缩包中没有数据集。",
    "member {name} does not name a place inside": "成员 {name} 指向压缩包之外。",
    "{name} is a link or device": "{name} 是链接或设备文件。",
    "an archive inside an archive": "压缩包中含有压缩包。",
    "GRIB is read with the extra grib: pip install 'earthcommons[grib]'": (
        "读取 GRIB 需要附加组件 grib：pip install 'earthcommons[grib]'。"
    ),
    "HDF4 is read with the extra hdf4: pip install 'earthcommons[hdf4]'": (
        "读取 HDF4 需要附加组件 hdf4：pip install 'earthcommons[hdf4]'。"
    ),
    # Searches and items over HTTP.
    "collections have no {name} to ask for": "数据集没有可查询的 {name}。",
    "{value} is neither true nor false": "{value} 既不是 true 也不是 false。",
    "features holds no item: send at least one": "features 中没有条目：请至少发送一个。",
    "geometry: over 360° wide, it covers a place twice": (
        "geometry：宽度超过 360°，同一处被覆盖两次。"
    ),
    # Signing in with the identity provider.
    "this node has no identity provider": "本节点未配置身份提供方。",
    "the identity provider does not answer": "身份提供方没有应答。",
    "the identity provider answered {status}": "身份提供方返回 {status}。",
}

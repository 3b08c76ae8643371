/** Words the elements add to a page, in the page's language. */

const EN = {
  play: 'Play',
  pause: 'Pause',
  step: 'Time step',
  zoomIn: 'Zoom in',
  zoomOut: 'Zoom out',
  whole: 'Show the whole map',
  map: 'Map. Arrow keys move it, plus and minus zoom.',
  wheelHelp: 'Hold Ctrl and scroll to zoom',
  wheelHelpMac: 'Hold ⌘ and scroll to zoom',
  touchHelp: 'Use two fingers to move the map',
  fallback: 'The same as picture and table',
  missing: 'not observed',
  withheld: 'withheld',
  keys: '← → move by one step',
  loading: 'Loading the trace',
  mapFailed: 'The interactive map could not start. The picture and table below say the same.',
  chartFailed: 'The interactive chart could not start. The picture and table say the same.',
  whyFailed: 'The trace could not be loaded. Nothing was changed; use the link or try again.',
  verifying: 'Computing the number again',
  agrees: 'The number computed again is the one stored.',
  differs: 'The number computed again differs from the one stored.',
  stored: 'Stored:',
  computed: 'Computed:',
  inputs: 'Inputs read whole and equal to their digest:',
  route: 'By:',
  noValue: 'no value',
  verifyFailed: 'The check could not be run. The stored value is unchanged; try again later.',
  resume: 'Resume',
  cancel: 'Cancel',
  uploading: 'Sending:',
  uploadReading: 'All bytes are here; reading the files',
  uploadNone: 'Nothing was sent.',
  uploadFailed: 'The files were not all taken. No draft was begun or changed; send them again, and what is here already is kept.',
  uploadRefused: 'Some files were refused; they are part of no draft.',
  uploadDrafts: 'Go to the drafts:',
  uploadResumed: 'goes on from {n}\u2009%',
  uploadUnfinished: 'Uploads begun here and not finished: {n}. Choose the same files again and they go on where they stopped.',
} as const;

export type Words = Readonly<Record<keyof typeof EN, string>>;

const ZH: Words = {
  play: '播放',
  pause: '暂停',
  step: '时间',
  zoomIn: '放大',
  zoomOut: '缩小',
  whole: '显示全图',
  map: '地图。方向键移动，加减键缩放。',
  wheelHelp: '按住 Ctrl 键滚动可缩放',
  wheelHelpMac: '按住 ⌘ 键滚动可缩放',
  touchHelp: '用双指移动地图',
  fallback: '以图片和表格查看',
  missing: '无观测',
  withheld: '暂不发布',
  keys: '← → 键逐步移动',
  loading: '正在载入溯源信息',
  mapFailed: '无法启动交互地图。下方的图片和表格内容相同。',
  chartFailed: '无法启动交互图表。图片和表格内容相同。',
  whyFailed: '无法载入溯源信息。数据未改动；请使用链接或重试。',
  verifying: '正在重新计算',
  agrees: '重新计算的数值与已存数值一致。',
  differs: '重新计算的数值与已存数值不一致。',
  stored: '已存：',
  computed: '重算：',
  inputs: '整体读取且与摘要一致的输入数：',
  route: '路径：',
  noValue: '无数值',
  verifyFailed: '无法完成核验。已存数值未改动；请稍后再试。',
  resume: '继续',
  cancel: '取消',
  uploading: '正在上传：',
  uploadReading: '已全部上传，正在读取文件',
  uploadNone: '未上传任何文件。',
  uploadFailed: '文件未全部接收。草稿未创建或改动；请重新上传，已传部分将予保留。',
  uploadRefused: '部分文件被拒收，未进入任何草稿。',
  uploadDrafts: '查看草稿：',
  uploadResumed: '从 {n}\u2009% 处继续',
  uploadUnfinished: '此浏览器中有 {n} 个文件尚未传完。重新选择相同文件即可从中断处继续上传。',
};

/** Language in force at `element`: the nearest `lang`, else English. */
export function langOf(element: Element): string {
  return element.closest('[lang]')?.getAttribute('lang') || 'en';
}

export function wordsFor(lang: string): Words {
  return lang.toLowerCase().startsWith('zh') ? ZH : EN;
}

import type { Messages } from './en.ts'

import { number } from './zh-format.ts'

const duration = (ms: number): string =>
  Math.abs(ms) < 1_000 ? `${number(Math.abs(ms))} 毫秒` : `${number(Math.abs(ms) / 1_000)} 秒`

/** Texts of what a moderator does with a recall, in Simplified Chinese. */
export const act: Messages['act'] = {
  zone: {
    shown: (zone) => `时间按 ${zone} 显示`,
    toUtc: '按 UTC 显示时间',
    toLocal: '按您所在的时区显示时间',
  },
  path: {
    after: (ms) => (ms < 0 ? `按网关时钟早 ${duration(ms)}` : `${duration(ms)}后`),
    trace: '追踪',
    kept: (time) => `保存于 ${time}`,
    firstTold: (time) => `首次推送于 ${time}，节点`,
    listening: (count) => `现有 ${number(count)} 个连接在监听`,
    listeningHere: (count) => `应答节点上有 ${number(count)} 个连接在监听`,
    listeningAmong: (count, others) =>
      `应答节点上有 ${number(count)} 个连接在监听，另外 ${number(others)} 个节点未计入`,
  },
  copy: {
    title: '复制与导出',
    copy: (what) => `复制 ${what}`,
    copied: (what) => `已复制：${what}`,
    byHand: (what) => `浏览器不允许此页面复制，请从这里手动复制：${what}`,
    text: '文本',
    json: 'JSON',
    link: '链接',
    all: '复制全部',
    ids: 'MsgId',
    idCount: (count) => `${number(count)} 个 MsgId`,
  },
  evidence: {
    title: '证据',
    button: '证据文件',
    all: '保存的全部撤回',
    hint: '保存一个文件，记录谁撤回了什么，以及网关何时收到并保存。每条记录都与前一条相链接，整个文件带有签名：事后的修改、遗漏和截断都会显现。',
    limits: '它不能证明日志在导出前是正确的，也不能证明回调内容属实。每次导出都会记录由谁请求。',
    more: '它能证明什么、不能证明什么',
    save: '保存证据文件',
    saved: (shown, entries) => `已保存：${number(shown)} 次撤回，以及 ${number(entries)} 条记录的链接。`,
    showsNone: '文件中没有任何撤回：其日志已不再保留，或没有符合条件的记录。它只能证明这一点。',
    seeFeed: '如果群组已解散，动态日志中可能仍有记录：请搜索群组名称（不带“group:”），并在那里保存证据文件。',
    partial: '文件未包含全部所请求的内容：',
    cutOff: '文件末尾没有签名，内容被截断，请重新保存。',
    tooLarge: (mb) =>
      `文件超过 ${mb} MB，此浏览器无法容纳，未保存任何内容。请缩小搜索范围，或通过 HTTP 获取。`,
    file: '文件',
    key: '签名密钥',
    verify: '如何验证',
    keyHint: '需要采信此文件的人必须从其他途径得知公钥：随文件附带的公钥只能证明文件自身一致。',
  },
  time: { unreadable: '请按 2026-11-27 17:05 的格式填写时间，或按 2026-11-27 填写日期。' },
  saving: {
    title: '正在保存的文件',
    running: (mb) => `正在保存，已完成 ${mb} MB…`,
    saved: '已保存。',
    incomplete: '不完整：文件提前结束。',
    cancelled: '已停止，未保存任何内容。',
    'too-large': '未保存：超出此浏览器的容量。',
    failed: '未保存或不完整，原因见发起保存的菜单。',
  },
  test: {
    mark: '测试',
    title: '用于测试网关，并没有消息被撤回。',
  },
  rooms: {
    all: '全部撤回（实时）',
    back: '← 订阅',
    noOlder: '没有保存更早的记录。',
    full: (count) => `此处仅保留最近 ${number(count)} 条，可在“历史记录”中搜索全部。`,
    busiest: '最近一小时最活跃的群组',
    yours: '您的令牌可查看的会话',
  },
  print: {
    button: '打印',
    printed: (time) => `打印于 ${time}`,
    by: '打印人',
  },
}

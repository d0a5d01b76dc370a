import type { Messages } from './en.ts'
import { number } from './zh-format.ts'

/** Texts of taking users out, and of what admins did, in Simplified Chinese. */
export const moderation: Messages['moderation'] = {
  adminsOnly: '只有管理员可以查看谁被移出以及管理员的操作记录。',
  act: '处置',
  takeOut: '移出用户…',
  hint: '撤回消息的人不一定是发送者：群主和管理员可以撤回他人的消息。',
  who: '用户',
  roles: { operator: '撤回了消息', sender: '发送了消息', party: '会话双方之一' },
  where: '范围',
  scopes: {
    group: '该群组及其全部话题',
    topic: '该话题，以及同样包含其内容的群组',
    c2c: '该单聊',
    official: '该公众号',
    everything: '全部：断开连接',
  },
  forS: '时长',
  durations: { 600: '10 分钟', 3600: '1 小时', 28800: '8 小时', 86400: '1 天' },
  until: (time) => `至 ${time}`,
  confirm: (isEverything) =>
    isEverything
      ? '该用户在所有节点上的连接将立即断开，期满之前无法重新连接。'
      : '该用户将立即在所有节点上退出，期满之前无法重新进入。',
  confirmLimits:
    '这只影响本网关向该用户推送的内容，不会改变腾讯云即时通信 IM 中的任何状态：用户在那里仍可收发和撤回消息。',
  yourself: '这是您自己，此控制台也将不再收到相应内容。',
  mayBeAdmin: '如果该用户是应用的管理员，其控制台也会被断开。',
  confirmButton: '移出',
  keep: '取消',
  done: (time) => `已移出，至 ${time}。`,
  see: '查看被移出的用户',
  takenOut: '被移出的用户',
  none: '目前没有用户被移出。',
  from: '移出自',
  everything: '全部',
  by: '操作人',
  at: '时间',
  giveBack: '恢复访问',
  given: '已恢复访问。',
  refresh: '刷新',
  readAt: '读取于',
  audit: '管理员操作记录',
  auditHint: '由网关保存，所有管理员均可查看。',
  noAudit: '没有保存的记录。',
  older: '加载更早的',
  actions: {
    disconnect: '移出了用户',
    'access returned': '恢复了访问',
    'folder given up': '确认数据目录已丢失',
    'quarantine retry': '重试了隔离的请求',
    'quarantine drop': '删除了隔离的请求',
    'test recall': '发送了测试撤回',
    evidence: '导出了证据',
    export: '导出了撤回记录',
  },
  results: { begun: '已开始', cancelled: '已取消', failed: '失败' },
  address: (address) => `来自 ${address}`,
  omitted: (count) => `另有 ${number(count)} 条未列出。`,
  notTaken: '该用户已没有被移出的内容。',
}

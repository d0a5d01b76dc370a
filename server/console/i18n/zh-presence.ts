import type { Messages } from './en.ts'
import { number } from './zh-format.ts'

/** Texts of who is connected, and who is in a room, in Simplified Chinese. */
export const presence: Messages['presence'] = {
  title: '谁在线？',
  hint: '向所有节点查询：用户连接在哪里、在哪些房间、落后多少。',
  look: '查询',
  ask: '是否在线？',
  askUser: '该用户是否在线？',
  askRoom: '谁在其中？',
  connections: (count, on, nodes) =>
    `${number(count)} 个连接，分布在 ${number(on)} 个节点（共 ${number(nodes)} 个节点应答）`,
  notConnected: (nodes) => `未连接到应答的 ${number(nodes)} 个节点`,
  inRoom: (count, nodes) => `${number(count)} 个连接（共 ${number(nodes)} 个节点应答）`,
  silent: '有节点没有应答，实际连接可能多于此处所列：',
  topic: '话题的撤回也会推送给群组中的连接：',
  revocationsUnknown: '尚不清楚该用户是否被管理员移出。',
  takenOut: '移出自',
  transports: { websocket: 'WebSocket', stream: '事件流（SSE）' },
  protocol: (version) => `协议版本 ${version}`,
  since: '连接于',
  tokenUntil: '令牌有效至',
  waiting: (bytes) => `有 ${number(bytes)} 字节等待对方读取`,
  room: '房间',
  node: '节点',
  grantedUntil: '授权至',
  behind: '落后',
  joining: '正在进入',
  otherEpoch: '位于日志的另一个纪元',
  count: '连接数',
  users: '用户',
  more: (count) => `另有 ${number(count)} 个`,
}

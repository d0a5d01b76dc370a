/** Problems of the gateway, by code, in Simplified Chinese. The gateway itself says them in English. */
export const problems: Readonly<Record<string, string>> = {
  NO_RECEIVER: '没有进程接收回调，所有撤回都会丢失。请启动 ROLE=receiver 或 ROLE=all 的进程。',
  NO_NODE: '没有进程推送撤回，没有人能收到。请启动 ROLE=node 或 ROLE=all 的进程。',
  WEBHOOKS_REFUSED: '服务商的回调被拒绝，其中的撤回已丢失。',
  WEBHOOKS_FAILED: '回调无法保存，其中的撤回可能丢失。',
  DELIVERY_IN_DOUBT: '无法确认通知能送达该进程的连接。',
  ENTRIES_UNREADABLE:
    '该进程无法读取 Redis 中的内容，其连接收到的是缺口而不是通知。可能是各进程的 REDIS_SIGNING_KEY 不一致、有进程版本过新、Redis 的文件损坏，或有其他程序写入 Redis。',
  SPOOL_FULL:
    '该进程的磁盘暂存已满（SPOOL_MAX_BYTES）：在 Redis 确认之前，新的撤回无法保存，除非再次发送，否则会丢失。',
  SPOOL_WAITING: 'Redis 没有确认，撤回在磁盘上等待，可能还没有人收到。',
  PROCESS_GONE: '有进程已停止或消失。',
  PROCESS_NOT_READY: '该进程未就绪。',
  DATA_FOLDER_SHARED: '多个进程使用同一个数据目录，磁盘上的撤回可能丢失。请为每个进程指定各自的目录。',
  MEMORY_USED_UP: '等待慢速连接的数据占满了内存，新连接被拒绝。可调高 MEMORY_BUDGET_MB，或增加节点。',
  BACKEND_DOWN: '应用后台没有应答：需要决定的回调按 RELAY_FALLBACK 应答，其余在磁盘上等待。撤回照常推送。',
  RELAY_WAITING: '应用后台没有接收全部回调：有回调已在磁盘上等待超过一分钟。',
  STATUS_INCOMPLETE: '无法询问其他进程，或无法读取部分进程的报告。',
  BROKER_WARNING: '存储（Redis）有需要注意的情况。',
  QUARANTINE_NOT_EMPTY: '隔离区中有搁置的请求，可在“隔离区”视图或用 quarantine 命令查看、重试或删除。',
}

/** Why something is as it is, by code or by the gateway's sentence. */
export const reasons: Readonly<Record<string, string>> = {
  NO_ANSWER: '网关没有响应。',
  CONNECTION_LOST: '连接已中断。',
  SILENT: '连接长时间没有收到任何数据。',
  NO_CREDENTIAL: '没有取得令牌。',
  MIXED_CONTENT: 'https:// 页面不能连接 http:// 地址。',
  CSP_BLOCKED: '页面的内容安全策略（CSP）不允许此连接。',
  NETWORK_OFFLINE: '浏览器没有网络连接。',
  NODE_UNREACHABLE: '代理无法连接到网关。',
  NODE_DRAINING: '该节点正在停止，如有其他节点，将由其接替。',
  NOT_A_GATEWAY: '此地址的应答方不是撤回网关。',
  WRONG_PATH: '此路径下没有网关。',
  TLS_FAILED: 'TLS 握手失败。',
  ORIGIN_REFUSED: '网关不允许此来源的页面。',
  WEBSOCKET_BLOCKED: '无法打开 WebSocket，可能被代理拦截。',
  'it is not proved that notices reach this node': '无法确认通知能到达该节点',
  'this node stood still, and it is not proved yet that notices reach it': '该节点曾停顿，尚未确认通知能到达',
  'this node is reading what it may have missed': '该节点正在读取可能错过的内容',
  'this node is reading what it may have missed in the room': '该节点正在读取此房间可能错过的内容',
  'recalls are waiting on the disk of a receiver': '有撤回在接收进程的磁盘上等待',
  'recalls are waiting on the disk of a receiver that is gone or cut off':
    '有撤回在已消失或断开的接收进程的磁盘上等待',
  'a receiver is gone or cut off, and recalls may be waiting on its disk':
    '有接收进程已消失或断开，其磁盘上可能有撤回在等待',
  'what receivers report of their disks cannot be read': '无法读取接收进程对其磁盘的报告',
  'a receiver is of a version whose reports this node cannot read: update this node':
    '有接收进程的版本过新，本节点无法读取其报告，请升级本节点',
  'it is not known yet whether recalls are waiting on the disk of a receiver':
    '尚不清楚接收进程的磁盘上是否有撤回在等待',
}

import { setTimeout as delay } from 'node:timers/promises'
import { connect, makeToken } from './client.ts'
import type { Client } from './client.ts'
import { pick, recall } from './console-page.ts'

const GROUPS = ['@TGS#2J4SZEAEL', 'spring-sale-2026', 'support-eu', '摄影爱好者', '@TGS#_community', 'lobby']
const TOPICS = ['@TOPIC#announcements', '@TOPIC#trading', '闲聊']
const OPERATORS = ['mod_linh', 'administrator', '陈晓', 'j.fischer', 'user_48213']
const TYPES = ['Public', 'ChatRoom', 'Community']

/** Posts recalls as they might have arrived in the last minutes; always the same ones, except for the time. */
export async function postSampleRecalls(url: string, recalls: number): Promise<void> {
  const nowMs = Date.now()
  for (let i = 0; i < recalls; i++) {
    const group = GROUPS[pick(`group ${i}`, GROUPS.length)] ?? ''
    const isCommunity = group === '@TGS#_community'
    const count = pick(`many ${i}`, 6) === 0 ? 2 + pick(`count ${i}`, 3) : 1
    const first = 1_000 + i * 7 + pick(`seq ${i}`, 5)
    await recall(url, {
      GroupId: group,
      ...(isCommunity && { TopicId: TOPICS[pick(`topic ${i}`, TOPICS.length)] }),
      Type: isCommunity ? 'Community' : TYPES[pick(`type ${group}`, 2)],
      Operator_Account: OPERATORS[pick(`operator ${i}`, OPERATORS.length)],
      MsgSeqList: Array.from({ length: count }, (_, j) => ({
        MsgSeq: first + j,
        MsgId: `144115233406643804-${1_700_000_000 + i}-${first + j}`,
      })),
      EventTime: nowMs - (recalls - i) * 4_700,
    })
  }
}

/** Connects clients to these nodes in turn, each subscribed to one group. Returns a function that disconnects them. */
export async function connectListeners(urls: readonly string[], count: number): Promise<() => void> {
  const clients: Client[] = []
  for (let i = 0; i < count; i++) {
    const group = GROUPS[pick(`listens ${i}`, GROUPS.length)] ?? ''
    const client = await connect(urls[i % urls.length] ?? '', await makeToken({ rooms: [{ group }] }))
    clients.push(client)
    await client.subscribe({ group })
  }
  return () => clients.forEach((client) => client.close())
}

/** Posts recalls continuously, at a rate that rises and falls. Returns a function that stops it. */
export function startTraffic(url: string): () => void {
  let seq = 1_000_000
  let isRunning = true
  const run = async (): Promise<void> => {
    while (isRunning) {
      const group = GROUPS[pick(`traffic ${seq}`, GROUPS.length)]
      const operator = OPERATORS[pick(`by ${seq}`, OPERATORS.length)]
      await recall(url, {
        GroupId: group,
        Operator_Account: operator,
        MsgSeqList: [{ MsgSeq: ++seq }],
        EventTime: Date.now(),
      }).catch(() => (isRunning = false))
      await delay(20 + 60 * (1 + Math.sin(seq / 60)))
    }
  }
  void run()
  return () => (isRunning = false)
}

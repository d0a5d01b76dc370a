import { request } from 'node:http'
import { signedQuery } from '../../support/webhook.ts'
import type { FoundProcess } from '../history/gateway.ts'

const TIMEOUT_MS = 2_000
/** Nobody listens to it. */
const GROUP = 'last'

/** Gives a receiver one more recall, and looks what it does with it. */
export async function storeOneMore(port: number): Promise<NonNullable<FoundProcess['stores']>> {
  const before = await spooledAt(port)
  const command = 'Group.CallbackAfterRecallMsg'
  const query = new URLSearchParams(signedQuery(command)).toString()
  const recall = { CallbackCommand: command, Type: 'Public', GroupId: GROUP, MsgSeqList: [{ MsgSeq: 1 }] }
  const answer = await ask(port, 'POST', `/webhook?${query}`, JSON.stringify(recall))
  if (answer?.includes('"OK"') !== true) return 'nothing'
  return (await spooledAt(port)) > before ? 'on disk' : 'directly'
}

/** How many recalls a receiver has stored on its disk alone. */
async function spooledAt(port: number): Promise<number> {
  const text = (await ask(port, 'GET', '/metrics')) ?? ''
  const counts = text.matchAll(/recalls_kept_total\{where="spool"[^}]*\} (\d+)/g)
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
}

/** Undefined if nobody answers. */
const ask = (port: number, method: string, path: string, body = ''): Promise<string | undefined> =>
  new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const call = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => resolve(text))
    })
    call.on('error', () => resolve(undefined))
    call.end(body)
    setTimeout(() => resolve(undefined), TIMEOUT_MS)
  })

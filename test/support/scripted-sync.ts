import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** What WAITAOF replies: how many have synced, or an error. */
export type SyncReply = readonly [local: number, replicas: number] | string

/** Each part of a request: a count or a length, and its end. */
const LINE_END = '\r\n'

/**
 * Starts a proxy before a Redis that answers WAITAOF in its place: as in Redis, everything behind it on its connection waits. So
 * servers that sync late, never or not at all can be had from any version.
 */
export async function startScriptedSync(
  targetPort: number,
  reply: (replicas: number, timeoutMs: number) => Promise<SyncReply> | SyncReply,
) {
  const sockets = new Set<Socket>()
  const listener = createServer({ noDelay: true }, (client) => {
    const server = createConnection({ port: targetPort, host: '127.0.0.1', noDelay: true })
    let unread = Buffer.alloc(0)
    let passed = Promise.resolve()
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    server.pipe(client)
    const pass = async (
      bytes: Buffer,
      [name = '', , replicas, timeoutMs]: readonly string[],
    ): Promise<void> => {
      if (name.toUpperCase() !== 'WAITAOF') return void server.write(bytes)
      const answer = await reply(Number(replicas), Number(timeoutMs))
      const script =
        typeof answer === 'string' ? `return redis.error_reply('${answer}')` : `return {${answer.join(',')}}`
      server.write(encode('EVAL', script, '0'))
    }
    client.on('data', (bytes: Buffer) => {
      unread = Buffer.concat([unread, bytes])
      for (let request = firstRequest(unread); request !== undefined; request = firstRequest(unread)) {
        const { words, length } = request
        const own = unread.subarray(0, length)
        unread = unread.subarray(length)
        passed = passed.then(() => pass(own, words))
      }
    })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    /** Closes all connections; new ones are not affected. */
    cut,
    stop(): void {
      listener.close()
      cut()
    },
  }
}

const encode = (...words: readonly string[]): string =>
  [`*${words.length}`, ...words.flatMap((word) => [`$${Buffer.byteLength(word)}`, word]), ''].join(LINE_END)

/** Returns the first whole request: an array of bulk strings, which is all that clients send. */
function firstRequest(bytes: Buffer): { words: string[]; length: number } | undefined {
  let at = 0
  const number = (): number | undefined => {
    const end = bytes.indexOf(LINE_END, at)
    if (end === -1) return undefined
    const value = Number(bytes.toString('latin1', at + 1, end))
    at = end + LINE_END.length
    return value
  }
  const count = number()
  if (count === undefined) return undefined
  const words: string[] = []
  while (words.length < count) {
    const length = number()
    if (length === undefined || at + length + LINE_END.length > bytes.length) return undefined
    words.push(bytes.toString('utf8', at, at + length))
    at += length + LINE_END.length
  }
  return { words, length: at }
}

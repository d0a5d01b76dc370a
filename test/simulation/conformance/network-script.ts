import { createHash } from 'node:crypto'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

type End = 'client' | 'server'

export interface Operation {
  readonly end: End
  readonly does: 'write' | 'end' | 'destroy' | 'fail' | 'reset' | 'pause' | 'resume'
  readonly bytes: number
}

/** What two ends of a connection do. */
export interface NetworkScript {
  readonly allowHalfOpen: Readonly<Record<End, boolean>>
  /** In each step, one end does something, and then both wait until nothing happens any more. */
  readonly steps: readonly (readonly Operation[])[]
  /** Whether the server closes after the first step. */
  readonly closesServer: boolean
}

export interface NetworkTools {
  /** Resolves when what has been done so far has had its effects. */
  readonly settle: () => Promise<void>
}

interface Watched {
  socket: Socket | undefined
  readonly events: string[]
  readonly sent: Buffer[]
  bytes: number
  readonly hash: ReturnType<typeof createHash>
}

/** Runs a script, and returns what each end was told, in order. */
export async function runNetworkScript(
  { allowHalfOpen, steps, closesServer }: NetworkScript,
  { settle }: NetworkTools,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const fresh = (): Watched => ({
    socket: undefined,
    events: [],
    sent: [],
    bytes: 0,
    hash: createHash('sha1'),
  })
  const ends = { client: fresh(), server: fresh() }
  const serverEvents: string[] = []
  const server = createServer({ allowHalfOpen: allowHalfOpen.server, noDelay: true }, (socket) => {
    watch(ends.server, socket)
  })
  server.on('close', () => serverEvents.push('close'))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const options = { port, host: '127.0.0.1', allowHalfOpen: allowHalfOpen.client, noDelay: true }
  watch(ends.client, connect(options))

  async function untilQuiet(): Promise<void> {
    const count = (): number =>
      ends.client.bytes + ends.server.bytes + ends.client.events.length + ends.server.events.length
    for (let before = -1, rounds = 0; rounds < 2; rounds = before === count() ? rounds + 1 : 0) {
      before = count()
      await settle()
    }
  }

  await untilQuiet()
  for (const [i, step] of steps.entries()) {
    for (const operation of step) {
      const [end, other] =
        operation.end === 'client' ? [ends.client, ends.server] : [ends.server, ends.client]
      operate(end, operation)
      // On a loopback, what the system of the other end answers is there before the next line runs. Nowhere else.
      if (other.socket?.destroyed) await untilQuiet()
    }
    if (i === 0 && closesServer) server.close()
    await untilQuiet()
  }
  ends.client.events.push(describe(ends.client, ends.server))
  ends.server.events.push(describe(ends.server, ends.client))
  const connections = await new Promise<number>((resolve) => {
    server.getConnections((_error, count) => resolve(count))
  })
  serverEvents.push(`${connections} connections`)
  for (const { socket } of Object.values(ends)) socket?.destroy()
  if (!closesServer) server.close()
  await untilQuiet()
  return { client: ends.client.events, server: ends.server.events, listener: serverEvents }
}

function watch(end: Watched, socket: Socket): void {
  end.socket = socket
  const { events } = end
  const tell = (event: string): void => void events.push(event)
  socket.on('data', (chunk: Buffer) => {
    end.bytes += chunk.length
    end.hash.update(chunk)
    if (events.at(-1) !== 'data') tell('data')
  })
  for (const event of ['connect', 'end', 'finish', 'drain']) socket.on(event, () => tell(event))
  socket.on('error', (error: NodeJS.ErrnoException) =>
    tell(`error ${error.code ?? ''} ${error.syscall ?? ''} ${error.message.replace(/:\d+/g, '')}`),
  )
  socket.on('close', (hadError) => tell(`close ${hadError}`))
}

function operate({ socket, events, sent }: Watched, { does, bytes }: Operation): void {
  if (socket === undefined) return
  if (does === 'write') {
    // Node tells such a write of its failure at another time in different versions.
    if (!socket.writable) return
    const content = Buffer.from(Array.from({ length: Math.min(bytes, 65_536) }, (_, i) => (i * 7) & 0xff))
    const all = bytes <= content.length ? content : Buffer.alloc(bytes, content)
    sent.push(all)
    const wasTaken = socket.write(all, (error) => {
      events.push(`written ${(error as NodeJS.ErrnoException | null | undefined)?.code ?? ''}`)
    })
    events.push(`write ${wasTaken}`)
  } else if (does === 'end') socket.end()
  else if (does === 'destroy') socket.destroy()
  else if (does === 'fail') socket.destroy(new Error('on purpose'))
  else if (does === 'reset') socket.resetAndDestroy()
  else if (does === 'pause') socket.pause()
  else socket.resume()
}

/** More than any system holds for a peer that does not read. */
const MANY_BYTES = 100_000

function describe({ socket, bytes, hash }: Watched, other: Watched): string {
  if (socket === undefined) return 'never opened'
  const { destroyed, readable, writable, bytesRead, bytesWritten, readyState, writableLength } = socket
  const sent = Buffer.concat(other.sent).subarray(0, bytes)
  // How much of a lot is on its way when it ends is the affair of the system.
  const roughly = (count: number): number | string => (count < MANY_BYTES ? count : 'many')
  return JSON.stringify({
    destroyed,
    readable,
    writable,
    bytesRead: roughly(bytesRead),
    bytesWritten: roughly(bytesWritten),
    readyState,
    waits: writableLength > 0,
    given: roughly(bytes),
    isIntact: createHash('sha1').update(sent).digest('hex') === hash.digest('hex'),
  })
}

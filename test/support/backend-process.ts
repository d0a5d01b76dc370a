import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BackendOptions, Behaviour, Order, Received } from './backend.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitUntil } from './wait.ts'

export type { Behaviour, Received } from './backend.ts'

const PROGRAM = fileURLToPath(new URL('backend.js', import.meta.url))

/** The backend of an app, in a process of its own. */
export interface Backend {
  /** With a path, as an app has it. */
  readonly url: string
  readonly port: number
  /** Everything that has arrived so far, in order, also before it was killed. */
  received(): Received[]
  /** Resolves to what has arrived once `isEnough`. */
  waitFor(what: string, isEnough: (received: readonly Received[]) => boolean): Promise<Received[]>
  /** From now on, with all requests, or with those of one command. */
  behave(behaviour: Behaviour, command?: string): Promise<void>
  signal(signal: NodeJS.Signals): void
  /** SIGKILL, and waits until it is gone. Connections are refused then. */
  kill(): Promise<void>
  /** On the same port, with the default behaviour. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const WAIT_MS = 60_000

/** Starts one that checks `Sign` with the token, if there is one. */
export async function startBackend({
  token,
  path = '/im/callback',
}: { readonly token?: string; readonly path?: string } = {}): Promise<Backend> {
  const folder = temporaryFolder()
  const file = join(folder.path, 'received')
  let { child, port } = await launch({ port: 0, file, token })

  const received = (): Received[] =>
    existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          // The last line may still be written.
          .slice(0, -1)
          .map((line) => JSON.parse(line) as Received)
      : []

  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  return {
    url: `http://127.0.0.1:${port}${path}`,
    port,
    received,
    async waitFor(what, isEnough) {
      await waitUntil(what, () => isEnough(received()), WAIT_MS)
      return received()
    },
    async behave(behaviour, command) {
      const done = once(child, 'message')
      const order: Order = { behaviour, ...(command !== undefined && { command }) }
      child.send(order)
      await done
    },
    signal: (signal) => void child.kill(signal),
    kill,
    async restart() {
      await kill()
      ;({ child, port } = await launch({ port, file, token }))
    },
    async stop() {
      await kill()
      folder.remove()
    },
  }
}

async function launch(options: BackendOptions): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(PROGRAM, [JSON.stringify(options)])
  const failed = once(child, 'exit').then(() => {
    throw new Error('the backend did not start')
  })
  const [{ port }] = (await Promise.race([once(child, 'message'), failed])) as [{ port: number }]
  failed.catch(() => undefined)
  return { child, port }
}

/** Returns a header, whatever its case; undefined without it. */
export function headerOf({ rawHeaders }: Received, name: string): string | undefined {
  const at = rawHeaders.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name.toLowerCase())
  return at === -1 ? undefined : rawHeaders[at + 1]
}

export const bodyOf = ({ bodyBase64 }: Received): Buffer => Buffer.from(bodyBase64, 'base64')

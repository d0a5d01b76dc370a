import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { programPath } from '../support/programs.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil, withTimeout } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const SCRIPT = fileURLToPath(new URL('../../../test/outside/python-client.py', import.meta.url))
/** Python and its packages take a second to load, and more on a busy machine. */
const START_TIMEOUT_MS = 20_000

interface Told {
  readonly what: string
  readonly value: Readonly<Record<string, unknown>> | null
}

type Kind = 'blocking' | 'asyncio'

/** Starts a client with its own process; `told` grows as things happen to it. */
function startClient(kind: Kind, url: string, token: string) {
  const child = spawn(programPath('python'), [SCRIPT, kind, url, token], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  child.stdin.on('error', () => undefined)
  const told = (what: string): Told['value'][] =>
    output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Told)
      .filter((one) => one.what === what)
      .map(({ value }) => value)
  return {
    told,
    /** Resolves to what the `count`th event of this name carried. */
    async hears(what: string, count = 1, timeoutMs = 20_000): Promise<Readonly<Record<string, unknown>>> {
      await waitUntil(`${kind}: ${count} × ${what}`, () => told(what).length >= count, timeoutMs).catch(
        (error: unknown) => {
          throw new Error(`${String(error)}\n${output}\n${errors}`)
        },
      )
      return told(what)[count - 1] ?? {}
    },
    subscribe: (group: string) => child.stdin.write(`subscribe ${group}\n`),
    kill: () => void child.kill('SIGKILL'),
  }
}

/** Takes a client through all that can happen to it, with a gateway of its own. */
async function judge(kind: Kind, onCleanUp: (cleanUp: () => unknown) => void): Promise<void> {
  const folder = temporaryFolder()
  onCleanUp(folder.remove)
  const port = await freePort()
  const startGateway = async (): Promise<GatewayProcess> => {
    const started = await startGatewayProcess({ PORT: String(port), DATA_DIR: folder.path })
    onCleanUp(started.stop)
    return started
  }
  let gateway = await startGateway()
  const start = (token: string) => {
    const client = startClient(kind, gateway.url, token)
    onCleanUp(client.kill)
    return client
  }
  const recall = async (seq: number): Promise<void> => {
    const body = recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }] })
    expect((await postWebhook(gateway.url, { body })).status).to.equal(200)
  }

  const refused = start('no.valid.token')
  const client = start(await makeToken({ sub: 'python', rooms: [{ group: 'g' }] }))
  expect(await refused.hears('connect_error', 1, START_TIMEOUT_MS)).to.deep.include({
    data: { code: 'TOKEN_REFUSED', retry: false },
  })

  await client.hears('connect', 1, START_TIMEOUT_MS)
  expect((await client.hears('hello'))['expiresInMs']).to.be.within(500_000, 600_000)
  client.subscribe('other')
  expect(await client.hears('answer')).to.include({ ok: false, code: 'ROOM_REFUSED', retry: false })
  client.subscribe('g')
  expect(await client.hears('answer', 2)).to.include({ ok: true })
  await recall(1)
  expect(seqs(await client.hears('messages-recalled'))).to.deep.equal([1])

  gateway.signal('SIGTERM')
  expect(await client.hears('goodbye')).to.include({ code: 4000 })
  expect(await withTimeout('the gateway exits', gateway.exited)).to.equal(0)
  await client.hears('disconnect')
  gateway = await startGateway()
  await recall(2)
  await client.hears('connect', 2)
  client.subscribe('g')
  expect(await client.hears('answer', 3)).to.include({ ok: true, recovered: 2 })
  const received = (): number[] => client.told('messages-recalled').flatMap(seqs)
  await waitUntil('all recalls arrive', () => received().length === 3)
  expect(received()).to.deep.equal([1, 1, 2])
  expect(client.told('gap')).to.be.empty

  const response = await fetch(`${gateway.url}/v1/disconnect`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${await adminToken()}` },
    body: JSON.stringify({ userId: 'python', forS: 60 }),
  })
  expect(response.status).to.equal(200)
  expect(await client.hears('goodbye', 2)).to.include({ code: 4500 })
  await waitUntil('the user is refused', () =>
    client
      .told('connect_error')
      .some((value) => (value?.['data'] as { code?: string } | undefined)?.code === 'USER_DISCONNECTED'),
  )
  expect(client.told('connect')).to.have.lengthOf(2)
}

const seqs = (value: Told['value']): number[] =>
  ((value?.['notices'] ?? []) as { messages: { seq: number }[] }[]).flatMap(({ messages }) =>
    messages.map(({ seq }) => seq),
  )

describe('the blocking and the asyncio client of python-socketio', () => {
  const onCleanUp = cleanUpAfterEach()

  it('connect, are told codes, receive recalls, come back after a goodbye, and resume without a gap', () =>
    Promise.all((['blocking', 'asyncio'] as const).map((kind) => judge(kind, onCleanUp))))
})

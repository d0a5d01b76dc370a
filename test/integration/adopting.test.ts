import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import type { NoticesResponse } from '../../shared/http-api.ts'
import { bodyOf, headerOf, startBackend } from '../support/backend-process.ts'
import type { Backend, Received } from '../support/backend-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { ALL_RECALL_SAMPLES } from '../support/provider-samples.ts'
import { PROVIDER_COMMANDS } from '../support/provider-commands.ts'
import { readBytes } from '../support/read-bytes.ts'
import { waitUntil } from '../support/wait.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const DOCUMENT = readFileSync(join(ROOT, 'server/docs/adopting.md'), 'utf8')
const execute = promisify(execFile)

/** The commands of a step, as the document shows them. */
const stepOf = (heading: string, index = 0): string => {
  const section = DOCUMENT.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
  const block = [...section.matchAll(/^```sh\n([^]+?)^```/gm)][index]?.[1]
  if (block === undefined) throw new Error(`no commands under "${heading}"`)
  return block
}

/** What step 1 exports. */
const EXPORTED: Readonly<Record<string, string>> = Object.fromEntries(
  [...stepOf('1.').matchAll(/^export (\w+)=(.+)$/gm)].map(([, name = '', value = '']) => [name, value]),
)
const TOKEN = EXPORTED['WEBHOOK_TOKEN'] ?? ''
/** What differs in each request, or is between two neighbours alone. */
const OF_ONE_HOP =
  /^(host|connection|accept-encoding|content-length|transfer-encoding|forwarded|x-forwarded-.+|recall-gateway.*)$/i

describe('the steps of adopting.md', () => {
  const onCleanUp = cleanUpAfterEach()
  let backend: Backend
  let gateway: GatewayProcess
  let settings: Readonly<Record<string, string>>

  beforeEach(async () => {
    backend = await startBackend({ token: TOKEN })
    onCleanUp(backend.stop)
    expect(new URL(EXPORTED['RELAY_URL'] ?? '').pathname).to.equal(new URL(backend.url).pathname)
    settings = { ...EXPORTED, RELAY_URL: backend.url }
    gateway = await startGatewayProcess(settings)
    onCleanUp(gateway.stop)
  })

  /** Runs commands in a shell with the settings exported. Resolves to what they print. */
  async function run(commands: string): Promise<string> {
    const script = commands.replaceAll('http://127.0.0.1:8080', gateway.url)
    const env = { ...process.env, ...settings }
    const { stdout } = await execute('bash', ['-euo', 'pipefail', '-c', script], { cwd: ROOT, env })
    return stdout
  }

  /** Posts a webhook as the provider does, to either of the two. */
  async function post(url: string, body: Readonly<Record<string, unknown>>) {
    const command = String(body['CallbackCommand'])
    const sign = await run(
      'TIME=$(date +%s); printf "%s %s" $TIME $(printf %s "$WEBHOOK_TOKEN$TIME" | openssl dgst -sha256 -r | cut -d" " -f1)',
    )
    const [time, digest] = sign.split(' ')
    const query = `SdkAppid=${EXPORTED['SDK_APP_ID']}&CallbackCommand=${command}&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS&Sign=${digest}&RequestTime=${time}`
    // Without the headers that `fetch` adds.
    const headers = { 'User-Agent': 'provider', 'Content-Type': 'application/json' }
    const request = httpRequest(`${url}?${query}`, { method: 'POST', headers }).end(JSON.stringify(body))
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const answer = await readBytes(response)
    return {
      status: response.statusCode,
      type: response.headers['content-type'],
      body: answer.toString(),
    }
  }

  const comparable = (received: Received) => ({
    method: received.method,
    target: received.target.replace(/Sign=\w+&RequestTime=\d+/, 'Sign'),
    headers: received.rawHeaders
      .flatMap((name, i) =>
        i % 2 === 0 && !OF_ONE_HOP.test(name) ? [`${name.toLowerCase()}: ${received.rawHeaders[i + 1]}`] : [],
      )
      .toSorted(),
    body: bodyOf(received).toString(),
  })

  it('show that the backend answers through the gateway, and that recalls arrive at both', async () => {
    const [direct, relayed, ...others] = (await run(stepOf('2.'))).trimEnd().split('\n')
    expect(others).to.deep.equal([])
    expect(direct).to.include('"Digest"').and.include('200 application/json')
    expect(relayed).to.equal(direct)

    const printed = await run(`${stepOf('2.')}${stepOf('2.', 1)}`)
    const [answer = '', token = ''] =
      printed
        .trimEnd()
        .split('\n')
        .at(-1)
        ?.match(/^(.*\})(.+)$/)
        ?.slice(1) ?? []
    expect(JSON.parse(answer)).to.have.property('ActionStatus', 'OK')
    const headers = { Authorization: `Bearer ${token}` }
    const response = await fetch(`${gateway.url}/v1/notices?feed=true`, { headers })
    const { notices } = (await response.json()) as NoticesResponse
    expect(notices.map(({ group }) => group)).to.deep.equal(['nobody-is-here'])
    await backend.waitFor('the recall is relayed', (all) => all.some(isRecall))
  })

  it('leave no difference between a webhook that comes directly and one that is relayed', async () => {
    for (const body of PROVIDER_COMMANDS) {
      const name = body.CallbackCommand
      const before = backend.received().length
      const direct = await post(backend.url, body)
      const relayed = await post(`${gateway.url}/webhook`, body)
      expect(relayed, name).to.deep.equal(direct)
      expect(direct.status, name).to.equal(200)
      const [first, second, ...others] = backend.received().slice(before)
      expect(others, name).to.deep.equal([])
      if (first === undefined || second === undefined) throw new Error(`${name} has not arrived twice`)
      expect(comparable(second), name).to.deep.equal(comparable(first))
      expect(headerOf(second, 'Recall-Gateway-Attempt'), name).to.equal(undefined)
    }
  })

  it('bring recalls of every kind to the backend as they came', async () => {
    for (const [edition, body] of Object.entries(ALL_RECALL_SAMPLES)) {
      const before = backend.received().length
      const { status, body: answer } = await post(`${gateway.url}/webhook`, body)
      expect([status, (JSON.parse(answer) as { ActionStatus: string }).ActionStatus]).to.deep.equal([
        200,
        'OK',
      ])
      const all = await backend.waitFor(`${edition} is relayed`, ({ length }) => length > before)
      expect(all.slice(before).map((received) => bodyOf(received).toString())).to.deep.equal([
        JSON.stringify(body),
      ])
    }
  })

  it('say how the relay is, while the backend is there and while it is not', async () => {
    const [ready = '', ...metrics] = (await run(stepOf('4.'))).split('\n')
    expect(JSON.parse(ready)).to.have.property('ready', true)
    expect(metrics.length).to.be.greaterThan(3)
    await backend.kill()
    const after = { CallbackCommand: 'Group.CallbackAfterSendMsg', GroupId: 'g', MsgSeq: 1 }
    expect((await post(`${gateway.url}/webhook`, after)).status).to.equal(200)
    const before = { CallbackCommand: 'Group.CallbackBeforeSendMsg', GroupId: 'g' }
    expect(JSON.parse((await post(`${gateway.url}/webhook`, before)).body)).to.include({ ErrorCode: 0 })
    expect(await run(stepOf('Taking it away again'))).to.match(/^recall_gateway_relay_queue_requests 1$/m)
    await backend.restart()
    await backend.waitFor('what waited arrives', (all) =>
      all.some(({ command }) => command === after.CallbackCommand),
    )
    await waitUntil('nothing waits', async () =>
      /^recall_gateway_relay_queue_requests 0$/m.test(await run(stepOf('Taking it away again'))),
    )
  })
})

const isRecall = ({ command }: Received): boolean => command === 'Group.CallbackAfterRecallMsg'

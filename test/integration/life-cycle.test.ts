import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:net'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { adminToken, connect } from '../support/client.ts'
import {
  APP,
  JWT_SECRET,
  runGateway,
  startGatewayProcess,
  WEBHOOK_TOKEN,
} from '../support/gateway-process.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { withTimeout, waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'

const CREDENTIALS = { SDK_APP_ID: APP, WEBHOOK_TOKEN, JWT_SECRET, HOST: '127.0.0.1', PORT: '0' }

describe('life cycle of a gateway', () => {
  const onCleanUp = cleanUpAfterEach()
  const folder = (): string => {
    const { path, remove } = temporaryFolder()
    onCleanUp(remove)
    return path
  }
  /** Runs a command line until it exits. */
  const run = async (parameters: readonly string[], settings: Readonly<Record<string, string>>) => {
    const { child, exited, output } = runGateway(parameters, settings)
    onCleanUp(() => child.kill('SIGKILL'))
    return { code: await withTimeout(`${parameters.join(' ')} exits`, exited), output: output() }
  }

  describe('start', () => {
    it('without settings names every missing one and exits', async () => {
      const { code, output } = await run(['start'], {})
      expect(code).to.equal(1)
      expect(output.trim().split('\n')).to.have.length(1)
      expect(output).to.match(
        /CONFIG_INVALID.*SDK_APP_ID is missing.*WEBHOOK_TOKEN is missing.*JWT_SECRET is missing/,
      )
    })

    it('on a port in use prints one clear line', async () => {
      const port = await freePort()
      const occupant = createServer().listen(port, '127.0.0.1')
      onCleanUp(() => occupant.close())
      await waitUntil('the port is in use', () => occupant.listening)
      const { code, output } = await run(['start'], {
        ...CREDENTIALS,
        PORT: String(port),
        DATA_DIR: folder(),
        LOG_LEVEL: 'error',
      })
      expect(code).to.equal(1)
      expect(output.trim()).to.match(
        new RegExp(`^recall-gateway: START_FAILED: .*port ${port} is in use \\(PORT\\)$`),
      )
    })

    it('with an unreachable Redis prints one clear line without the password', async () => {
      const REDIS_URL = `redis://user:secret@127.0.0.1:${await freePort()}`
      const { code, output } = await run(['start'], {
        ...CREDENTIALS,
        REDIS_URL,
        DATA_DIR: folder(),
        LOG_LEVEL: 'error',
      })
      expect(code).to.equal(1)
      expect(output.trim()).to.match(
        /^recall-gateway: START_FAILED: .*cannot reach Redis at 127\.0\.0\.1:\d+: ECONNREFUSED: [^\n]* \(REDIS_URL\)[^\n]*$/,
      )
    })

    it('with a data directory that cannot be written prints one clear line', async () => {
      const file = join(folder(), 'file')
      writeFileSync(file, '')
      const { code, output } = await run(['start'], {
        ...CREDENTIALS,
        DATA_DIR: join(file, 'data'),
        LOG_LEVEL: 'error',
      })
      expect(code).to.equal(1)
      expect(output.trim()).to.match(/^recall-gateway: START_FAILED: .*DATA_DIR/)
    })

    it('on the data directory of a running gateway is refused, and succeeds once that one is killed', async () => {
      const DATA_DIR = folder()
      const first = await startGatewayProcess({ DATA_DIR })
      onCleanUp(first.stop)
      const { code, output } = await run(['start'], { ...CREDENTIALS, DATA_DIR })
      expect(code).to.equal(1)
      expect(output).to.include('another gateway uses DATA_DIR')
      first.signal('SIGKILL')
      await first.exited
      const second = await startGatewayProcess({ DATA_DIR })
      onCleanUp(second.stop)
    })
  })

  describe('start --dev', () => {
    it('requires no settings, listens on loopback only, and prints a working link and command', async () => {
      const DATA_DIR = folder()
      const gateway = await startGatewayProcess(
        { DATA_DIR, HOST: '', SDK_APP_ID: '', WEBHOOK_TOKEN: '', JWT_SECRET: '' },
        ['start', '--dev'],
      )
      onCleanUp(gateway.stop)
      const output = await waitUntil(
        'the greeting is printed',
        () => gateway.output().includes('Ctrl+C') && gateway.output(),
      )
      const [, link, token] = /(http:\/\/127\.0\.0\.1:\d+\/)#token=(\S+)/.exec(output) ?? []
      const command = /then send {2}node \S+ (.*)/.exec(output)?.[1]?.split(' ') ?? []
      const client = await connect(String(link), token)
      onCleanUp(client.close)
      await client.subscribe({ feed: true })
      expect(await run(command, { DATA_DIR })).to.include({ code: 0 })
      await client.count(1)
      expect(client.seqs()).to.deep.equal([130, 131])
      const { output: found } = await run(['doctor'], { DATA_DIR, PORT: String(gateway.port) })
      expect(found).to.not.include('EVIDENCE_KEY is not set')
    })

    it('names the credentials that the command needs because they are not in the data folder', async () => {
      const DATA_DIR = folder()
      const gateway = await startGatewayProcess({ DATA_DIR, HOST: '', JWT_SECRET: '' }, ['start', '--dev'])
      onCleanUp(gateway.stop)
      await waitUntil('the greeting is printed', () => gateway.output().includes('Ctrl+C'))
      expect(gateway.output()).to.match(/then send {2}SDK_APP_ID=… WEBHOOK_TOKEN=… node /)
    })

    it('runs with a closed standard output', async () => {
      const gateway = runGateway(['start', '--dev'], { PORT: '0', DATA_DIR: folder() })
      onCleanUp(async () => {
        gateway.child.kill('SIGKILL')
        await gateway.exited
      })
      gateway.child.stdout?.destroy()
      await waitUntil('the gateway starts', () => gateway.output().includes('gateway started'), 30_000)
      gateway.child.kill('SIGTERM')
      expect(await gateway.exited).to.equal(0)
    })

    it('keeps its generated credentials private, and reuses them after a restart', async () => {
      const DATA_DIR = folder()
      const empty = { DATA_DIR, HOST: '', SDK_APP_ID: '', WEBHOOK_TOKEN: '', JWT_SECRET: '' }
      const files = ['dev-credentials.json', 'dev-evidence-key'].map((file) => join(DATA_DIR, file))
      await (await startGatewayProcess(empty, ['start', '--dev'])).stop()
      const first = files.map((file) => readFileSync(file, 'utf8'))
      for (const file of files) expect(statSync(file).mode & 0o777).to.equal(0o600)
      await (await startGatewayProcess(empty, ['start', '--dev'])).stop()
      expect(files.map((file) => readFileSync(file, 'utf8'))).to.deep.equal(first)
    })

    it('never listens beyond loopback, and says that it ignores another HOST', async () => {
      const settings = { DATA_DIR: folder(), HOST: 'x86_64-conda-linux-gnu' }
      const gateway = await startGatewayProcess(settings, ['start', '--dev'])
      onCleanUp(gateway.stop)
      expect(gateway.output()).to.include('HOST is ignored: --dev listens on loopback only')
      await waitUntil('the link is printed', () => /Open +http:\/\/127\.0\.0\.1:/.test(gateway.output()))
    })
  })

  describe('a data folder that cannot be used', () => {
    it('is refused with the reason', async () => {
      const file = join(folder(), 'file')
      writeFileSync(file, '')
      for (const [DATA_DIR, reason] of [
        [join(file, 'data'), /ENOTDIR|EEXIST/],
        ['/proc/recall-gateway/data', /ENOENT/],
        ['/proc', /ENOENT/],
      ] as const) {
        const { code, output } = await run(['start'], { ...CREDENTIALS, DATA_DIR })
        expect(code).to.equal(1)
        expect(output).to.include(`cannot use DATA_DIR ${DATA_DIR} as user`).and.match(reason)
      }
    })
  })

  describe('stop', () => {
    it('happens on SIGHUP too', async () => {
      const gateway = await startGatewayProcess()
      onCleanUp(gateway.stop)
      gateway.signal('SIGHUP')
      expect(await gateway.exited).to.equal(0)
      expect(gateway.output()).to.include('"stopped"')
    })

    it('sends sockets a goodbye that makes them reconnect, and exits with 0', async () => {
      const gateway = await startGatewayProcess()
      onCleanUp(gateway.stop)
      const client = await connect(gateway.url, await adminToken())
      onCleanUp(client.close)
      const closed = new Promise<string>((resolve) => client.socket.once('disconnect', resolve))
      gateway.signal('SIGTERM')
      // After "io server disconnect", clients would not reconnect by themselves.
      expect(await withTimeout('the socket closes', closed)).to.equal('transport close')
      expect(client.goodbyes[0]).to.include({ code: 4000 })
      expect(client.goodbyes[0]?.retryInMs).to.be.within(0, 2_000)
      expect(await withTimeout('the gateway exits', gateway.exited)).to.equal(0)
    })

    it('is not ready and refuses new sockets, but still accepts webhooks, while it drains sockets', async () => {
      const gateway = await startGatewayProcess({ DRAIN_MS: '15000' })
      onCleanUp(gateway.stop)
      const clients = await Promise.all(
        Array.from({ length: 30 }, async () => connect(gateway.url, await adminToken())),
      )
      for (const client of clients) onCleanUp(client.close)
      gateway.signal('SIGTERM')
      await waitUntil('the drain begins', () => clients.some(({ socket }) => socket.disconnected))
      expect((await fetch(`${gateway.url}/readyz`)).status).to.equal(503)
      const headers = { Authorization: `Bearer ${await adminToken()}` }
      await waitUntil('its status says why it is not ready', async () => {
        const text = await (await fetch(`${gateway.url}/v1/status`, { headers })).text()
        return text.includes('"ready":false') && text.includes('"reasons":["the process is stopping"]')
      })
      expect(await postWebhook(gateway.url)).to.deep.include({ status: 200 })
      const late = await connect(gateway.url, await adminToken()).then(
        () => 'connected',
        () => 'refused',
      )
      expect(late).to.equal('refused')
      expect(clients.filter(({ socket }) => socket.connected)).to.not.be.empty
      expect(await withTimeout('the gateway exits', gateway.exited)).to.equal(0)
      expect(clients.every(({ goodbyes }) => goodbyes.length === 1)).to.equal(true)
    })

    it('exits immediately on a second signal', async () => {
      const gateway = await startGatewayProcess({ DRAIN_MS: '60000' })
      onCleanUp(gateway.stop)
      const clients = await Promise.all([
        connect(gateway.url, await adminToken()),
        connect(gateway.url, await adminToken()),
      ])
      for (const client of clients) onCleanUp(client.close)
      gateway.signal('SIGTERM')
      await waitUntil('the drain begins', () => gateway.output().includes('stopping'))
      gateway.signal('SIGINT')
      expect(await withTimeout('the gateway exits', gateway.exited)).to.equal(1)
    })

    it('takes a signal that is repeated immediately for one, as npm repeats Ctrl+C', async () => {
      const gateway = await startGatewayProcess()
      onCleanUp(gateway.stop)
      const client = await connect(gateway.url, await adminToken())
      onCleanUp(client.close)
      gateway.signal('SIGINT')
      await waitUntil('the drain begins', () => gateway.output().includes('stopping'))
      gateway.signal('SIGINT')
      expect(await withTimeout('the gateway exits', gateway.exited)).to.equal(0)
      expect(gateway.output()).to.include('stopped')
    })

    it('responds to pending webhooks before it exits', async () => {
      const gateway = await startGatewayProcess()
      onCleanUp(gateway.stop)
      const path = `/webhook?${new URLSearchParams(signedQuery()).toString()}`
      const webhook = request({
        port: gateway.port,
        path,
        method: 'POST',
        headers: { expect: '100-continue' },
      })
      const responded = once(webhook, 'response')
      webhook.flushHeaders()
      await withTimeout('the gateway has the request', once(webhook, 'continue'))
      gateway.signal('SIGTERM')
      await waitUntil('the stop begins', () => gateway.output().includes('stopping'))
      webhook.end(JSON.stringify(recallBody()))
      const [response] = (await withTimeout('the response arrives', responded)) as [IncomingMessage]
      expect(response.statusCode).to.equal(200)
      expect(await withTimeout('the gateway exits', gateway.exited)).to.equal(0)
    })
  })

  describe('kill -9', () => {
    it('loses no acknowledged recall', async () => {
      const DATA_DIR = folder()
      const first = await startGatewayProcess({ DATA_DIR })
      onCleanUp(first.stop)
      let count = 0
      const posts = Array.from({ length: 400 }, (_, i) =>
        postWebhook(first.url, { body: recallBody({ MsgSeqList: [{ MsgSeq: i + 1 }] }) }).then(
          ({ status }) => {
            if (status === 200 && ++count === 50) first.signal('SIGKILL')
            return status === 200 ? i + 1 : 0
          },
          () => 0,
        ),
      )
      const acknowledged = (await Promise.all(posts)).filter((seq) => seq > 0)
      // If a slow disk has acknowledged fewer.
      first.signal('SIGKILL')
      await first.exited
      const second = await startGatewayProcess({ DATA_DIR })
      onCleanUp(second.stop)
      const client = await connect(second.url, await adminToken())
      onCleanUp(client.close)
      const { position } = await client.subscribe({ group: '@TGS#1' })
      await client.subscribe({ group: '@TGS#1', since: { ...position, offset: 0 } })
      await waitUntil('the history arrives', () => client.received.length === position.offset)
      expect(acknowledged).to.not.be.empty
      expect(client.seqs()).to.include.members(acknowledged)
    })
  })

  describe('commands', () => {
    it('print their options with --help', async () => {
      for (const command of ['start', 'send', 'token', 'quarantine']) {
        const { code, output } = await run([command, '--help'], {})
        expect(code).to.equal(0)
        expect(output).to.include(`Usage: recall-gateway ${command}`)
      }
    })

    it('find the credentials of another data folder', async () => {
      const DATA_DIR = folder()
      writeFileSync(
        join(DATA_DIR, 'dev-credentials.json'),
        JSON.stringify({ SDK_APP_ID: APP, WEBHOOK_TOKEN, JWT_SECRET }),
      )
      const gateway = await startGatewayProcess()
      onCleanUp(gateway.stop)
      const { output } = await run(['token', '--sub', 'user-1', '--data-dir', DATA_DIR], {})
      const client = await connect(gateway.url, output.trim())
      onCleanUp(client.close)
    })

    it('print a token that a gateway accepts', async () => {
      const gateway = await startGatewayProcess()
      onCleanUp(gateway.stop)
      const printed = await run(['token', '--sub', 'user-1', '--group', 'g', '--topic', 't', '--ttl', '60'], {
        JWT_SECRET,
      })
      const client = await connect(gateway.url, printed.output.trim())
      onCleanUp(client.close)
      await client.subscribe({ group: 'g', topic: 't' })
      expect(await client.request({ group: 'g' })).to.include({ code: 'ROOM_REFUSED' })
    })

    it('name the invalid option or setting', async () => {
      expect(await run(['token', '--sub', 'u'], { DATA_DIR: folder() }))
        .to.deep.include({ code: 1 })
        .and.to.have.property('output')
        .that.includes('JWT_SECRET is missing')
      // An empty topic would be a grant for the whole group.
      const empty = await run(['token', '--sub', 'u', '--group', 'g', '--topic', ''], { JWT_SECRET })
      expect(empty).to.deep.include({ code: 1 })
      expect(empty.output).to.include('--topic must be printable text, not empty')
      expect((await run(['send', '--group', 'g', '--seqs', '1,x'], {})).output).to.include(
        'whole numbers from 1',
      )
      const wrongUrl = await run(['send', '--group', 'g', '--url', 'nonsense'], {})
      expect(wrongUrl.output).to.include('a URL that begins with http')
      const unusedUrl = `http://127.0.0.1:${await freePort()}/webhook`
      const sent = await run(
        ['send', '--group', 'g', '--url', unusedUrl, '--app', '1', '--token', 'secret'],
        {},
      )
      expect(sent.code).to.equal(1)
      expect(sent.output).to.include('no response from').and.not.include('secret')
    })
  })

  describe('quarantine', () => {
    it('stores authentic webhooks that were not understood, without their signature', async () => {
      const DATA_DIR = folder()
      const gateway = await startGatewayProcess({ DATA_DIR })
      onCleanUp(gateway.stop)
      const body = JSON.stringify(recallBody({ GroupId: {} }))
      expect((await postWebhook(gateway.url, { body })).status).to.equal(400)
      expect((await postWebhook(gateway.url, { body: 'no json' })).status).to.equal(400)
      const forged = { ...signedQuery(), Sign: '0'.repeat(64) }
      expect((await postWebhook(gateway.url, { query: forged, body: 'forged' })).status).to.equal(401)

      const { output } = await run(['quarantine', 'show'], { DATA_DIR })
      const entries = output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
      expect(entries.map((entry) => entry['body'])).to.deep.equal([body, 'no json'])
      expect(entries[0]?.['reason']).to.include('"GroupId"')
      expect(output).to.include('SdkAppid=').and.not.include('Sign=')
    })
  })
})

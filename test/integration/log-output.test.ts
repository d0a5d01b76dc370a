import { closeSync, openSync } from 'node:fs'
import { expect } from 'chai'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { freePort } from '../support/free-port.ts'
import { APP, JWT_SECRET, runGateway, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import { namedPipe } from '../support/named-pipe.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

/** More lines of debugging than a pipe and its buffers hold. */
const RECALLS = 1_500
const AT_ONCE = 50

describe('the log', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Starts a gateway that writes its log to `standardError`, and resolves once it serves. */
  async function start(standardError: 'pipe' | number, settings: Readonly<Record<string, string>> = {}) {
    const folder = temporaryFolder()
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const base = { SDK_APP_ID: APP, WEBHOOK_TOKEN, JWT_SECRET, HOST: '127.0.0.1', DRAIN_MS: '0' }
    const own = { PORT: String(port), DATA_DIR: folder.path, ...settings }
    const gateway = runGateway(['start'], { ...base, ...own }, standardError)
    onCleanUp(async () => {
      gateway.child.kill('SIGKILL')
      await gateway.exited
      folder.remove()
    })
    const isLive = () =>
      fetch(`${url}/livez`).then(
        ({ ok }) => ok,
        () => false,
      )
    await waitUntil('the gateway serves', isLive, 30_000)
    return { ...gateway, url }
  }

  it('stops neither webhooks nor SIGTERM when nobody reads it', async () => {
    const { fd, read, remove } = namedPipe()
    onCleanUp(remove)
    const gateway = await start(fd, { LOG_LEVEL: 'debug' })
    for (let i = 0; i < RECALLS; i += AT_ONCE) {
      const posts = Array.from({ length: AT_ONCE }, (_, j) =>
        postWebhook(gateway.url, {
          body: recallBody({ GroupId: 'g'.repeat(40), MsgSeqList: [{ MsgSeq: i + j + 1 }] }),
        }),
      )
      for (const { status } of await Promise.all(posts)) expect(status).to.equal(200)
    }
    gateway.child.kill('SIGTERM')
    expect(await gateway.exited).to.equal(0)
    expect(read().split('recall stored').length, 'the pipe was full').to.be.within(100, RECALLS - 100)
  })

  it('does not end the process when its reader is gone, or its disk is full', async () => {
    const full = openSync('/dev/full', 'w')
    onCleanUp(async () => closeSync(full))
    const closed = await start('pipe')
    closed.child.stderr?.destroy()
    for (const gateway of [closed, await start(full)]) {
      for (let i = 0; i < 20; i++) {
        expect((await postWebhook(gateway.url, { query: { SdkAppid: '1' } })).status).to.equal(403)
      }
      expect((await postWebhook(gateway.url)).status).to.equal(200)
      gateway.child.kill('SIGTERM')
      expect(await gateway.exited).to.equal(0)
    }
  })

  it('has few lines about a flood of bad requests, and tells how many there were', async () => {
    const gateway = await start('pipe')
    const post = () => postWebhook(gateway.url, { query: { SdkAppid: '1' } })
    for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 50 }, post))
    gateway.child.kill('SIGTERM')
    expect(await gateway.exited).to.equal(0)
    const lines = gateway
      .output()
      .split('\n')
      .filter((line) => line.includes('webhook refused'))
    const omitted = lines.reduce((sum, line) => sum + Number(/"omitted":(\d+)/.exec(line)?.[1] ?? 0), 0)
    expect(lines.length).to.be.below(50)
    expect(lines.length + omitted).to.be.within(500, 510)
  })
})

import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { STOP_GRACE_MS } from '../../server/cli/start.ts'
import { adminToken } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { APP, JWT_SECRET, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { buildImage, canRunImages, runInImage } from '../support/image.ts'
import type { Image } from '../support/image.ts'
import { notRun } from '../support/not-run.ts'
import { recordSecrets } from '../support/logged-secrets.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const DRAIN_MS = 500
/** As OpenShift draws one. */
const USER = 1_000_000_000 + Math.floor(Math.random() * 1_000_000)

describe('the steps of the Dockerfile', function () {
  this.timeout(300_000)
  const folder = temporaryFolder()
  const data = join(folder.path, 'volume')
  const canRun = canRunImages()
  let image: Image

  before(() => {
    if (!canRun) return
    mkdirSync(data)
    image = buildImage(folder.path, USER)
  })
  after(() => folder.remove())

  it('make an image that serves as any user on a read-only root, writes to its volume alone, and stops in time', async function () {
    if (!canRun) return notRun(this, 'only root may mount')
    const port = await freePort()
    const settings = {
      SDK_APP_ID: APP,
      WEBHOOK_TOKEN,
      JWT_SECRET,
      HOST: '127.0.0.1',
      PORT: String(port),
      DRAIN_MS: String(DRAIN_MS),
    }
    const options = { data, user: USER, settings }
    const startedAt = new Date().toISOString()
    const gateway = runInImage(image, image.command, options)
    try {
      const url = `http://127.0.0.1:${port}`
      const isServing = () =>
        fetch(`${url}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        )
      await waitUntil('it serves', isServing, 30_000).catch((error: unknown) => {
        throw new Error(`it does not serve: ${gateway.output()}`, { cause: error })
      })
      expect((await postWebhook(url, { body: recallBody({ GroupId: 'g' }) })).status).to.equal(200)
      const { body } = await get(url, '/v1/recalled?group=g&seqs=130', await adminToken())
      expect(body['recalled']).to.have.lengthOf(1)
      for (const page of ['/', '/client.js', '/docs/'])
        expect((await fetch(`${url}${page}`)).status, page).to.equal(200)

      const check = runInImage(image, image.healthCheck, options)
      expect(await check.exited, check.output()).to.equal(0)
      const other = { ...options, settings: { ...settings, PORT: String(await freePort()) } }
      expect(await runInImage(image, image.healthCheck, other).exited).to.equal(1)
      const writes = [
        'sh',
        '-c',
        'for f in /app/x /x /etc/x; do touch $f && exit 1; done; touch /data/x /tmp/x',
      ]
      const writing = runInImage(image, writes, options)
      expect(await writing.exited, writing.output()).to.equal(0)

      const startMs = performance.now()
      await gateway.signal('SIGTERM')
      expect(await gateway.exited, gateway.output()).to.equal(0)
      expect(performance.now() - startMs).to.be.below(DRAIN_MS + STOP_GRACE_MS)
    } finally {
      gateway.kill()
      recordSecrets(gateway.output(), settings)
    }
    const changed = ['-xdev', '-type', 'f', '-newermt', startedAt]
    expect(execFileSync('find', [image.root, ...changed], { encoding: 'utf8' })).to.equal('')
    const written = readdirSync(data)
    expect(written).to.include('lock')
    for (const file of written) expect(statSync(join(data, file)).uid, file).to.equal(USER)
    expect(gateway.output()).to.not.match(/EROFS|EACCES|EPERM/)
  })
})

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import type { Browser, Page } from 'playwright-core'
import { build } from 'vite'
import { openBrowser } from '../support/browser.ts'
import { makeToken } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const MAX_CLIENT_BYTES = 18_000

/** Returns the page that a document shows, with the URL of this gateway. */
const pageIn =
  (document: string) =>
  (gatewayUrl: string): string => {
    const [, page = ''] = /```html\n(.+?)```/s.exec(readFileSync(join(ROOT, document), 'utf8')) ?? []
    expect(page).to.include('createRecallClient')
    return page.replaceAll('http://127.0.0.1:8080', gatewayUrl)
  }

const recall = async (url: string, seq: number) => {
  const body = recallBody({ GroupId: 'lobby', MsgSeqList: [{ MsgSeq: seq }], EventTime: Date.now() })
  expect((await postWebhook(url, { body })).status).to.equal(200)
}

describe('the client in a browser', () => {
  const onCleanUp = cleanUpAfterEach()
  let browser: Browser
  before(async () => {
    browser = await openBrowser()
  })

  /** A site of another origin, which serves the page, a conversation and tokens. Its first response to a token request is a 502. */
  const serveSite = async (port: number, page: () => string): Promise<void> => {
    let tokenRequests = 0
    const site = createServer((request, response) => {
      if (request.url === '/messages') return response.end(JSON.stringify([{ seq: 130, text: 'A message' }]))
      if (request.url !== '/recall-token') return response.setHeader('Content-Type', 'text/html').end(page())
      if (++tokenRequests === 1) return response.writeHead(502).end('Bad gateway')
      void makeToken({ rooms: [{ group: 'lobby' }] }).then((token) => response.end(token))
      return response
    })
    await new Promise<void>((resolve) => site.listen(port, '127.0.0.1', resolve))
    onCleanUp(() => site.close())
  }
  const setUp = async (makePage: (gatewayUrl: string) => string) => {
    const sitePort = await freePort()
    const origin = `http://127.0.0.1:${sitePort}`
    const gateway = await startGatewayProcess({ CORS_ORIGINS: origin })
    onCleanUp(gateway.stop)
    const proxy = await startTcpProxy(gateway.port)
    onCleanUp(proxy.stop)
    await serveSite(sitePort, () => makePage(`http://127.0.0.1:${proxy.port}`))
    const context = await browser.newContext()
    onCleanUp(() => context.close())
    const page = await context.newPage()
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    await page.goto(origin)
    return { gateway, proxy, page, errors }
  }
  const titled = (page: Page, title: string) =>
    page.waitForFunction(`document.title === '${title}'`, undefined, { polling: 20 })

  it('runs the short page of the README', async () => {
    const { gateway, page, errors } = await setUp(pageIn('README.md'))
    await page.locator('#message-130').waitFor()
    // The page does not show when it has subscribed, so this recalls again: at another time, it is a new recall.
    await waitUntil('the message is removed', async () => {
      await recall(gateway.url, 130)
      return (await page.locator('#message-130').count()) === 0
    })
    expect(errors).to.be.empty
  })

  it('runs the page of CLIENTS.md', async () => {
    const { gateway, page, errors } = await setUp(pageIn('shared/CLIENTS.md'))
    await titled(page, 'Chat: live')
    expect(await page.locator('#message-130').count()).to.equal(1)
    await recall(gateway.url, 130)
    await page.locator('#message-130').waitFor({ state: 'detached' })
    expect(errors).to.be.empty
  })

  it('delivers each recalled message once, across drops and reloads', async () => {
    // Remembers across reloads what was delivered, as a page that shows it would.
    const script = `const all = JSON.parse(sessionStorage.all ?? '[]')
      const record = (seq) => { all.push(seq); sessionStorage.all = JSON.stringify(all) }`
    const { gateway, proxy, page } = await setUp((url) =>
      pageIn('shared/CLIENTS.md')(url)
        .replace('const client =', `${script}\n const client =`)
        .replace('document.getElementById(`message-${seq}`)?.remove()', 'record(seq)'),
    )
    await titled(page, 'Chat: live')
    const rounds = 12
    for (let round = 0; round < rounds; round++) {
      for (let i = 1; i <= 20; i++) {
        await recall(gateway.url, round * 20 + i)
        if (i === 10 && round % 3 === 2) await page.reload({ waitUntil: 'commit' })
        else if (i === 10) proxy.cut()
      }
    }
    const sent = Array.from({ length: rounds * 20 }, (_, i) => i + 1)
    const delivered = 'JSON.parse(sessionStorage.all ?? "[]")'
    await page.waitForFunction(`${delivered}.length >= ${sent.length}`, undefined, {
      polling: 50,
      timeout: 30_000,
    })
    expect(await page.evaluate<number[]>(delivered)).to.deep.equal(sent)
  })
})

describe('the size of the client', () => {
  it(`is below ${MAX_CLIENT_BYTES} bytes compressed, besides socket.io-client`, async () => {
    const folder = temporaryFolder()
    try {
      await build({
        configFile: false,
        logLevel: 'error',
        publicDir: false,
        build: {
          outDir: folder.path,
          emptyOutDir: true,
          modulePreload: { polyfill: false },
          rolldownOptions: {
            input: join(ROOT, 'shared/client.ts'),
            external: ['socket.io-client'],
            preserveEntrySignatures: 'strict',
            output: { entryFileNames: 'client.js' },
          },
        },
      })
      const bytes = gzipSync(readFileSync(join(folder.path, 'client.js'))).length
      expect(bytes).to.be.within(1_000, MAX_CLIENT_BYTES)
    } finally {
      folder.remove()
    }
  })
})

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { expect } from 'chai'
import type { Browser } from 'playwright-core'
import { build } from 'vite'
import type { Plugin } from 'vite'
import { compileScript, parse } from 'vue/compiler-sfc'
import { openBrowser } from '../support/browser.ts'
import { makeToken } from '../support/client.ts'
import { clientExample, CLIENTS } from '../support/client-examples.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** What the examples leave to the app. */
const BACKEND = `
export interface Message { readonly seq: number; readonly text: string }
export const getToken = async (): Promise<string> => (await fetch('/recall-token')).text()
export const loadMessages = async (group: string): Promise<readonly Message[]> => {
  if (group === 'slow') await new Promise((resolve) => Object.assign(window, { finish: resolve }))
  return [{ seq: 129, text: group + ' hello' }, { seq: 130, text: group + ' regret' }]
}
`

const REACT = `
import { createElement, StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Conversation } from './Conversation'
const root = createRoot(document.querySelector('#app')!)
const show = (group: string) => root.render(createElement(StrictMode, null, createElement(Conversation, { group })))
show('lobby')
Object.assign(window, { show })
`

const VUE = `
import { createApp, h, ref } from 'vue'
import Conversation from './Conversation.vue'
const group = ref('lobby')
createApp({ render: () => h(Conversation, { group: group.value }) }).mount('#app')
Object.assign(window, { show: (other: string) => (group.value = other) })
`

/** As the plugin for Vue does, but without its 600 packages. */
const vue: Plugin = {
  name: 'vue',
  transform(source, id) {
    if (!id.endsWith('.vue')) return undefined
    const { descriptor } = parse(source, { filename: id })
    const { content } = compileScript(descriptor, { id, inlineTemplate: true })
    return { code: content, moduleType: 'ts' }
  },
}

/** Each with its own files, by name. */
const FRAMEWORKS: Readonly<Record<string, (gatewayUrl: string) => Readonly<Record<string, string>>>> = {
  plain: (url) => ({ 'main.js': clientExample('js', 'loadMessages', url) }),
  React: (url) => ({
    'main.ts': REACT,
    'recalls.ts': clientExample('ts', "from 'react'"),
    'Conversation.tsx': clientExample('tsx', 'Conversation', url),
    'backend.ts': BACKEND,
  }),
  Vue: (url) => ({
    'main.ts': VUE,
    'recalls.ts': clientExample('ts', "from 'vue'"),
    'Conversation.vue': clientExample('vue', 'useRecalls', url),
    'backend.ts': BACKEND,
  }),
}

describe('the examples of CLIENTS.md for an app', () => {
  const onCleanUp = cleanUpAfterEach()
  let browser: Browser
  before(async () => {
    browser = await openBrowser()
  })

  const buildApp = async (files: Readonly<Record<string, string>>, minify = false): Promise<string> => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const packages = join(folder.path, 'node_modules')
    mkdirSync(packages)
    symlinkSync(join(ROOT, 'dist/client-package'), join(packages, 'recall-gateway-client'))
    for (const name of ['react', 'react-dom', 'vue'])
      symlinkSync(join(ROOT, 'test/node_modules', name), join(packages, name))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder.path, name), text)
    const output = await build({
      configFile: false,
      logLevel: 'error',
      root: folder.path,
      publicDir: false,
      plugins: [vue],
      build: {
        write: false,
        minify,
        rolldownOptions: { input: join(folder.path, 'main.ts' in files ? 'main.ts' : 'main.js') },
      },
    })
    if (!('output' in output)) throw new Error('the build gave no single output')
    return output.output[0].code
  }

  it('become as large as the document says', async () => {
    const code = await buildApp(FRAMEWORKS['plain']?.('http://127.0.0.1:8080') ?? {}, true)
    const stated = /less than (\d+) kB in an app with brotli, (\d+) kB with gzip/.exec(CLIENTS)
    const [brotliKb, gzipKb] = [Number(stated?.[1]), Number(stated?.[2])]
    expect(brotliCompressSync(code).length).to.be.within((brotliKb - 5) * 1_000, brotliKb * 1_000)
    expect(gzipSync(code).length).to.be.within((gzipKb - 5) * 1_000, gzipKb * 1_000)
  })

  for (const [framework, filesOf] of Object.entries(FRAMEWORKS)) {
    it(`(${framework}) load the conversation, then hide what is recalled`, async () => {
      const port = await freePort()
      const origin = `http://127.0.0.1:${port}`
      const gateway = await startGatewayProcess({ CORS_ORIGINS: origin })
      onCleanUp(gateway.stop)
      const code = await buildApp(filesOf(gateway.url))
      const site = createServer((request, response) => {
        if (request.url === '/recall-token')
          return void makeToken({ rooms: ['lobby', 'slow', 'other'].map((group) => ({ group })) }).then(
            (token) => response.end(token),
          )
        if (request.url === '/main.js') return response.setHeader('Content-Type', 'text/javascript').end(code)
        return response
          .setHeader('Content-Type', 'text/html')
          .end('<!doctype html><div id="app"></div><script type="module" src="/main.js"></script>')
      })
      await new Promise<void>((resolve) => site.listen(port, '127.0.0.1', resolve))
      onCleanUp(() => site.close())
      const context = await browser.newContext()
      onCleanUp(() => context.close())
      const page = await context.newPage()
      const errors: string[] = []
      page.on('pageerror', ({ message }) => errors.push(message))
      await page.goto(origin)
      const items = () => page.locator('li').allTextContents()
      await waitUntil('the conversation is shown', async () => (await items()).length === 2)
      await waitUntil('it is live', async () => (await page.content()).includes('live'))
      const recall = async (GroupId: string) => {
        const body = recallBody({ GroupId, MsgSeqList: [{ MsgSeq: 130 }], EventTime: Date.now() })
        expect((await postWebhook(gateway.url, { body })).status).to.equal(200)
        await waitUntil('the message is hidden', async () => (await items()).length === 1)
        expect((await items())[0]).to.match(/hello/i)
      }
      await recall('lobby')
      if (framework !== 'plain') {
        await page.evaluate(`show('slow')`)
        await waitUntil('the slow group is loaded', () => page.evaluate(`typeof finish === 'function'`))
        await page.evaluate(`show('other')`)
        await waitUntil('the other group is shown', async () =>
          (await items()).join().includes('other regret'),
        )
        // What was loaded for the group before is for nobody.
        await page.evaluate(`finish()`)
        await recall('other')
        expect(await items()).to.deep.equal(['other hello'])
      }
      expect(errors).to.deep.equal([])
    })
  }
})

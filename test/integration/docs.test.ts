import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import type { Position } from '../../shared/position.ts'
import { adminToken } from '../support/client.ts'
import { APP, runGateway, startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

const SERVED = ['.', 'shared', 'server/docs', 'server/console'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(folder, file)),
)

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
}

interface Served {
  readonly status: number
  readonly type: string
  readonly text: string
}

describe('the documents of a running gateway', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: GatewayProcess
  beforeEach(async () => {
    gateway = await startGatewayProcess()
    onCleanUp(gateway.stop)
  })

  const fetchPage = async (url: string): Promise<Served> => {
    const response = await fetch(url)
    const type = response.headers.get('content-type') ?? ''
    return { status: response.status, type, text: await response.text() }
  }

  /** Everything below `/docs/` that can be reached from its first page, by URL. */
  const crawl = async (): Promise<Map<string, Served>> => {
    const start = `${gateway.url}/docs/`
    const found = new Map<string, Served>()
    const queue = [start]
    for (let url = queue.pop(); url !== undefined; url = queue.pop()) {
      if (found.has(url)) continue
      const page = await fetchPage(url)
      found.set(url, page)
      if (page.type.startsWith('text/html')) queue.push(...linksIn(url, page.text).map(withoutAnchor))
    }
    return found

    function linksIn(from: string, html: string): string[] {
      return [...html.matchAll(/(?:href|src)="([^"]+)"/g)]
        .map(([, link = '']) => new URL(link, from).href)
        .filter((link) => link.startsWith(start))
    }
  }
  const withoutAnchor = (url: string): string => url.split('#')[0] ?? ''

  it('are all served, each with its type', async () => {
    const pages = await crawl()
    expect(pages.size).to.be.above(SERVED.length)
    for (const [url, { status, type }] of pages) {
      expect(status, url).to.equal(200)
      expect(type, url).to.equal(TYPES[/\.(\w+)$/.exec(url)?.[1] ?? 'html'])
    }
    const titles = [...pages.values()].map(({ text }) => /<h1[^>]*>(.+?)<\/h1>/.exec(text)?.[1])
    for (const document of SERVED) {
      expect(titles, document).to.include(/^# (.+)$/m.exec(read(document))?.[1])
    }
  })

  it('link only to headings that exist, and outside `/docs/` only to the console', async () => {
    const pages = await crawl()
    for (const [url, { type, text }] of pages) {
      if (!type.startsWith('text/html')) continue
      expect(text, url).to.not.include('.md"')
      for (const [, link = ''] of text.matchAll(/href="([^"]+)"/g)) {
        const target = new URL(link, url)
        if (target.pathname === '/') continue
        const page = pages.get(withoutAnchor(target.href))
        expect(page?.status, `${url} → ${link}`).to.equal(200)
        if (target.hash !== '') expect(page?.text, link).to.include(`id="${decodeURI(target.hash.slice(1))}"`)
      }
    }
  })

  it('mark the current page in the navigation', async () => {
    for (const [url, { type, text }] of await crawl()) {
      if (!type.startsWith('text/html')) continue
      const current = [...text.matchAll(/<a href="([^"]+)" aria-current="page">/g)].map(([, link]) => link)
      expect(current.map((link = '') => new URL(link, url).href)).to.deep.equal([url])
    }
  })

  it('list exactly the commands that exist, with options that exist', async () => {
    const help = async (words: readonly string[]): Promise<string> => {
      const { exited, output } = runGateway([...words, '--help'], {})
      expect(await exited, words.join(' ')).to.equal(0)
      return output()
    }
    const rows = [...read('server/docs/commands.md').matchAll(/^\| `([a-z]+)`() +\| [^|]*\(#/gm)]
    const calls = SERVED.flatMap((document) => [
      ...read(document).matchAll(/^(?:.*node dist\/server\/main\.js|recall-gateway) ([a-z]+)(?= |$)(.*)$/gm),
    ])
    const all = [...rows, ...calls].map(([, name = '', options = '']) => {
      const [, part] = /^ (list|show|retry|drop)\b/.exec(options) ?? []
      return { words: part === undefined ? [name] : [name, part], options }
    })
    const names = [...new Set(all.map(({ words }) => words.join(' ')))]
    const [general = '', ...texts] = await Promise.all(
      [[], ...names.map((name) => name.split(' '))].map(help),
    )
    const commands = [...general.matchAll(/^ {2}([a-z]+) (?!\[command\])/gm)].map(([, name]) => name)
    expect(rows.map(([, name]) => name)).to.deep.equal(commands)
    for (const { words, options } of all)
      for (const [option] of options.matchAll(/--[a-z][a-z0-9-]*/g))
        expect(texts[names.indexOf(words.join(' '))], words.join(' ')).to.include(` ${option} `)
  })

  it('show how to sign a webhook by hand', async () => {
    const [, script = '', url = '', body = ''] =
      /^(TIME=.+)\ncurl "http:\/\/127\.0\.0\.1:8080(\S+)" \\\n {2}-d '(.+)'$/m.exec(
        read('server/docs/deployment.md'),
      ) ?? []
    const shell = spawnSync('sh', ['-c', `${script} && printf '%s\\n' $TIME $SIGN '${body}'`], {
      env: { PATH: process.env['PATH'], WEBHOOK_TOKEN },
      encoding: 'utf8',
    })
    const [time = '', signature = '', sent = ''] = shell.stdout.split('\n')
    const query = url.replace('$SDK_APP_ID', APP).replace('$SIGN', signature).replace('$TIME', time)
    const headers = { Authorization: `Bearer ${await adminToken()}` }
    const offset = async (): Promise<number> => {
      const response = await fetch(`${gateway.url}/v1/position?group=lobby`, { headers })
      return ((await response.json()) as { readonly position: Position }).position.offset
    }
    // What has been tried once before, like the command that `npm start` prints.
    const earlier = { GroupId: 'lobby', MsgSeqList: [{ MsgSeq: 130 }], EventTime: Date.now() - 5_000 }
    await postWebhook(gateway.url, { body: recallBody(earlier) })
    const before = await offset()
    const response = await fetch(gateway.url + query, { method: 'POST', body: sent })
    expect(await response.json()).to.have.property('ActionStatus', 'OK')
    expect(await offset()).to.equal(before + 1)
  })

  it('contain curl commands that work', async () => {
    const send = (document: string) => {
      const [, command = ''] = /^(curl [^]+?)^```/m.exec(read(document)) ?? []
      const [, method = 'GET'] = /-X (\S+)/.exec(command) ?? []
      const [, url = ''] = /(http:[^\s']+)/.exec(command) ?? []
      const [, body] = /-d '([^']+)'/.exec(command) ?? []
      expect(command, document).to.match(/-H "Authorization: Bearer \$\w+"/)
      return async (token: string) =>
        fetch(url.replace('http://127.0.0.1:8080', gateway.url), {
          method,
          headers: { Authorization: `Bearer ${token}` },
          ...(body !== undefined && { body }),
        })
    }
    const token = await adminToken()
    const stream = await send('shared/CLIENTS.md')(token)
    expect(stream.headers.get('content-type')).to.include('text/event-stream')
    await stream.body?.cancel()
    const revoked = await send('server/docs/authentication.md')(token)
    expect(await revoked.json()).to.have.property('ok', true)
  })
})

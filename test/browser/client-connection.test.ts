import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import type { BrowserContext, Page } from 'playwright-core'
import type { ClientError, State } from '../../shared/client.ts'
import { openBrowser } from '../support/browser.ts'
import { makeCertificate } from '../support/certificate.ts'
import { adminToken } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

interface Watched {
  readonly states: State[]
  readonly errors: { readonly source: ClientError['source']; readonly message: string }[]
}

describe('what a client in a page says of its connection', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: GatewayProcess
  before(async () => {
    gateway = await startGatewayProcess()
  })
  after(() => gateway.stop())

  const serve = async (listener: RequestListener): Promise<number> => {
    const server = createServer(listener).listen(0, '127.0.0.1')
    onCleanUp(() => {
      server.closeAllConnections()
      server.close()
    })
    await new Promise<void>((resolve) => server.once('listening', resolve))
    return (server.address() as AddressInfo).port
  }
  const openPage = async (address: string, options = {}): Promise<Page> => {
    const context: BrowserContext = await (await openBrowser()).newContext(options)
    onCleanUp(() => context.close())
    const page = await context.newPage()
    await page.goto(address)
    return page
  }
  /** Opens a client in the page, with delays of 100, 200, 400 ms … The client's script comes from the page's own server. */
  const watch = async (page: Page, script: string, url: string) => {
    await page.evaluate(
      `import(${JSON.stringify(script)}).then(({ createRecallClient }) => {
        Math.random = () => 0.1
        const client = (window.client = createRecallClient({ url: ${JSON.stringify(url)}, auth: { token: ${JSON.stringify(await adminToken())} } }))
        window.states = [client.state]
        window.errors = []
        client.on('state', (state) => states.push(state))
        client.on('error', ({ source, error }) => errors.push({ source, message: error.message }))
      })`,
    )
    const look = () => page.evaluate<Watched>('({ states, errors })')
    const becomes = async (kind: string, code?: string): Promise<State> => {
      let states: State[] = []
      const is = (state: State | undefined) =>
        state?.kind === kind && (code === undefined || state.code === code) && state
      return waitUntil(`it is ${kind} ${code ?? ''}`, async () => {
        ;({ states } = await look())
        return is(states.at(-1))
      }).catch((error: unknown) => {
        throw new Error(`${String(error)}: ${JSON.stringify(states)}`)
      })
    }
    return { look, becomes }
  }
  const clientScript = (): Promise<string> =>
    fetch(`${gateway.url}/client.js`).then((response) => response.text())
  /** A page of another origin, with the client's script beside it. */
  const site = async (headers: Record<string, string> = {}): Promise<RequestListener> => {
    const script = await clientScript()
    return ({ url }, response) => {
      const isScript = url === '/client.js'
      response.writeHead(200, { 'Content-Type': isScript ? 'text/javascript' : 'text/html', ...headers })
      response.end(isScript ? script : '<!doctype html><title>app</title>')
    }
  }
  const openSite = async (headers?: Record<string, string>) => {
    const port = await serve(await site(headers))
    return openPage(`http://127.0.0.1:${port}/`)
  }

  it('names the origin that the gateway refuses, and goes on trying', async () => {
    const page = await openSite()
    const { becomes, look } = await watch(page, '/client.js', gateway.url)
    const { reason } = await becomes('offline', 'ORIGIN_REFUSED')
    expect(reason).to.include(new URL(page.url()).origin).and.to.include('CORS_ORIGINS')
    const { errors } = await look()
    expect(errors).to.have.length(1)
    expect(errors[0]).to.include({ source: 'connection' })
    const { length } = (await look()).states
    await waitUntil('it has tried again', async () => (await look()).states.length > length + 1)
    expect((await look()).errors).to.have.length(1)
  })

  it('names a server that is no gateway, though the page may not read its answer, a wrong path, and one that is not there', async () => {
    const page = await openSite()
    const other = await serve((_, response) => void response.end('<title>a router</title>'))
    const { becomes } = await watch(page, '/client.js', `http://127.0.0.1:${other}`)
    await becomes('offline', 'NOT_A_GATEWAY')
    const path = await watch(page, '/client.js', `${gateway.url}/recall`)
    await path.becomes('offline', 'WRONG_PATH')
    for (const [protocol, expected] of [
      ['http', /^nothing answers$/],
      ['https', /^nothing answers, or its certificate/],
    ] as const) {
      const nobody = await watch(
        await openSite(),
        '/client.js',
        `${protocol}://127.0.0.1:${await freePort()}`,
      )
      const { reason } = await waitUntil('it has asked', async () => {
        const { states } = await nobody.look()
        return states.find((state) => state.reason?.includes('nothing answers'))
      })
      expect(reason).to.match(expected)
    }
  })

  it('names the policy of the page', async () => {
    const page = await openSite({
      'Content-Security-Policy': "default-src 'self'; script-src 'self' 'unsafe-eval' 'unsafe-inline'",
    })
    const { becomes } = await watch(page, '/client.js', gateway.url)
    const { reason } = await becomes('offline', 'CSP_BLOCKED')
    expect(reason).to.include('connect-src').and.to.include(new URL(gateway.url).host)
  })

  it('names an address that a secure page must not connect to, at once', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const { cert, key } = makeCertificate(folder.path, 'site')
    const server = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, await site())
    server.listen(0, '127.0.0.1')
    onCleanUp(() => server.close())
    await new Promise<void>((resolve) => server.once('listening', resolve))
    const page = await openPage(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`, {
      ignoreHTTPSErrors: true,
    })
    // Loopback addresses are allowed, so that this one never leaves the machine does not matter.
    const { becomes } = await watch(page, '/client.js', 'http://gateway.invalid')
    const { reason } = await becomes('offline', 'MIXED_CONTENT')
    expect(reason).to.include('https://')
  })

  it('is live again at once when the browser is back online, and does not believe a wrong "offline"', async () => {
    const proxy = await startTcpProxy(gateway.port)
    onCleanUp(proxy.stop)
    const page = await openPage(`http://127.0.0.1:${proxy.port}/client.js`)
    const { becomes, look } = await watch(page, '/client.js', `http://127.0.0.1:${proxy.port}`)
    await becomes('live')
    await page.evaluate('dispatchEvent(new Event("offline"))')
    await waitUntil('it has looked', async () =>
      (await look()).states.some(({ code }) => code === 'NETWORK_OFFLINE'),
    )
    await becomes('live')
    await page.evaluate('Math.random = () => 0.99')
    await page.context().setOffline(true)
    await becomes('offline')
    const { retryAtMs = 0 } = await waitUntil('it waits for long', async () => {
      const state = (await look()).states.at(-1)
      return (state?.retryAtMs ?? 0) > Date.now() + 5_000 && state
    })
    await page.context().setOffline(false)
    await becomes('live')
    expect(Date.now()).to.be.below(retryAtMs - 1_000)
  })
})

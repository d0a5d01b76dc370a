import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { expect } from 'chai'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

const YEAR = 'public, max-age=31536000, immutable'
const REVALIDATED = 'public, max-age=0'

const decode = ({ headers, body }: Answer): Buffer => {
  if (headers['content-encoding'] === 'br') return brotliDecompressSync(body)
  return headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
}

describe('what the gateway serves to browsers', () => {
  let gateway: GatewayProcess
  /** Each path with its type, and how long it may be cached. */
  let paths: readonly (readonly [path: string, type: string, cache: string])[]
  let manifest: { readonly version: string; readonly file: string; readonly integrity: string }

  /** Decodes nothing by itself. */
  const get = async (path: string, headers: object = {}, method = 'GET'): Promise<Answer> =>
    new Promise((resolve, reject) => {
      request(`${gateway.url}${path}`, { method, headers: { ...headers } }, (response) => {
        buffer(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          reject,
        )
      })
        .once('error', reject)
        .end()
    })

  before(async () => {
    gateway = await startGatewayProcess({ BASE_PATH: '/below' })
    manifest = JSON.parse((await get('/client.json')).body.toString()) as typeof manifest
    const page = (await get('/')).body.toString()
    const asset = (ending: string): string =>
      `/assets/${new RegExp(`assets/([\\w-]+\\.${ending})`).exec(page)?.[1]}`
    paths = [
      ['/', 'text/html; charset=utf-8', REVALIDATED],
      [asset('js'), 'text/javascript; charset=utf-8', YEAR],
      [asset('css'), 'text/css; charset=utf-8', YEAR],
      ['/client.js', 'text/javascript; charset=utf-8', REVALIDATED],
      [`/${manifest.file}`, 'text/javascript; charset=utf-8', YEAR],
      ['/docs/', 'text/html; charset=utf-8', REVALIDATED],
      ['/docs/clients.html', 'text/html; charset=utf-8', REVALIDATED],
      ['/docs/docs.css', 'text/css; charset=utf-8', REVALIDATED],
      ['/docs/openapi.json', 'application/json; charset=utf-8', REVALIDATED],
      ['/docs/asyncapi.json', 'application/json; charset=utf-8', REVALIDATED],
      ['/below/docs/protocol.html', 'text/html; charset=utf-8', REVALIDATED],
    ]
  })

  after(() => gateway.stop())

  it('is compressed as the client prefers, and the same in each encoding', async () => {
    for (const [path, type, cache] of paths) {
      const answers = await Promise.all(
        [undefined, 'gzip', 'br'].map((encoding) =>
          get(path, encoding === undefined ? {} : { 'Accept-Encoding': encoding }),
        ),
      )
      const [plain] = answers.map(({ body }) => body)
      expect(
        answers.map(({ status }) => status),
        path,
      ).to.deep.equal([200, 200, 200])
      expect(answers.map(({ headers }) => headers['content-encoding'])).to.deep.equal([
        undefined,
        'gzip',
        'br',
      ])
      expect(new Set(answers.map(({ headers }) => headers.etag)).size, path).to.equal(3)
      for (const answer of answers) {
        expect(decode(answer).equals(plain ?? Buffer.of()), path).to.equal(true)
        expect(answer.headers['content-type'], path).to.equal(type)
        expect(answer.headers['cache-control'], path).to.equal(cache)
        expect(answer.headers.vary, path).to.include('Accept-Encoding')
        expect(answer.headers.etag, path).to.match(/^"[\w-]{22}"$/)
        expect(answer.headers['content-length'], path).to.equal(`${answer.body.length}`)
      }
      const sizes = answers.map(({ body }) => body.length)
      expect(
        sizes.toSorted((a, b) => b - a),
        path,
      ).to.deep.equal(sizes)
    }
  })

  it('takes every form of Accept-Encoding', async () => {
    for (const [accepted, encoding] of [
      ['gzip, deflate, br, zstd', 'br'],
      ['br;q=0.5, gzip', 'gzip'],
      ['br;q=0, gzip;q=0.1', 'gzip'],
      ['BR', 'br'],
      ['*', 'br'],
      ['*;q=0.5, br;q=0', 'gzip'],
      ['gzip;q=0.5, identity', undefined],
      ['deflate', undefined],
      ['', undefined],
      ['br;q=0, gzip;q=0', undefined],
      // Nothing is acceptable: better a page than none.
      ['identity;q=0', undefined],
      ['*;q=0', undefined],
      ['br;q=x, ;;, gzip', 'gzip'],
    ] as const) {
      const { status, headers } = await get('/client.js', { 'Accept-Encoding': accepted })
      expect([status, headers['content-encoding']], accepted).to.deep.equal([200, encoding])
    }
  })

  it('answers HEAD, conditions and ranges for the encoding asked for', async () => {
    for (const encoding of ['br', 'gzip', 'identity']) {
      const asked = { 'Accept-Encoding': encoding }
      const whole = await get('/client.js', asked)
      const head = await get('/client.js', asked, 'HEAD')
      expect([head.status, head.body.length]).to.deep.equal([200, 0])
      for (const name of ['content-encoding', 'content-length', 'content-type', 'etag', 'vary'])
        expect(head.headers[name], name).to.equal(whole.headers[name])
      const again = await get('/client.js', { ...asked, 'If-None-Match': whole.headers.etag })
      expect([again.status, again.body.length]).to.deep.equal([304, 0])
      expect(again.headers).to.include({ etag: whole.headers.etag, vary: whole.headers.vary })
      // The files are small: ranges are ignored, as HTTP permits.
      for (const Range of ['bytes=10-19', 'bytes=999999-']) {
        const part = await get('/client.js', { ...asked, Range })
        expect([part.status, part.body.length]).to.deep.equal([200, whole.body.length])
      }
      const changed = await get('/client.js', { ...asked, 'If-Match': '"another"' })
      expect(changed.status).to.equal(400)
      expect(changed.headers).to.not.have.property('content-encoding')
      expect(JSON.parse(changed.body.toString())).to.include({ code: 'REQUEST_MALFORMED', retry: false })
    }
    // The etag of one encoding does not stand for another.
    const { headers } = await get('/client.js', { 'Accept-Encoding': 'br' })
    const other = await get('/client.js', { 'Accept-Encoding': 'gzip', 'If-None-Match': headers.etag })
    expect(other.status).to.equal(200)
  })

  it('has no second address for compressed files, and a 404 is not compressed', async () => {
    for (const path of [
      '/client.js.br',
      '/br/client/client.js',
      '/gzip/docs/index.html',
      '/client-00000000.js?turn=5',
      '/assets/index-00000000.js?turn=5',
      '/assets/index-00000000.js?turn=x',
      '/assets/index.js',
    ]) {
      const { status, headers } = await get(path, { 'Accept-Encoding': 'br' })
      expect([status, headers['content-encoding']], path).to.deep.equal([404, undefined])
      expect(headers['cache-control'], path).to.not.include('immutable')
    }
  })

  it('lets a browser ask the next node for a file of another version', async () => {
    const { headers } = await get('/below/assets/index-00000000.js')
    expect(headers['cache-control']).to.equal('no-store')
    // Which does not begin with a slash: a proxy may have stripped a path.
    expect(headers.location).to.equal('index-00000000.js?turn=1')
    // Another node, which has it, behind a balancer that asks one after the other.
    const asked: string[] = []
    const balancer = createServer(({ url = '' }, response) => {
      asked.push(url)
      if (asked.length % 3 === 0) return void response.end('of another version')
      get(url).then(({ status, headers: { location = '' } }) => {
        response.writeHead(status, { Location: location }).end()
      }, response.destroy)
    }).listen(0, '127.0.0.1')
    await once(balancer, 'listening')
    const { port } = balancer.address() as AddressInfo
    for (const path of ['/below/assets/index-00000000.js', '/client-00000000.js']) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`)
      expect([response.status, await response.text()], path).to.deep.equal([200, 'of another version'])
    }
    expect(asked.slice(0, 3)).to.deep.equal(['', '?turn=1', '?turn=2'].map((turn) => asked[0] + turn))
    balancer.close()
    balancer.closeAllConnections()
  })

  it('is not translated by browsers, which would change the names of groups and users', async () => {
    expect((await get('/')).body.toString()).to.include('<html lang="en" translate="no">')
  })

  it('includes the client, below 27 kB, under a name of its content, for pages of any origin', async () => {
    const { version, file, integrity } = manifest
    expect(version).to.match(/^\d+\.\d+\.\d+$/)
    for (const path of ['/client.js', `/${file}`, '/client.json']) {
      const { headers, body } = await get(path, { 'Accept-Encoding': 'br' })
      expect(headers['access-control-allow-origin'], path).to.equal('*')
      expect(headers['cross-origin-resource-policy'], path).to.equal('cross-origin')
      expect(body.length, path).to.be.below(27_000)
    }
    const { body } = await get(`/${file}`)
    expect(integrity).to.equal(`sha384-${createHash('sha384').update(body).digest('base64')}`)
    expect(body.equals((await get('/client.js')).body)).to.equal(true)
    expect(body.toString().split('\n').length).to.be.below(20)
  })

  it('lets no cache keep what monitors read, also with HEAD', async () => {
    for (const path of ['/livez', '/readyz', '/metrics', '/below/readyz'])
      for (const method of ['GET', 'HEAD']) {
        const { status, headers } = await get(path, {}, method)
        expect({ path, status, cache: headers['cache-control'] }).to.deep.equal({
          path,
          status: 200,
          cache: 'no-store',
        })
      }
  })
})

import { connect } from 'node:net'
import { expect } from 'chai'
import fc from 'fast-check'
import { leadsAway } from '../../server/receiver/relay/path-suffix.ts'
import { bodyOf, headerOf, startBackend } from '../support/backend-process.ts'
import type { Backend } from '../support/backend-process.ts'
import '../support/commit-seed.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { signedQuery } from '../support/webhook.ts'

const COMMAND = 'Group.CallbackAfterSendMsg'

/** What Node takes in a request line. */
const TARGET_BYTE = fc.constantFrom(
  ...Array.from({ length: 0x7e - 0x21 + 1 }, (_, i) => String.fromCharCode(0x21 + i)).filter(
    (c) => c !== '#',
  ),
)
const targetText = fc.string({ unit: TARGET_BYTE, maxLength: 40 })
const suffix = targetText.map((text) => `/${text.replace(/\?/g, '')}`).filter((text) => !leadsAway(text))
const typeText = fc
  .string({ unit: fc.constantFrom(...Array.from('abz/;="*+ -.%\u00e9\u00ff')), minLength: 1, maxLength: 30 })
  .map((text) => text.trim())
  .filter((text) => text !== '')

describe('whatever bytes come in', () => {
  let backend: Backend
  let gateway: GatewayProcess
  before(async () => {
    backend = await startBackend()
    gateway = await startGatewayProcess({ RELAY_URL: backend.url, RELAY_FALLBACK: 'allow' })
  })
  after(async () => {
    await gateway.stop()
    await backend.stop()
  })

  it('go out the same', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.option(suffix, { nil: '' }),
        targetText,
        fc.uint8Array({ maxLength: 200 }),
        fc.option(typeText, { nil: undefined }),
        async (path, extra, bytes, type) => {
          const query = `${new URLSearchParams(signedQuery(COMMAND)).toString()}&${extra}`
          const body = Buffer.from(bytes)
          const headers = type === undefined ? '' : `Content-Type: ${type}\r\n`
          const head = `POST /webhook${path}?${query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers}Content-Length: ${body.length}\r\n\r\n`
          const seen = backend.received().length
          expect(await exchange(gateway.port, Buffer.concat([Buffer.from(head, 'latin1'), body]))).to.include(
            'HTTP/1.1 200',
          )
          const received = backend.received()[seen]
          expect(received?.target).to.equal(`/im/callback${path}?${query}`)
          expect(received && bodyOf(received).equals(body)).to.equal(true)
          expect(received && headerOf(received, 'Content-Type')).to.equal(type)
        },
      ),
      { numRuns: 150 },
    )
  })
})

/** Resolves to the response, whose connection ends with it. */
const exchange = (port: number, bytes: Buffer): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
    socket.once('error', reject).once('end', () => resolve(text))
  })

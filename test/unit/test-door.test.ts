import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { readConfig } from '../../server/config/read-config.ts'
import { createTestDoor } from '../../server/composition/test-door.ts'
import { GatewayError } from '../../shared/errors.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { freePort } from '../support/free-port.ts'

const REQUIRED = {
  SDK_APP_ID: '1400000000',
  WEBHOOK_TOKEN: 'webhook-token',
  JWT_SECRET: 'j'.repeat(32),
  TEST_RECALLS: 'on',
}

describe('the door for test recalls', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Posts to a server that answers with this, and returns the error. */
  async function errorFor(status: number, text: string): Promise<GatewayError> {
    const server = createServer((_request, response) => void response.writeHead(status).end(text))
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onCleanUp(() => server.close())
    return await errorAt((server.address() as AddressInfo).port)
  }

  async function errorAt(port: number): Promise<GatewayError> {
    const config = readConfig({ ...REQUIRED, TEST_RECALL_URL: `http://127.0.0.1:${port}/secret-path` })
    const door = createTestDoor(config, () => 0)
    if ('closedBecause' in door) throw new Error(door.closedBecause)
    const error = await door.post({ group: 'g', messages: [{ seq: 1 }], operator: 'admin' }).then(
      () => new Error('it was accepted'),
      (reason: unknown) => reason,
    )
    expect(error).to.be.instanceOf(GatewayError)
    expect(String(error)).to.not.include('secret')
    return error as GatewayError
  }

  it('tells what a receiver refused with, and whether trying again helps', async () => {
    const info = 'NOT_KEPT: the webhook could not be stored: the disk is full'
    const kept = await errorFor(503, JSON.stringify({ ActionStatus: 'FAIL', ErrorInfo: info }))
    expect(kept).to.include({ code: 'NOT_KEPT', retry: true })
    expect(kept.message).to.equal(
      'the webhook could not be stored: the receiver at TEST_RECALL_URL answered the test recall with NOT_KEPT: the disk is full',
    )
  })

  it('takes nothing else for the answer of a receiver', async () => {
    const other = JSON.stringify({ code: 'TOKEN_REFUSED', message: '', retry: false })
    const unknown = JSON.stringify({ ActionStatus: 'FAIL', ErrorInfo: 'toString: x' })
    for (const [status, text] of [
      [200, '<html>Welcome</html>'],
      [200, ''],
      [404, other],
      [500, unknown],
      [502, JSON.stringify({ ActionStatus: 'OK' })],
      [200, `{"ActionStatus":"OK"${' '.repeat(1_000_000)}`],
    ] as const) {
      const { code, message } = await errorFor(status, text)
      expect(code).to.equal('SEND_FAILED')
      expect(message).to.include(`answered ${status}`)
    }
  })

  it('says that nobody answers', async () => {
    const { code, message } = await errorAt(await freePort())
    expect(code).to.equal('SEND_FAILED')
    expect(message).to.include('no response from the receiver at TEST_RECALL_URL').and.include('ECONNREFUSED')
  })

  it('is closed where no receiver is known, and where the own one would refuse', () => {
    const node = { ...REQUIRED, ROLE: 'node', REDIS_URL: 'redis://localhost' }
    const closed = (settings: Readonly<Record<string, string>>) =>
      (createTestDoor(readConfig(settings), () => 0) as { closedBecause?: string }).closedBecause
    expect(closed(node)).to.include('TEST_RECALL_URL')
    expect(closed({ ...node, TEST_RECALL_URL: 'http://receiver/webhook' })).to.equal(undefined)
    expect(closed(REQUIRED)).to.equal(undefined)
    const allowed = { ...REQUIRED, WEBHOOK_ALLOW: '10.0.0.0/8' }
    expect(closed(allowed)).to.include('WEBHOOK_ALLOW does not contain 127.0.0.1')
    expect(closed({ ...allowed, HOST: '::' })).to.include('::1')
    expect(closed({ ...allowed, HOST: '10.1.2.3' })).to.equal(undefined)
    expect(closed({ ...allowed, TEST_RECALL_URL: 'https://recalls.example/webhook' })).to.equal(undefined)
  })
})

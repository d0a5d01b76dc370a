import { expect } from 'chai'
import { Connection } from '../../shared/client/connection.ts'
import { Credentials } from '../../shared/client/credentials.ts'
import { claimsOf, expiryOf } from '../../shared/client/credential.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

/** For one who looks at errors only. */
const IGNORING = {
  url: 'http://127.0.0.1:9',
  offer: () => [],
  onConnect: () => undefined,
  onDisconnect: () => undefined,
  onRefreshed: () => undefined,
  onProved: () => undefined,
  onGoodbye: () => undefined,
  onChange: () => undefined,
}

describe('a credential that never arrives', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is reported as an error, and requested again', async () => {
    const errors: string[] = []
    let calls = 0
    const connection = new Connection({
      credentials: new Credentials({
        ask() {
          calls++
          return new Promise(() => undefined)
        },
        timeoutMs: 10,
      }),
      ...IGNORING,
      onError: ({ error }) => errors.push(String(error)),
    })
    onCleanUp(() => connection.close())
    connection.open()
    await waitUntil('it is requested again', () => calls > 1)
    expect(errors[0]).to.equal('TypeError: no credential within 0.01 s')
  })

  it('is not reported once the connection is closed', async () => {
    let wasCalled = false
    let wasReported = false
    const connection = new Connection({
      credentials: new Credentials({
        async ask() {
          wasCalled = true
          throw new Error('too late')
        },
      }),
      ...IGNORING,
      onError: () => (wasReported = true),
    })
    connection.open()
    connection.close()
    await new Promise((resolve) => setImmediate(resolve))
    expect({ wasCalled, wasReported }).to.deep.equal({ wasCalled: true, wasReported: false })
  })
})

describe('a credential', () => {
  const token = (payload: string): string => `x.${Buffer.from(payload).toString('base64url')}.y`
  const others = [token('null'), token('[]'), 'x', '']

  it('expires when its JWT says so, and at an unknown time otherwise', () => {
    expect(expiryOf({ token: token('{"sub":"群","exp":1700000000}') })).to.equal(1_700_000_000_000)
    for (const other of [token('{}'), token('{"exp":"1"}'), ...others])
      expect(expiryOf({ token: other }), other).to.equal(undefined)
    expect(expiryOf({ userId: 'u', userSig: 's' })).to.equal(undefined)
  })

  it('has the claims of its JWT, and none if it is not a JWT', () => {
    expect(claimsOf(token('{"sub":"u","role":"admin"}'))).to.deep.equal({ sub: 'u', role: 'admin' })
    for (const other of others) expect(claimsOf(other), other).to.deep.equal({})
  })
})

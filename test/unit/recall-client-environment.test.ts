import { mock } from 'node:test'
import { expect } from 'chai'
import { createRecallClient } from '../../shared/client.ts'
import { isOffline, listenToEnvironment } from '../../shared/client/environment.ts'
import { Reconnection } from '../../shared/client/reconnection.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { freePort } from '../support/free-port.ts'
import { waitUntil } from '../support/wait.ts'

/** An EventTarget that counts its listeners. */
class Source extends EventTarget {
  listeners = 0
  visibilityState = 'hidden'
  override addEventListener = (...args: Parameters<EventTarget['addEventListener']>): void => {
    this.listeners++
    EventTarget.prototype.addEventListener.apply(this, args)
  }
  override removeEventListener = (...args: Parameters<EventTarget['removeEventListener']>): void => {
    this.listeners--
    EventTarget.prototype.removeEventListener.apply(this, args)
  }
  tell = (name: string, properties: object = {}): void =>
    void this.dispatchEvent(Object.assign(new Event(name), properties))
}

describe('the environment of a client', () => {
  const onCleanUp = cleanUpAfterEach()
  const { random } = Math
  afterEach(() => {
    Math.random = random
  })

  /** Stands in for a page or a worker, until the end of the test. */
  const standIn = (parts: Record<string, unknown>): void => {
    for (const [name, value] of Object.entries(parts)) {
      const before = Object.getOwnPropertyDescriptor(globalThis, name)
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
      onCleanUp(() =>
        before === undefined
          ? Reflect.deleteProperty(globalThis, name)
          : Object.defineProperty(globalThis, name, before),
      )
    }
  }
  const openPage = () => {
    const [page, document] = [new Source(), new Source()]
    const { addEventListener, removeEventListener } = page
    standIn({ addEventListener, removeEventListener, document, navigator: { onLine: false } })
    return { page, document }
  }

  it('hints that it is worth a look, and tells what the policy of the page forbids', () => {
    const { page, document } = openPage()
    const told: string[] = []
    const stop = listenToEnvironment({ onHint: () => told.push('hint'), onBlocked: (uri) => told.push(uri) })
    for (const name of ['online', 'offline', 'pageshow']) page.tell(name)
    document.tell('visibilitychange')
    expect(told).to.have.length(3)
    document.visibilityState = 'visible'
    document.tell('visibilitychange')
    document.tell('resume')
    expect(told.splice(0)).to.have.length(5)
    const blocked = {
      blockedURI: 'ws://r.example',
      disposition: 'enforce',
      effectiveDirective: 'connect-src',
    }
    page.tell('securitypolicyviolation', { ...blocked, disposition: 'report' })
    page.tell('securitypolicyviolation', { ...blocked, effectiveDirective: 'img-src' })
    page.tell('securitypolicyviolation', blocked)
    expect(told).to.deep.equal(['ws://r.example'])
    expect([page.listeners, document.listeners, isOffline()]).to.deep.equal([4, 2, true])
    stop()
    expect([page.listeners, document.listeners]).to.deep.equal([0, 0])
  })

  it('may have no events, a document without any, or nothing at all', () => {
    const ignore = { onHint: () => undefined, onBlocked: () => undefined }
    listenToEnvironment(ignore)()
    standIn({ document: {}, navigator: undefined })
    listenToEnvironment(ignore)()
    expect(isOffline()).to.equal(false)
  })

  it('brings the next attempt forward, not more than once a second, until the client is closed', async () => {
    const { page, document } = openPage()
    Math.random = () => 0.9
    const client = createRecallClient({ url: `http://127.0.0.1:${await freePort()}`, auth: { token: 'x' } })
    onCleanUp(() => client.close())
    const attempts: number[] = []
    client.on(
      'state',
      ({ retryAtMs, kind }) => kind === 'offline' && retryAtMs === undefined && attempts.push(Date.now()),
    )
    // Then it waits for 3.6 s or more.
    await waitUntil('it has tried again twice', () => attempts.length === 2 && client.state.retryAtMs)
    for (let i = 0; i < 5; i++) page.tell('online')
    await waitUntil('it tries again', () => attempts.length === 3, 1_500)
    const [, second = 0, third = 0] = attempts
    expect(third - second).to.be.at.least(950)
    client.close()
    expect([page.listeners, document.listeners]).to.deep.equal([0, 0])
  })

  it('brings an attempt forward whose time has passed while the device slept, and its timer with it', () => {
    const { now } = Date
    mock.timers.enable({ apis: ['setTimeout'] })
    onCleanUp(() => {
      Date.now = now
      mock.timers.reset()
    })
    for (const askedToWaitMs of [undefined, 20_000]) {
      let attempts = 0
      const noop = (): void => undefined
      const reconnection = new Reconnection({ connect: () => attempts++, onError: noop, onChange: noop })
      Date.now = now
      Math.random = () => 0.9
      reconnection.onAttempt()
      for (let i = 0; i < 5; i++)
        reconnection.fail({ code: 'NO_ANSWER', reason: '' }, undefined, askedToWaitMs)
      const asleepMs = now() + 3_600_000
      Date.now = () => asleepMs
      reconnection.hurry()
      mock.timers.tick(1)
      expect(attempts, String(askedToWaitMs)).to.equal(1)
      reconnection.reset()
    }
  })
})

import { mock } from 'node:test'
import { expect } from 'chai'
import { ListenerQueue } from '../../shared/client/listener-queue.ts'
import type { Item } from '../../shared/client/listener-queue.ts'
import { noticeAt } from '../support/fake-gateway.ts'

describe('what waits for a listener of the client', () => {
  let nowMs = 0
  beforeEach(() => {
    nowMs = 0
    mock.timers.enable({ apis: ['setTimeout'] })
    mock.method(performance, 'now', () => nowMs)
  })
  afterEach(() => {
    mock.timers.reset()
    mock.restoreAll()
  })
  const pass = (ms: number): void => {
    nowMs += ms
    mock.timers.tick(ms)
  }
  const item = (offset: number): Item => ({ position: { epoch: 'e', offset }, notice: noticeAt(offset) })

  it('is late once it has waited for a second, whenever the one before it was handled', () => {
    let told = 0
    const queue = new ListenerQueue(() => told++)
    const push = (offset: number): void => {
      queue.push([item(offset)])
      queue.watch()
    }
    const shift = (): void => {
      queue.shift()
      queue.watch()
    }
    push(1)
    pass(100)
    push(2)
    pass(800)
    shift()
    pass(199)
    expect([queue.isLate, told]).to.deep.equal([false, 0])
    pass(1)
    expect([queue.isLate, told]).to.deep.equal([true, 1])
    push(3)
    shift()
    expect(queue.isLate).to.equal(true)
    shift()
    expect([queue.isLate, queue.reason]).to.deep.equal([false, undefined])
  })
})

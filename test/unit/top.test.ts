import type { Request, Response } from 'express'
import { expect } from 'chai'
import { createTop } from '../../server/api/top.ts'
import type { StoredEntry } from '../../server/broker/log-reading.ts'
import type { TopResponse } from '../../shared/http-api/top.ts'

const HOUR_MS = 3_600_000

interface Kept {
  /** How long ago, in ms. */
  readonly keptMs: number
  readonly receivedMs?: number
  readonly group?: string
  readonly isUnreadable?: boolean
}

/** Asks for the last hour of a feed, whose entries are given from the oldest to the newest. `first`: the offset of the oldest. */
async function topOf(kept: readonly Kept[], first = 1): Promise<TopResponse> {
  const nowMs = Date.now()
  const log = kept.map(
    ({ keptMs, receivedMs = keptMs, group = 'g', isUnreadable = false }, i): StoredEntry => {
      const offset = first + i
      const times = { recalledAtMs: nowMs - receivedMs, receivedAtMs: nowMs - receivedMs }
      return {
        offset,
        text: '',
        subset: '',
        notice: isUnreadable ? null : { group, operator: 'alice', messages: [{ seq: 1 }], ...times, offset },
        link: { link: '', keptAtMs: nowMs - keptMs },
      }
    },
  )
  const top = createTop({
    broker: {
      entries: async (_room, after, limit) => ({
        head: { epoch: 'e', offset: first + log.length - 1 },
        entries: log.filter(({ offset }) => offset > after).slice(0, limit),
      }),
    },
    inTurn: async (_response, _room, work) => await work(),
  })
  return await new Promise((resolve, reject) => {
    const request = { originalUrl: '/v1/top?forS=3600' } as Request
    const response = { locals: { charge: async () => undefined }, json: resolve } as unknown as Response
    Promise.resolve(top(request, response, reject)).catch(reject)
  })
}

const many = (count: number, one: Kept): Kept[] => Array.from({ length: count }, () => one)

describe('where most was recalled', () => {
  it('is counted on behind a burst of recalls that had waited in a spool', async () => {
    const burst = many(1_500, { keptMs: 1_000, receivedMs: 2 * HOUR_MS, group: 'late' })
    const top = await topOf([{ keptMs: 2 * HOUR_MS }, ...many(5, { keptMs: 5_000 }), ...burst])
    expect(top.groups).to.deep.equal([{ group: 'g', recalls: 5, messages: 5 }])
    expect(top).to.include({ complete: true })
  })

  it('is not complete if entries cannot be read, and is counted on behind them', async () => {
    const unreadable = many(1_500, { keptMs: 1_000, isUnreadable: true })
    const top = await topOf([{ keptMs: 2 * HOUR_MS }, ...many(5, { keptMs: 5_000 }), ...unreadable])
    expect(top).to.deep.include({
      complete: false,
      groups: [{ group: 'g', recalls: 5, messages: 5 }],
    })
    expect(top.searched.unreadable).to.equal(1_500)
    // The search may have read a little more than the hour.
    expect(top.searched.entries).to.be.within(1_505, 1_506)
  })

  it('is not complete if the feed does not reach back so far, or is longer than what is looked at', async () => {
    expect(await topOf(many(5, { keptMs: 5_000 }), 100)).to.include({ complete: false })
    const long = await topOf([{ keptMs: 2 * HOUR_MS }, ...many(10_500, { keptMs: 5_000 })])
    expect(long).to.include({ complete: false })
    expect(long.groups[0]?.recalls).to.equal(10_000)
    expect(await topOf([])).to.deep.include({ complete: true, groups: [], keptSinceMs: null })
  })
})

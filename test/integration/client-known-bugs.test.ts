import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { createRecallClient, memoryPositions, RequestRefused, storedPositions } from '../../shared/client.ts'
import type { ClientEvents, Position, PositionStore, RecallClient } from '../../shared/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { readMetric } from '../support/read-metric.ts'
import { isLive } from '../support/recall-client.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const ROUND_TRIP_MS = 150

type Listener = Parameters<RecallClient['subscribe']>[1]

interface Options {
  readonly url?: string
  readonly getToken?: () => string | Promise<string>
  readonly positions?: PositionStore
}

/** Bugs that clients of other services have had, each tried on this one from outside. */
describe('bugs that other clients have had', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: GatewayProcess
  let groups = 0
  let group = ''
  let room = { group: '' }

  before(async () => {
    gateway = await startGatewayProcess({ MAX_SOCKETS_PER_ADDRESS: '1000' })
  })
  after(() => gateway.stop())
  beforeEach(() => {
    group = `group-${groups++}`
    room = { group }
  })

  const startProxy = async () => {
    const proxy = await startTcpProxy(gateway.port)
    onCleanUp(proxy.stop)
    return { ...proxy, url: `http://127.0.0.1:${proxy.port}` }
  }
  const open = (options: Options = {}): RecallClient => {
    const client = createRecallClient({ url: gateway.url, getToken: adminToken, ...options })
    client.on('error', () => undefined)
    onCleanUp(() => client.close())
    return client
  }
  const recall = async (...seqs: number[]) => {
    for (const seq of seqs) {
      const body = recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: seq }] })
      expect((await postWebhook(gateway.url, { body })).status).to.equal(200)
    }
  }
  const events = <Name extends keyof ClientEvents>(client: RecallClient, name: Name) => {
    const emitted: ClientEvents[Name][] = []
    client.on(name, (value) => void emitted.push(value))
    return emitted
  }
  /** Records what a listener is told, before it does something else. */
  const recording = (seqs: number[], behave: (seq: number) => unknown = () => undefined): Listener => {
    return ({ messages }) => {
      const seq = messages[0]?.seq ?? 0
      seqs.push(seq)
      return behave(seq)
    }
  }
  const received = (seqs: readonly number[], ...expected: number[]) =>
    waitUntil(`${expected.join()} instead of ${seqs.join()}`, () =>
      expected.every((seq) => seqs.includes(seq)),
    )
  /** The position in the room now, as a store keeps it. */
  const positionNow = async (): Promise<Position> => {
    const client = open()
    const subscription = client.subscribe(room, () => undefined)
    const position = await waitUntil('there is a position', () => subscription.position)
    client.close()
    return position
  }
  /** A store that holds the position before these recalls. */
  const storedBefore = async (...seqs: number[]) => {
    const positions = memoryPositions()
    positions.save(`group:${group}`, await positionNow())
    await recall(...seqs)
    return positions
  }

  describe('positions', () => {
    it('a position that moved before its handler had run', async () => {
      const positions = await storedBefore(1, 2)
      const first: number[] = []
      const client = open({ positions })
      client.subscribe(
        room,
        recording(first, (seq) => (seq === 2 ? new Promise(() => undefined) : undefined)),
      )
      await received(first, 1, 2)
      client.close()
      const second: number[] = []
      const next = open({ positions })
      next.subscribe(room, recording(second))
      await received(second, 2)
      await isLive(next)
      expect(second).to.deep.equal([2])
    })

    it('a position that moved although its handler threw until the end', async () => {
      const positions = await storedBefore(1, 2, 3)
      const first: number[] = []
      const client = open({ positions })
      client.subscribe(
        room,
        recording(first, () => {
          throw new Error('a handler throws')
        }),
      )
      await received(first, 1)
      client.close()
      const second: number[] = []
      open({ positions }).subscribe(room, recording(second))
      await received(second, 1, 2, 3)
      expect(second).to.deep.equal([1, 2, 3])
    })

    it('an old handler that ends late and moves the position back', async () => {
      const positions = await storedBefore(1, 2, 3)
      let finish = (): void => undefined
      const client = open({ positions })
      const slow: number[] = []
      const subscription = client.subscribe(
        room,
        recording(slow, () => new Promise<void>((resolve) => (finish = resolve))),
      )
      await received(slow, 1)
      subscription.leave()
      const second: number[] = []
      client.subscribe(room, recording(second))
      await received(second, 3)
      finish()
      await delay(50)
      client.close()
      const third: number[] = []
      const next = open({ positions })
      next.subscribe(room, recording(third))
      await isLive(next)
      expect(third).to.be.empty
    })

    const spoiled: readonly [string, string][] = [
      ['an epoch without its offset', '{"epoch":"abc"}'],
      ['an offset without its epoch', '{"offset":5}'],
      ['torn text', '{"epoch":"ab'],
      ['an offset below zero', '{"epoch":"abc","offset":-1}'],
      ['an offset that is no whole number', '{"epoch":"abc","offset":1.5}'],
      ['an empty epoch', '{"epoch":"","offset":1}'],
      ['a very long epoch', JSON.stringify({ epoch: 'x'.repeat(5_000), offset: 1 })],
      ['a list', '[1]'],
      ['an empty text', ''],
    ]
    for (const [what, text] of spoiled) {
      it(`a stored position that is ${what}`, async () => {
        const texts = new Map([[`recall-gateway:group:${group}`, text]])
        const storage = {
          getItem: (key: string) => texts.get(key) ?? null,
          setItem: (key: string, value: string) => void texts.set(key, value),
        }
        const client = open({ positions: storedPositions(storage) })
        const gaps = events(client, 'gap')
        const seqs: number[] = []
        client.subscribe(room, recording(seqs))
        await isLive(client)
        expect(gaps).to.have.lengthOf(1)
        await recall(1)
        await received(seqs, 1)
        client.close()
        const next = open({ positions: storedPositions(storage) })
        const more = events(next, 'gap')
        next.subscribe(room, recording(seqs))
        await isLive(next)
        expect(more).to.be.empty
        expect(seqs).to.deep.equal([1])
      })
    }

    it('a gap that is forgotten before its handler has returned', async () => {
      const positions = memoryPositions()
      positions.save(`group:${group}`, { epoch: 'another', offset: 7 })
      await recall(1)
      const client = open({ positions })
      let told = 0
      client.on('gap', () => {
        told++
        return Promise.reject(new Error('the reload fails'))
      })
      client.subscribe(room, () => undefined)
      await waitUntil('the gap is told', () => told > 0)
      expect(client.state.kind).to.not.equal('live')
      client.close()
      const next = open({ positions })
      const gaps = events(next, 'gap')
      next.subscribe(room, () => undefined)
      await isLive(next)
      expect(gaps).to.have.lengthOf(1)
    })
  })

  describe('handlers that act on their subscription', () => {
    it('a notice that is told twice after its handler has subscribed again', async () => {
      const client = open()
      const seqs: number[] = []
      const subscribe = (): void => {
        const subscription = client.subscribe(
          room,
          recording(seqs, (seq) => {
            if (seq !== 1) return
            subscription.leave()
            subscribe()
          }),
        )
      }
      subscribe()
      await isLive(client)
      await recall(1, 2)
      await received(seqs, 1, 2)
      await isLive(client)
      expect(seqs).to.deep.equal([1, 2])
    })

    it('a second handler, added by the first one, that is told the same notice', async () => {
      const client = open()
      const [first, second]: [number[], number[]] = [[], []]
      client.subscribe(
        room,
        recording(first, (seq) => {
          if (seq === 1) client.subscribe(room, recording(second))
        }),
      )
      await isLive(client)
      await recall(1, 2)
      await received(second, 2)
      expect([first, second]).to.deep.equal([[1, 2], [2]])
    })

    for (const [how, isAsync] of [
      ['at once', false],
      ['before it is done', true],
    ] as const) {
      it(`the rest of a replay that is lost when a handler leaves ${how}`, async () => {
        const positions = await storedBefore(1, 2, 3, 4, 5)
        const client = open({ positions })
        const first: number[] = []
        const subscription = client.subscribe(
          room,
          recording(first, async (): Promise<void> => {
            subscription.leave()
            if (isAsync) await delay(20)
          }),
        )
        await received(first, 1)
        await delay(50)
        expect(first).to.deep.equal([1])
        const second: number[] = []
        client.subscribe(room, recording(second))
        await received(second, 2, 3, 4, 5)
        expect(second.filter((seq) => seq !== 1)).to.deep.equal([2, 3, 4, 5])
      })

      it(`the rest of a replay that is lost when a handler closes the client ${how}`, async () => {
        const positions = await storedBefore(1, 2, 3, 4, 5)
        const client = open({ positions })
        const first: number[] = []
        client.subscribe(
          room,
          recording(first, () => {
            client.close()
            return isAsync ? delay(20) : undefined
          }),
        )
        await received(first, 1)
        await delay(50)
        expect(first).to.deep.equal([1])
        const second: number[] = []
        open({ positions }).subscribe(room, recording(second))
        await received(second, 2, 3, 4, 5)
        expect(second.filter((seq) => seq !== 1)).to.deep.equal([2, 3, 4, 5])
      })
    }

    it('handlers that starve because another one throws or never ends', async () => {
      const client = open()
      const [thrown, good, stuck]: [number[], number[], number[]] = [[], [], []]
      client.subscribe(
        room,
        recording(thrown, () => {
          throw new Error('always')
        }),
      )
      client.subscribe(
        room,
        recording(stuck, () => new Promise(() => undefined)),
      )
      client.subscribe(room, recording(good))
      await isLive(client)
      await recall(1, 2, 3, 4)
      await received(good, 1, 2, 3, 4)
      expect(good).to.deep.equal([1, 2, 3, 4])
      expect(stuck).to.deep.equal([1])
      await waitUntil('it says that it is behind', () => client.state.kind === 'catching-up')
    })
  })

  describe('answers that are late', () => {
    it('an answer to an earlier subscribe that is taken for that to a newer one', async () => {
      const since = await positionNow()
      await recall(1, 2)
      const proxy = await startProxy()
      const client = open({ url: proxy.url })
      client.subscribe({ group: `${group}-other` }, () => undefined)
      await isLive(client)
      proxy.delay(ROUND_TRIP_MS / 2)
      const [first, second]: [number[], number[]] = [[], []]
      // As React's strict mode does: mounted, unmounted and mounted in one turn.
      client.subscribe(room, recording(first)).leave()
      client.subscribe(room, recording(second), { since })
      await received(second, 1, 2)
      await isLive(client)
      await recall(3)
      await received(second, 3)
      expect([first, second]).to.deep.equal([[], [1, 2, 3]])
    })

    it('subscribe, leave, subscribe while the first answer is pending', async () => {
      const proxy = await startProxy()
      const client = open({ url: proxy.url })
      client.subscribe({ group: `${group}-other` }, () => undefined)
      await isLive(client)
      proxy.delay(ROUND_TRIP_MS / 2)
      const [first, second]: [number[], number[]] = [[], []]
      const subscription = client.subscribe(room, recording(first))
      await delay(ROUND_TRIP_MS / 3)
      subscription.leave()
      await delay(ROUND_TRIP_MS / 3)
      client.subscribe(room, recording(second))
      await isLive(client)
      const gaps = events(client, 'gap')
      await recall(1, 2)
      await received(second, 1, 2)
      expect([first, second, gaps]).to.deep.equal([[], [1, 2], []])
    })

    it('a room that stays subscribed because it was left before the answer', async () => {
      const proxy = await startProxy()
      const client = open({ url: proxy.url })
      client.subscribe({ group: `${group}-other` }, () => undefined)
      await isLive(client)
      const rooms = await readMetric(gateway.url, 'rooms')
      proxy.delay(ROUND_TRIP_MS / 2)
      const seqs: number[] = []
      client.subscribe(room, recording(seqs)).leave()
      await delay(2 * ROUND_TRIP_MS)
      await recall(1)
      await waitUntil(
        'the node has closed the room',
        async () => (await readMetric(gateway.url, 'rooms')) <= rooms,
      )
      expect(seqs).to.be.empty
    })

    it('recovered notices that are told after the handler has left, or after the client was closed', async () => {
      const proxy = await startProxy()
      const positions = await storedBefore(1, 2, 3)
      const client = open({ url: proxy.url, positions })
      client.subscribe({ group: `${group}-other` }, () => undefined)
      await isLive(client)
      proxy.delay(ROUND_TRIP_MS / 2)
      const [first, second, third]: [number[], number[], number[]] = [[], [], []]
      const subscription = client.subscribe(room, recording(first))
      await delay(ROUND_TRIP_MS / 2)
      subscription.leave()
      await delay(ROUND_TRIP_MS)
      client.subscribe(room, recording(second))
      await delay(ROUND_TRIP_MS / 2)
      client.close()
      open({ positions }).subscribe(room, recording(third))
      await received(third, 1, 2, 3)
      await delay(ROUND_TRIP_MS)
      expect([first, second, third]).to.deep.equal([[], [], [1, 2, 3]])
    })

    it('waiters that stay behind after a request without an answer', async () => {
      const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
      const proxy = await startProxy()
      const before = timers()
      const client = open({ url: proxy.url })
      client.subscribe(room, () => undefined)
      await isLive(client)
      proxy.swallow()
      const asked = Array.from({ length: 20 }, (_, seq) =>
        client.isRecalled(room, seq).catch((error: unknown) => error),
      )
      await delay(50)
      client.close()
      for (const error of await Promise.all(asked)) expect(error).to.be.instanceOf(RequestRefused)
      await waitUntil('no timer is left', () => timers() <= before)
    })
  })

  describe('credentials', () => {
    it('a token that ends while the client is offline', async () => {
      const proxy = await startProxy()
      let tokens = 0
      const client = open({
        url: proxy.url,
        getToken: () => makeToken({ role: 'admin', ttlS: tokens++ === 0 ? 2 : 600 }),
      })
      const seqs: number[] = []
      client.subscribe(room, recording(seqs))
      await isLive(client)
      await proxy.setNewcomers('refuse')
      proxy.cut()
      await delay(2_100)
      await recall(1)
      await proxy.setNewcomers('forward')
      await received(seqs, 1)
      await isLive(client)
      expect(seqs).to.deep.equal([1])
    })

    it('a refresh that begins on one connection and is sent on the next', async () => {
      const proxy = await startProxy()
      let tokens = 0
      let finish: (token: string) => void = () => undefined
      const client = open({
        url: proxy.url,
        getToken: () => {
          tokens++
          if (tokens === 1) return makeToken({ role: 'admin', ttlS: 10 })
          return tokens === 2 ? new Promise<string>((resolve) => (finish = resolve)) : adminToken()
        },
      })
      const goodbyes = events(client, 'goodbye')
      client.subscribe(room, () => undefined)
      await isLive(client)
      await waitUntil('it asks for another token', () => tokens === 2)
      proxy.cut()
      await waitUntil('it asks anew for the next connection', () => tokens === 3)
      await isLive(client)
      // Ends soon. If it was used, the node would say goodbye.
      finish(await makeToken({ role: 'admin', ttlS: 2 }))
      await delay(2_500)
      expect([goodbyes, client.state.kind, tokens]).to.deep.equal([[], 'live', 3])
    })

    const rubbish: readonly [string, unknown][] = [
      ['empty', ''],
      ['undefined', undefined],
      ['an object', { token: 'x' }],
      ['with its scheme', 'Bearer x.y.z'],
      ['the page of a log-in', '<!doctype html><title>Log in</title>'],
    ]
    for (const [what, token] of rubbish) {
      it(`a token that is ${what} and ends the client`, async () => {
        let tokens = 0
        const client = open({ getToken: () => (tokens++ === 0 ? (token as string) : adminToken()) })
        const errors = events(client, 'error')
        client.subscribe(room, () => undefined)
        await isLive(client)
        expect(errors).to.have.lengthOf(1)
      })
    }
  })

  describe('states', () => {
    it('a state after close, and a subscription that never works', async () => {
      const client = open()
      client.subscribe(room, () => undefined)
      await isLive(client)
      const states = events(client, 'state')
      client.close()
      await delay(50)
      expect(states.map(({ kind }) => kind)).to.deep.equal(['closed'])
      expect(client.state.kind).to.equal('closed')
      expect(() => client.subscribe(room, () => undefined)).to.throw(/closed/)
    })

    it('a state that changes with each notice', async () => {
      const client = open()
      const seqs: number[] = []
      client.subscribe(room, recording(seqs))
      await isLive(client)
      const states = events(client, 'state')
      await recall(1, 2, 3)
      await received(seqs, 1, 2, 3)
      expect(states).to.be.empty
    })

    it('live, although every room was refused', async () => {
      const client = open({ getToken: () => makeToken() })
      const refused = events(client, 'refused')
      client.subscribe(room, () => undefined)
      await waitUntil('the room is refused', () => refused.length > 0)
      await delay(20)
      expect(client.state.kind).to.not.equal('live')
    })

    it('notices that only one of two clients on one store is told', async () => {
      const positions = await storedBefore()
      const [fast, slow]: [number[], number[]] = [[], []]
      const [one, other] = [open({ positions }), open({ positions })]
      one.subscribe(room, recording(fast))
      other.subscribe(
        room,
        recording(slow, () => delay(20)),
      )
      await isLive(one)
      await isLive(other)
      await recall(1, 2, 3, 4)
      await received(fast, 1, 2, 3, 4)
      await received(slow, 1, 2, 3, 4)
      expect(slow).to.deep.equal([1, 2, 3, 4])
    })
  })
})

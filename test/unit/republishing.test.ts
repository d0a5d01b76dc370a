import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { pino } from 'pino'
import type { Recall } from '../../shared/recall.ts'
import type { Room } from '../../shared/room.ts'
import { FEED, roomName } from '../../shared/room.ts'
import { RefusedError } from '../../server/broker/errors.ts'
import type { Published } from '../../server/broker/broker.ts'
import type { RecoverableBroker } from '../../server/broker/recoverable-broker.ts'
import { openCopies } from '../../server/broker/spooling/copies.ts'
import type { Copies } from '../../server/broker/spooling/copies.ts'
import type { RecallCopy } from '../../server/broker/spooling/copy-lines.ts'
import { Refusals } from '../../server/broker/spooling/refusals.ts'
import { createRepublishing } from '../../server/broker/spooling/republishing.ts'
import { GatewayError } from '../../shared/errors.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

const log = pino({ level: 'silent' })
const recallOf = (seq: number, topic?: string): Recall => ({
  group: 'g',
  ...(topic !== undefined && { topic }),
  messages: [{ seq }],
  recalledAtMs: seq,
  receivedAtMs: seq,
})
const seqOf = ({ messages: [message] }: Recall): number => message?.seq ?? 0

describe('what the broker may have lost', () => {
  const onCleanUp = cleanUpAfterEach()
  const { random } = Math
  beforeEach(() => {
    // Retries without much delay.
    Math.random = () => random() / 50
    onCleanUp(() => void (Math.random = random))
  })
  const open = (dataDir: string): Copies => {
    const copies = openCopies({ dataDir }, { log })
    onCleanUp(copies.close)
    return copies
  }
  const folder = (): string => {
    const { path, remove } = temporaryFolder()
    onCleanUp(remove)
    return path
  }

  /** A broker that has lost everything, and notes what it is asked. */
  const brokerThat = (publish: (recall: Recall) => void = () => undefined) => {
    const has = new Set<number>()
    const newEpochs: string[] = []
    const ended: string[] = []
    let number = 1
    const broker = {
      lacks: async (recall: Recall) => !has.has(seqOf(recall)),
      publishedHeads: async (rooms: readonly Room[]) => rooms.map(() => ({ epoch: `e${number}`, offset: 9 })),
      async newEpoch(room: Room, epoch: string, agreesUntil?: number) {
        newEpochs.push(`${roomName(room)} ${epoch} ${agreesUntil}`)
        if (epoch === `e${number}`) number++
      },
      async endGroup(group: string): Promise<void> {
        ended.push(group)
      },
      async publish(recall: Recall): Promise<Published> {
        publish(recall)
        if (has.has(seqOf(recall))) return { duplicate: true, positions: [] }
        has.add(seqOf(recall))
        const position = { epoch: `e${number}`, offset: 10 + has.size }
        return { duplicate: false, positions: [{ room: FEED, position }] }
      },
    } satisfies Partial<RecoverableBroker>
    return { broker, has, newEpochs, ended, goBackTo: (epoch: number) => void (number = epoch) }
  }

  const republish = (
    broker: ReturnType<typeof brokerThat>['broker'],
    copies: Copies,
    initialWindow = 1_000,
  ) => {
    const setAside: number[] = []
    let stored = 0
    const republishing = createRepublishing(
      { initialWindow },
      {
        broker,
        copies,
        stored: () => stored,
        sending: () => ({ confirmed: () => undefined }),
        onRecovered: () => undefined,
        setAside: async ({ recall }) => void setAside.push(recall === undefined ? 0 : seqOf(recall)),
        log,
      },
    )
    onCleanUp(republishing.stop)
    republishing.wake()
    return { republishing, setAside, storesAnother: () => void stored++ }
  }

  it('is published again but for the one that the broker refuses each time after it has stored another', async () => {
    const copies = open(folder())
    for (const seq of [1, 2, 3]) void copies.add({ recall: recallOf(seq), confirmed: [] })
    void copies.add({ ended: 'h', atMs: 1 })
    await copies.lose(undefined, 0)
    let tries = 0
    const { broker, has, ended } = brokerThat((recall) => {
      if (seqOf(recall) !== 2) return
      tries++
      storesAnother()
      throw new RefusedError(new Error('NOPERM'))
    })
    const { setAside, storesAnother } = republish(broker, copies)
    await waitUntil('nothing is lost any more', () => copies.lost().length === 0)
    expect(ended).to.deep.equal(['h'])
    expect([...has]).to.deep.equal([1, 3])
    expect(setAside).to.deep.equal([2])
    expect(tries).to.be.above(5)
  })

  it('is refused in particular only after another recall was stored, which is none that was there', () => {
    const refusals = new Refusals()
    let nowMs = 0
    const refuse = (stored: number): boolean => refusals.refused(1, 0, stored, nowMs)
    for (let i = 0; i < 20; i++) expect(refuse(7)).to.equal(false)
    expect(refusals.isDue(1, 0, nowMs)).to.equal(false)
    expect(refusals.isDue(1, 1, nowMs)).to.equal(true)
    nowMs = 30_000
    expect(refusals.isDue(1, 0, nowMs)).to.equal(true)
    expect([8, 9, 10, 11, 11, 12].map(refuse)).to.deep.equal([false, false, false, false, false, true])
    refusals.remove(1, 0)
    expect(refusals.has(1)).to.equal(false)
    expect(refuse(99)).to.equal(false)
  })

  it('is given up also if so many are refused that no other is tried apart, which makes room for the next one', () => {
    const refusals = new Refusals(1)
    expect(refusals.takes(1, 0)).to.equal(true)
    refusals.refused(1, 0, 0, 0)
    expect(refusals.takes(1, 1)).to.equal(false)
    expect(refusals.takes(1, 0)).to.equal(true)
    refusals.remove(1, 0)
    expect(refusals.takes(1, 1)).to.equal(true)
  })

  it('is not given up because the broker is unavailable, whatever it stores in between', async () => {
    const copies = open(folder())
    for (const seq of [1, 2, 3]) void copies.add({ recall: recallOf(seq), confirmed: [] })
    await copies.lose(undefined, 0)
    let tries = 0
    const { broker, has } = brokerThat(() => {
      storesAnother()
      if (tries++ < 30) throw new GatewayError('BROKER_UNAVAILABLE', 'OOM')
    })
    const { setAside, storesAnother } = republish(broker, copies)
    await waitUntil('nothing is lost any more', () => copies.lost().length === 0)
    expect([...has]).to.have.members([1, 2, 3])
    expect(setAside).to.deep.equal([])
  })

  it('makes its logs part where the first of them was, in one call for each log', async () => {
    const copies = open(folder())
    const at = (...offsets: number[]) => [offsets.map((offset) => ({ epoch: 'e1', offset }))]
    void copies.add({ recall: recallOf(1), confirmed: at(3, 5) })
    void copies.add({ recall: recallOf(2, 't'), confirmed: at(1, 2, 4) })
    void copies.add({ recall: recallOf(3), confirmed: at(4, 6) })
    await copies.lose(undefined, 0)
    const { broker, newEpochs } = brokerThat()
    republish(broker, copies)
    await waitUntil('nothing is lost any more', () => copies.lost().length === 0)
    expect(newEpochs.filter((call) => call.startsWith(`${roomName(FEED)} `))).to.deep.equal([
      `${roomName(FEED)} e1 3`,
    ])
  })

  it('gets another epoch, whatever the log has, if it was a repeat or its process was killed meanwhile', async () => {
    for (const confirmed of [[[]], [[{ epoch: 'e0', offset: 1 }]]]) {
      const dataDir = folder()
      const first = open(dataDir)
      void first.add({ recall: recallOf(1), confirmed })
      await first.lose(undefined, 0)
      await first.close()
      const copies = open(dataDir)
      const { broker, newEpochs } = brokerThat()
      republish(broker, copies)
      await waitUntil('nothing is lost any more', () => copies.lost().length === 0)
      expect(newEpochs).to.include(`${roomName({ group: 'g' })} e1 0`)
    }
  })

  it('gets another epoch, whatever the log has, if the answer was lost while it was published again', async () => {
    const copies = open(folder())
    void copies.add({ recall: recallOf(1), confirmed: [[{ epoch: 'e0', offset: 1 }]] })
    await copies.lose(undefined, 0)
    let failures = 1
    const { broker, newEpochs } = brokerThat(() => {
      if (failures-- > 0) throw new GatewayError('BROKER_UNAVAILABLE', 'timeout')
    })
    republish(broker, copies)
    await waitUntil('nothing is lost any more', () => copies.lost().length === 0)
    expect(newEpochs).to.include(`${roomName({ group: 'g' })} e1 0`)
  })

  it('gets another epoch with the next loss too, because an answer that was lost may have been of any', async () => {
    const dataDir = folder()
    const first = open(dataDir)
    void first.add({ recall: recallOf(1), confirmed: [[{ epoch: 'e0', offset: 1 }]] })
    await first.lose(undefined, 0)
    await first.close()
    const copies = open(dataDir)
    const { broker, newEpochs, has, goBackTo } = brokerThat()
    const { republishing } = republish(broker, copies)
    await waitUntil('nothing is lost any more', () => copies.lost().length === 0)
    has.clear()
    goBackTo(77)
    copies.advance()
    await copies.lose(undefined, 0)
    republishing.wake()
    await waitUntil('nothing is lost again', () => copies.lost().length === 0)
    expect(newEpochs).to.include(`${roomName({ group: 'g' })} e77 0`)
  })

  it('gets another epoch if one returned while it was published again, also if another loss is found meanwhile', async () => {
    const copies = open(folder())
    void copies.add({ recall: recallOf(1), confirmed: [[]] })
    await copies.lose(undefined, 0)
    const { broker, newEpochs, goBackTo } = brokerThat()
    let isSent = false
    let reply: () => void = () => undefined
    const replied = new Promise<void>((resolve) => (reply = resolve))
    const slow = {
      ...broker,
      async publish(recall: Recall) {
        isSent = true
        await replied
        return await broker.publish(recall)
      },
    }
    const { republishing } = republish(slow, copies)
    await waitUntil('it is sent', () => isSent)
    republishing.wake()
    goBackTo(1)
    reply()
    await waitUntil('the epoch that returned is replaced', () =>
      newEpochs.includes(`${roomName(FEED)} e1 10`),
    )
  })

  it('keeps the positions of each that was stored again, also if others were not', async () => {
    const copies = open(folder())
    for (const seq of [1, 2]) void copies.add({ recall: recallOf(seq), confirmed: [] })
    await copies.lose(undefined, 0)
    const { broker, has } = brokerThat((recall) => {
      if (seqOf(recall) === 2) throw new GatewayError('BROKER_UNAVAILABLE', 'timeout')
    })
    const { republishing } = republish(broker, copies)
    await waitUntil('one is stored', () => has.has(1))
    await republishing.stop()
    copies.advance()
    await copies.lose(undefined, 0)
    const kept = copies.lost().flatMap((batch) => copies.read(batch).map(({ copy }) => copy as RecallCopy))
    expect(kept.map(({ recall }) => seqOf(recall))).to.deep.equal([2, 1])
    expect(kept[1]?.confirmed.flat().map(({ offset }) => offset)).to.deep.equal([11])
  })

  it('is looked through for ends of groups in many turns, and once', async () => {
    const copies = open(folder())
    const batches = 50
    for (let i = 0; i < batches; i++) {
      copies.advance()
      void copies.add({ ended: `h${i}`, atMs: i })
      void copies.add({ recall: recallOf(i + 1), confirmed: [] })
    }
    await copies.lose(undefined, 0)
    let reads = 0
    const counted: Copies = {
      ...copies,
      read(batch) {
        reads++
        return copies.read(batch)
      },
    }
    const { broker, ended } = brokerThat(() => {
      throw new GatewayError('BROKER_UNAVAILABLE', 'timeout')
    })
    let [isEnded, turns, failed] = [false, 0, 0]
    const first = {
      ...broker,
      async lacks(recall: Recall) {
        failed++
        return await broker.lacks(recall)
      },
      async endGroup(group: string) {
        isEnded = true
        await broker.endGroup(group)
      },
    }
    republish(first, counted)
    while (!isEnded) {
      await turn()
      turns++
    }
    expect(turns).to.be.above(batches / 2)
    await waitUntil('it was tried three times', () => failed >= 3)
    expect(ended).to.have.length(batches)
    expect(reads).to.be.at.most(batches + failed)
  })

  it('is asked about at once, and only what is published again waits for nodes', async () => {
    const copies = open(folder())
    for (let seq = 1; seq <= 150; seq++) void copies.add({ recall: recallOf(seq), confirmed: [] })
    await copies.lose(undefined, 0)
    const { broker, has } = brokerThat()
    for (let seq = 1; seq < 150; seq++) has.add(seq)
    republish(broker, copies, 1)
    await waitUntil('the last of them is published again', () => has.has(150))
  })
})

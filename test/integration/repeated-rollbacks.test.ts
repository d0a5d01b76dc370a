import { expect } from 'chai'
import { pino } from 'pino'
import { createClient, RESP_TYPES } from 'redis'
import type { RecoverableBroker } from '../../server/broker/recoverable-broker.ts'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import { openCopies } from '../../server/broker/spooling/copies.ts'
import { keepCopies } from '../../server/broker/spooling/keep-copies.ts'
import type { GroupConversation } from '../../shared/conversation.ts'
import type { Recall } from '../../shared/recall.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { startRedis } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

const log = pino({ level: 'silent' })
const TIMEOUT_MS = 10_000
const ROOM = { group: 'g' }
const recallOf = (seq: number): Recall & GroupConversation => ({
  ...ROOM,
  messages: [{ seq }],
  recalledAtMs: seq,
  receivedAtMs: seq,
})

describe('the offset of a recall that Redis lost', () => {
  const onCleanUp = cleanUpAfterEach()

  const start = async (historySize = 1_000) => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const admin = createClient({ url: redis.url }).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
    await admin.connect()
    onCleanUp(() => admin.destroy())
    const { path: dataDir, remove } = temporaryFolder()
    onCleanUp(remove)
    const options = { url: redis.url, historySize, historyTtlS: 600, prefix: 'p', app: '1400000001' }
    const open = async (): Promise<RecoverableBroker> => {
      const broker = createRedisBroker(options, { log })
      onCleanUp(broker.stop)
      await broker.start()
      return broker
    }
    const copies = openCopies({ dataDir }, { log })
    const receiver = keepCopies(
      { markerName: 'm', historySize },
      {
        broker: createRedisBroker(options, { log }),
        copies,
        setAside: async () => undefined,
        onRecovered: () => undefined,
        log,
      },
    )
    onCleanUp(receiver.stop)
    await receiver.start()

    const isMarker = (name: string): boolean => name.includes(':marker:')
    /** All keys, without the markers unless these are wanted. */
    const save = async (hasMarkers = false) => {
      const names = (await admin.keys('*')).map(String).filter((name) => hasMarkers || !isMarker(name))
      return await Promise.all(names.map(async (name) => [name, await admin.dump(name)] as const))
    }
    /** Redis as it was then, but for these epochs. */
    const goBack = async (saved: Awaited<ReturnType<typeof save>>, epoch?: string): Promise<void> => {
      const transaction = admin.multi().flushAll()
      for (const [name, value] of saved) {
        transaction.restore(name, 0, value as never)
        if (epoch !== undefined && name.endsWith(':head:group:g')) transaction.hSet(name, 'epoch', epoch)
      }
      await transaction.exec()
    }
    /** Resolves once the receiver has stored another marker. */
    const nextMarker = async (): Promise<void> => {
      const marker = async (): Promise<string> => {
        const name = (await admin.keys('*')).map(String).find(isMarker)
        return name === undefined ? '' : JSON.stringify(await admin.hGetAll(name))
      }
      const before = await marker()
      await waitUntil('there is another marker', async () => (await marker()) !== before, TIMEOUT_MS)
    }
    return { receiver, other: await open(), third: await open(), save, goBack, nextMarker }
  }

  const positionOf = ({ positions }: Awaited<ReturnType<RecoverableBroker['publish']>>) => {
    const found = positions.find(({ room }) => 'group' in room && room.topic === undefined)
    if (found === undefined) throw new Error('it is a repeat')
    return found.position
  }

  it('stands for no other one, though its receiver confirmed it as a repeat', async () => {
    const { receiver, other, third, save, goBack } = await start()
    await receiver.publish(recallOf(1), TIMEOUT_MS)
    const saved = await save()
    // Stored, but its answer is lost: the receiver finds it stored when it tries again.
    const position = positionOf(await other.publish(recallOf(2), TIMEOUT_MS))
    expect((await receiver.publish(recallOf(2), TIMEOUT_MS)).duplicate).to.equal(true)
    await goBack(saved)
    expect(positionOf(await third.publish(recallOf(3), TIMEOUT_MS))).to.deep.equal(position)
    await waitUntil(
      'it is stored again',
      async () => (await third.recalled(ROOM, [1, 2, 3])).length === 3,
      TIMEOUT_MS,
    )
    expect((await third.history(ROOM, position, 100)).gap).to.equal('epoch-changed')
  })

  it('stands for no other one if Redis goes back once more while others are still being stored again', async () => {
    // A receiver gives nodes time after a quarter of these.
    const { receiver, third, save, goBack } = await start(8)
    await receiver.publish(recallOf(1), TIMEOUT_MS)
    const saved = await save()
    for (const seq of [2, 3, 4]) await receiver.publish(recallOf(seq), TIMEOUT_MS)
    let areAllStored = true
    // A machine that stalls sees it too late.
    for (let attempt = 0; attempt < 5 && areAllStored; attempt++) {
      await goBack(saved)
      await waitUntil(
        'two are stored again',
        async () => (await third.recalled(ROOM, [2, 3])).length === 2,
        TIMEOUT_MS,
      )
      areAllStored = (await third.recalled(ROOM, [4])).length > 0
    }
    expect(areAllStored).to.equal(false)
    const [head] = await third.heads([ROOM])
    const position = { epoch: head?.epoch ?? '', offset: 2 }
    await goBack(saved, position.epoch)
    expect(positionOf(await third.publish(recallOf(5), TIMEOUT_MS))).to.deep.equal(position)
    await waitUntil(
      'it is stored again',
      async () => (await third.recalled(ROOM, [2])).length === 1,
      TIMEOUT_MS,
    )
    expect((await third.history(ROOM, position, 100)).gap).to.equal('epoch-changed')
  })

  it('is looked for though other recalls have followed the loss, before the next marker', async () => {
    const { receiver, third, save, goBack, nextMarker } = await start()
    await receiver.publish({ ...recallOf(10), group: 'f' }, TIMEOUT_MS)
    await nextMarker()
    const saved = await save(true)
    await receiver.publish(recallOf(1), TIMEOUT_MS)
    await goBack(saved)
    // Its feed does not go back, because another receiver has filled it.
    for (const seq of [11, 12]) await third.publish({ ...recallOf(seq), group: 'h' }, TIMEOUT_MS)
    await receiver.publish({ ...recallOf(13), group: 'i' }, TIMEOUT_MS)
    await waitUntil(
      'it is stored again',
      async () => (await third.recalled(ROOM, [1])).length === 1,
      TIMEOUT_MS,
    )
  })
})

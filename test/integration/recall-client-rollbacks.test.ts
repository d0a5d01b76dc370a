import { cpSync, rmSync } from 'node:fs'
import { expect } from 'chai'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { fixRandom } from '../support/random.ts'
import { eventsOf, recorder } from '../support/recall-client.ts'
import { createRecallRoom } from '../support/recall-room.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

describe('a gateway that goes back to an earlier state, with all that knew better', () => {
  const onCleanUp = cleanUpAfterEach()
  // With little jitter, retries are almost immediate.
  fixRandom(0.02)

  it('lets no session of the client miss a recall in silence', async () => {
    const [data, copy] = [temporaryFolder(), temporaryFolder()]
    for (const { remove } of [data, copy]) onCleanUp(remove)
    const port = String(await freePort())
    const start = () => startGatewayProcess({ DATA_DIR: data.path, PORT: port })
    const first = await start()
    onCleanUp(first.stop)
    const { room, recall, position, store, open } = await createRecallRoom(first.url, onCleanUp, 3)
    first.signal('SIGKILL')
    await first.exited
    cpSync(data.path, copy.path, { recursive: true })

    const second = await start()
    onCleanUp(second.stop)
    const client = open()
    const gaps = eventsOf(client, 'gap')
    const { seqs, listener, has } = recorder()
    client.subscribe(room, listener)
    for (const seq of [4, 5]) await recall(seq)
    await has(5)
    await store.has(5)
    const before = store.stored.at(-1)
    second.signal('SIGKILL')
    await second.exited
    rmSync(data.path, { recursive: true })
    cpSync(copy.path, data.path, { recursive: true })

    const third = await start()
    onCleanUp(third.stop)
    await waitUntil('the gap is told', () => gaps.length > 0)
    await waitUntil('it is dealt with', () => client.state.kind === 'live')
    expect(gaps[0]).to.deep.equal({
      room,
      reason: 'epoch-changed',
      position: { ...(await position()), offset: 0 },
    })
    expect([store.stored.at(-1), store.offset()]).to.deep.equal([await position(), 3])
    const late = recorder()
    client.subscribe(room, late.listener)
    await recall(6)
    await has(6)
    await late.has(1)
    client.close()
    for (const seq of [7, 8]) await recall(seq)
    const next = recorder()
    open().subscribe(room, next.listener)
    await next.has(2)
    expect([seqs, late.seqs, next.seqs]).to.deep.equal([[1, 2, 3, 4, 5, 1, 2, 3, 6], [6], [7, 8]])
    expect(before).to.deep.include({ epoch: (await position()).epoch, offset: 5 })
  })
})

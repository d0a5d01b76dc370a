import { randomUUID } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { pino } from 'pino'
import { createEmbeddedBroker } from '../../server/broker/embedded/embedded-broker.ts'
import { openGroupEnds } from '../../server/broker/spooling/group-ends.ts'
import { openSpool } from '../../server/broker/spooling/spool.ts'
import type { Spool } from '../../server/broker/spooling/spool.ts'
import { encodeChecked } from '../../server/lib/checked-file.ts'
import { openStore, readFolderId } from '../../server/lib/data-dir.ts'
import { openQuarantine } from '../../server/receiver/quarantine/quarantine-files.ts'
import type { Recall } from '../../shared/recall.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const recallAt = (seq: number): Recall => ({
  group: 'g',
  messages: [{ seq }],
  recalledAtMs: seq,
  receivedAtMs: 1,
})
const seqsIn = (spool: Spool) => spool.oldest(10_000).map(({ recall }) => recall?.messages[0]?.seq)

/** As the version before this one wrote them: in lmdb, without checksums. */
async function writeOld(
  folder: string,
  databases: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
) {
  const root = openStore(folder)
  for (const [name, records] of Object.entries(databases)) {
    const encoding = name === 'entries' ? 'string' : 'json'
    const database = root.openDB<unknown, [string, number] | string | number>(name, { encoding })
    await root.transaction(() => {
      for (const [key, value] of Object.entries(records)) database.putSync(JSON.parse(key) as string, value)
    })
  }
  await root.close()
}

const SEQS = Array.from({ length: 1_500 }, (_, i) => i + 1)
const spooled = Object.fromEntries(SEQS.map((seq) => [String(seq), JSON.stringify(recallAt(seq))]))

describe('a data folder of the version before', () => {
  const onCleanUp = cleanUpAfterEach()

  function createFolder(): string {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    return folder.path
  }

  it('is taken over: the spool, the ends of groups, and the quarantine', async () => {
    const dataDir = createFolder()
    await writeOld(join(dataDir, 'spool'), { entries: spooled, reached: { '"b"': true } })
    await writeOld(join(dataDir, 'group-ends'), { ends: { '"g"': 5, '"h"': 6 } })
    const request = { receivedAtMs: 1, query: '', body: '{}', reason: 'r' }
    await writeOld(join(dataDir, 'quarantine'), {
      requests: { 1: request, 3: request },
      recalls: { 2: request },
    })

    for (let start = 0; start < 2; start++) {
      const spool = openSpool({ dataDir, maxBytes: 2 ** 20 })
      expect(seqsIn(spool)).to.deep.equal(SEQS)
      expect(spool.wasReached('b')).to.equal(true)
      await spool.close()
      const ends = openGroupEnds({ dataDir })
      expect(ends.some(10)).to.deep.equal([
        { group: 'g', atMs: 5 },
        { group: 'h', atMs: 6 },
      ])
      await ends.close()
      const quarantine = await openQuarantine({ dataDir })
      expect(quarantine.list().map(({ id, kind }) => `${id} ${kind}`)).to.deep.equal([
        '1 webhook',
        '2 recall',
        '3 webhook',
      ])
      await quarantine.close()
      for (const store of ['spool', 'group-ends', 'quarantine'])
        expect(existsSync(join(dataDir, store, 'data.mdb'))).to.equal(false)
    }
  })

  it('loses nothing if the process ends in the middle of that', async () => {
    const dataDir = createFolder()
    await writeOld(join(dataDir, 'spool'), { entries: spooled })
    const aside = createFolder()
    cpSync(dataDir, aside, { recursive: true })
    await openSpool({ dataDir, maxBytes: 2 ** 20 }).close()
    // As if it had ended before the old file was removed.
    cpSync(join(aside, 'spool', 'data.mdb'), join(dataDir, 'spool', 'data.mdb'))
    const spool = openSpool({ dataDir, maxBytes: 2 ** 20 })
    expect(new Set(seqsIn(spool))).to.deep.equal(new Set(SEQS))
    await spool.close()
  })

  it('is taken over as far as it is whole, if it is damaged', async () => {
    const dataDir = createFolder()
    await writeOld(join(dataDir, 'spool'), { entries: spooled })
    const file = join(dataDir, 'spool', 'data.mdb')
    const content = readFileSync(file)
    // The number of a page in the middle.
    const page = 4_096 * Math.floor(content.length / 8_192)
    writeFileSync(file, content.fill(0xff, page, page + 8))
    const damages: string[] = []
    const spool = openSpool({ dataDir, maxBytes: 2 ** 20, onDamage: ({ where }) => damages.push(where) })
    onCleanUp(spool.close)
    expect(seqsIn(spool)).to.include.members(SEQS.filter((seq) => seq < 100))
    expect(damages).to.not.be.empty
    expect(existsSync(`${file}.damaged`)).to.equal(true)
  })

  it('goes on as the store of the embedded broker', async () => {
    const dataDir = createFolder()
    const entry = (seq: number) =>
      JSON.stringify({ messages: [{ seq }], group: 'g', recalledAtMs: seq, receivedAtMs: 1 })
    const head = { epoch: 'e', offset: 2, from: 1, appendedAtMs: Date.now(), usedAtMs: Date.now() }
    await writeOld(join(dataDir, 'broker'), {
      heads: { '"group:g"': head },
      entries: { '["group:g",1]': entry(1), '["group:g",2]': entry(2) },
      recalled: { '["group:g",1]': 1, '["group:g",2]': 2 },
      'recalled-sets': { '"group:g"': 2 },
    })
    for (let start = 0; start < 2; start++) {
      const options = { dataDir, historySize: 10, historyTtlS: 3_600 }
      const broker = createEmbeddedBroker(options, { log: pino({ level: 'silent' }) })
      await broker.start()
      const history = await broker.history({ group: 'g' }, { epoch: 'e', offset: 0 }, 10)
      expect(history).to.have.property('notices').with.length(2)
      expect(await broker.recalled({ group: 'g' }, [1, 2, 3])).to.deep.equal([
        { seq: 1, atMs: 1 },
        { seq: 2, atMs: 2 },
      ])
      expect(await broker.publish(recallAt(2), 1_000)).to.have.property('duplicate', true)
      await broker.stop()
    }
  })
})

describe('a data folder of another app', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is refused with the way out, and nothing in it is changed; one that does not say its app takes the name', async () => {
    const { path: dataDir, remove } = temporaryFolder()
    onCleanUp(remove)
    const folder = randomUUID()
    writeFileSync(join(dataDir, 'format'), encodeChecked({ format: 2, folder }))
    expect(await readFolderId({ dataDir, app: '1' })).to.equal(folder)
    const before = readFileSync(join(dataDir, 'format'), 'utf8')
    const refusal = await readFolderId({ dataDir, app: '2' }).catch((error: unknown) => error)
    expect(refusal).to.have.property('code', 'START_FAILED')
    expect(refusal)
      .to.have.property('message')
      .that.matches(/belongs to the app 1, and SDK_APP_ID is 2: set DATA_DIR to a folder of this app/)
      .and.not.includes('as user')
    expect(readFileSync(join(dataDir, 'format'), 'utf8')).to.equal(before)
    expect(await readFolderId({ dataDir, app: '1' })).to.equal(folder)
  })
})

describe('a data folder of a newer version', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is refused, and nothing in it is changed', async () => {
    const { path: dataDir, remove } = temporaryFolder()
    onCleanUp(remove)
    writeFileSync(join(dataDir, 'format'), encodeChecked({ format: 3, folder: 'f' }))
    const refusal = await readFolderId({ dataDir, app: '1' }).catch((error: unknown) => error)
    expect(refusal).to.have.property('code', 'START_FAILED')
    expect(refusal)
      .to.have.property('message')
      .that.matches(/newer version of the gateway \(format 3, .* knows 2\): start that version/)
    expect(readdirSync(dataDir)).to.deep.equal(['format'])
  })

  it('keeps its id if the file with it is rotten, and says so', async () => {
    const { path: dataDir, remove } = temporaryFolder()
    onCleanUp(remove)
    const id = await readFolderId({ dataDir, app: '1' })
    const rotten: string[] = []
    const read = () => readFolderId({ dataDir, app: '1' }, { onRotten: (file) => rotten.push(file) })
    for (const name of ['folder-id', 'format'])
      for (const content of ['rotten', '']) {
        writeFileSync(join(dataDir, name), content)
        expect(await read()).to.equal(id)
      }
    const files = ['folder-id', 'folder-id', 'format', 'format'].map((name) => join(dataDir, name))
    expect(rotten).to.deep.equal(files)
    expect(await read()).to.equal(id)
    expect(rotten).to.deep.equal(files)
  })
})

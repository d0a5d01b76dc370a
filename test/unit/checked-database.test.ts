import { join } from 'node:path'
import { expect } from 'chai'
import { CheckedDatabase } from '../../server/broker/embedded/checked-database.ts'
import { openStore } from '../../server/lib/data-dir.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

describe('a database of the embedded store', () => {
  const onCleanUp = cleanUpAfterEach()

  function open(remembers: number) {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const root = openStore(join(folder.path, 'broker'))
    onCleanUp(() => root.close())
    const checked = { root, onRotten: () => undefined, onBroken: () => undefined }
    return { root, database: new CheckedDatabase<number, string>('heads', 'json', checked, remembers) }
  }

  it('remembers what transactions wrote, until it is told that one was rolled back', async () => {
    const { root, database } = open(2)
    await root.transaction(() => database.putSync('a', 1))
    expect(() =>
      root.transactionSync(() => {
        database.putSync('a', 2)
        expect(database.latest('a')).to.equal(2)
        throw new Error('its failure')
      }),
    ).to.throw('its failure')
    expect(database.get('a')).to.equal(1)
    expect(database.latest('a')).to.equal(2)
    database.forget()
    expect(database.latest('a')).to.equal(1)
  })

  it('remembers nothing that was removed, and few values', async () => {
    const { root, database } = open(2)
    await root.transaction(() => {
      for (const [i, key] of ['a', 'b', 'c', 'd', 'e'].entries()) database.putSync(key, i)
      database.removeSync('b')
    })
    const all = ['a', 'b', 'c', 'd', 'e'].map((key) => database.latest(key))
    expect(all).to.deep.equal([0, undefined, 2, 3, 4])
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { pino } from 'pino'
import type { Broker } from '../../server/broker/broker.ts'
import { createEmbeddedBroker } from '../../server/broker/embedded/embedded-broker.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { COMMIT_SEED } from '../support/commit-seed.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const SCRIPT = fileURLToPath(new URL('../support/rotten-store.js', import.meta.url))

describe('the store of the embedded broker', () => {
  const onCleanUp = cleanUpAfterEach()

  it('answers right, or says what is rotten, wherever a bit is flipped in its file', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    // Another part of the file in each commit.
    const from = String(COMMIT_SEED % 7_000)
    const child = spawn(process.execPath, [SCRIPT, folder.path, '7001', from], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (data: Buffer) => (output += data.toString()))
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    const last = readFileSync(join(folder.path, 'last'), 'utf8')
    expect({ code, signal }, `${last} (from ${from}): ${output}`).to.deep.equal({ code: 0, signal: null })
    const counts = JSON.parse(output) as Readonly<Record<string, number>>
    expect((counts['salvaged'] ?? 0) + (counts['reported'] ?? 0)).to.be.above(0)
  })

  /** Stores a recall in a new folder, and stops. */
  const stored = async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const lines: string[] = []
    const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) })
    const start = async (): Promise<Broker> => {
      const options = { historySize: 100, historyTtlS: 3_600, dataDir: folder.path }
      const broker = createEmbeddedBroker(options, { log })
      await broker.start()
      return broker
    }
    const first = await start()
    await first.publish({ group: 'g', messages: [{ seq: 1 }], recalledAtMs: 1, receivedAtMs: 1 }, 5_000)
    await first.stop()
    return { file: join(folder.path, 'broker', 'data.mdb'), start, lines }
  }

  it('is sound once it was salvaged, and is not salvaged again at the next start', async () => {
    const { file, start, lines } = await stored()
    writeFileSync(file, readFileSync(file).fill(0, 0, 4_096))
    await (await start()).stop()
    expect(lines.splice(0).join('')).to.contain('the store was salvaged')
    const next = await start()
    onCleanUp(next.stop)
    expect(lines).to.deep.equal([])
    expect(await next.recalled({ group: 'g' }, [1])).to.have.length(1)
  })
  for (const [name, damage] of [
    ['empty', (file: string) => truncateSync(file)],
    ['gone', (file: string) => rmSync(file)],
  ] as const) {
    it(`says once that its file is ${name}`, async () => {
      const { file, start, lines } = await stored()
      expect(lines).to.deep.equal([])
      damage(file)
      await (await start()).stop()
      expect(lines.splice(0).join('')).to.contain('the file of the store is empty or gone')
      await (await start()).stop()
      expect(lines).to.deep.equal([])
    })
  }
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const SCRIPT = fileURLToPath(new URL('../support/rotten-store.js', import.meta.url))

describe('the store of the embedded broker', () => {
  const onCleanUp = cleanUpAfterEach()

  it('answers right, or says what is rotten, wherever a bit is flipped in its file', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    // Another part of the file in each run.
    const from = String(Math.floor(Math.random() * 7_000))
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
})

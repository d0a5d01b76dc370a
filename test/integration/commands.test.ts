import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { adminToken } from '../support/client.ts'
import { APP, JWT_SECRET, startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url))
const DOCUMENT = readFileSync(`${ROOT}server/docs/commands.md`, 'utf8')
/** These tell with their exit code what they have found. */
const JUDGING = /^recall-gateway (status|doctor|who)\b/

/** Every command of the document, in order, of which those of a block follow each other. */
const BLOCKS = [...DOCUMENT.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block = '']) =>
  block
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/\s+#.*/, '').trim())
    .filter(
      (line) =>
        line.startsWith('recall-gateway ') || line.startsWith('export ') || line.startsWith('printf '),
    ),
)

describe('commands.md', () => {
  it('has an example of each command but start, and all of them work', async () => {
    const folder = temporaryFolder()
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const EVIDENCE_KEY = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString().trim()
    const gateway = await startGatewayProcess({
      TEST_RECALLS: 'on',
      EVIDENCE_KEY,
      DATA_DIR: `${folder.path}/data`,
    })
    const evidence = await fetch(`${gateway.url}/v1/evidence?group=lobby`, {
      headers: { Authorization: `Bearer ${await adminToken()}` },
    })
    const lines = await evidence.text()
    for (const name of ['lobby.jsonl', 'lobby-yesterday.jsonl']) writeFileSync(join(folder.path, name), lines)
    const pem = publicKey.export({ format: 'pem', type: 'spki' })
    writeFileSync(join(folder.path, 'evidence-public.pem'), pem)
    const env = {
      PATH: process.env['PATH'],
      SDK_APP_ID: APP,
      WEBHOOK_TOKEN,
      JWT_SECRET,
      PORT: String(gateway.port),
      DATA_DIR: `${folder.path}/data`,
    }
    const run = async (command: string): Promise<void> => {
      const here = command.replaceAll('http://127.0.0.1:8080', gateway.url)
      const script = `recall-gateway() { ${process.execPath} ${MAIN} "$@"; }\n${here}`
      const shell = spawn('bash', ['-o', 'pipefail', '-c', script], { cwd: folder.path, env })
      let output = ''
      shell.stdout.on('data', (text: Buffer) => (output += text.toString()))
      shell.stderr.on('data', (text: Buffer) => (output += text.toString()))
      const [code] = (await once(shell, 'close')) as [number]
      expect(code, `${command}\n${output}`).to.be.within(0, JUDGING.test(command) ? 2 : 0)
      expect(output, command).to.not.match(/CONFIG_INVALID|SEND_FAILED|INTERNAL|unknown option/)
    }
    try {
      const results = await Promise.allSettled(
        BLOCKS.map(async (block) => {
          for (const command of block) await run(command)
        }),
      )
      const failed = results.flatMap((result) =>
        result.status === 'rejected' ? [String(result.reason)] : [],
      )
      expect(failed.join('\n')).to.equal('')
    } finally {
      await gateway.stop()
      folder.remove()
    }
    const named = [...DOCUMENT.matchAll(/^\| `([a-z]+)` +\| [^|]*\(#/gm)].map(([, name]) => name)
    const shown = new Set(BLOCKS.flat().map((line) => /recall-gateway (\w+)/.exec(line)?.[1]))
    expect(named.filter((name) => name !== 'start' && !shown.has(name))).to.deep.equal([])
  })
})

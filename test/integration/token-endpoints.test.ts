import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { clientExample } from '../support/client-examples.ts'
import { freePort } from '../support/free-port.ts'
import { JWT_SECRET, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

/** Java and Go compile first. */
const START_TIMEOUT_MS = 60_000

interface Language {
  readonly name: string
  /** In the document, and what distinguishes it from others. */
  readonly block: readonly [language: string, words: string]
  readonly file: string
  /** Undefined if this machine does not have it. */
  readonly program: string | undefined
  readonly args: (file: string, port: number) => readonly string[]
}

const inPath = (name: string): string | undefined =>
  (process.env['PATH'] ?? '')
    .split(':')
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))

const LANGUAGES: readonly Language[] = [
  {
    name: 'Node',
    block: ['js', 'createHmac'],
    file: 'token-endpoint.mjs',
    program: process.execPath,
    args: (file) => [file],
  },
  {
    name: 'Python',
    block: ['python', 'recall_token'],
    file: 'token_endpoint.py',
    program: inPath('python3'),
    args: (file) => [file],
  },
  { name: 'Go', block: ['go', ''], file: 'main.go', program: inPath('go'), args: (file) => ['run', file] },
  {
    name: 'PHP',
    block: ['php', ''],
    file: 'token-endpoint.php',
    program: inPath('php'),
    args: (file, port) => ['-S', `127.0.0.1:${port}`, file],
  },
  {
    name: 'Java',
    block: ['java', ''],
    file: 'TokenEndpoint.java',
    program: inPath('java'),
    args: (file) => ['-XX:TieredStopAtLevel=1', file],
  },
]

describe('the token endpoints of CLIENTS.md', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: GatewayProcess
  before(async () => {
    gateway = await startGatewayProcess()
  })
  after(() => gateway.stop())

  for (const { name, block, file, program, args } of LANGUAGES) {
    if (program === undefined) {
      it(`in ${name} is only read here, not run: this machine has no ${name}`, () => {
        for (const word of ['/recall-token', 'JWT_SECRET']) expect(clientExample(...block)).to.include(word)
      })
      continue
    }
    it(`in ${name} gives tokens that the gateway takes, for the rooms of the user alone`, async () => {
      const folder = temporaryFolder()
      onCleanUp(folder.remove)
      const port = await freePort()
      const source = clientExample(...block).replaceAll('3000', `${port}`)
      writeFileSync(join(folder.path, file), source)
      const child = spawn(program, args(join(folder.path, file), port), {
        env: { PATH: process.env['PATH'], HOME: folder.path, JWT_SECRET },
        stdio: ['ignore', 'ignore', 'pipe'],
        // `go run` starts another process.
        detached: true,
      })
      let errors = ''
      child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
      let hasExited = false
      const exited = new Promise((resolve) => child.once('close', resolve)).then(() => (hasExited = true))
      onCleanUp(async () => {
        if (child.pid !== undefined && !hasExited) process.kill(-child.pid, 'SIGKILL')
        await exited
      })
      const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
      const response = await waitUntil(
        'the endpoint answers',
        () => {
          if (hasExited) throw new Error(errors)
          return ask('/recall-token').catch(() => undefined)
        },
        START_TIMEOUT_MS,
      )
      expect(response.status).to.equal(200)
      expect(response.headers.get('content-type')).to.match(/^text\/plain/)
      expect(response.headers.get('cache-control')).to.equal('no-store')
      const token = await response.text()
      expect((await get(gateway.url, '/v1/position?group=lobby', token)).status).to.equal(200)
      expect((await get(gateway.url, '/v1/position?group=other', token)).status).to.equal(403)
      const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object
      expect(claims).to.have.keys('sub', 'exp', 'rooms')
      expect(claims).to.deep.include({ sub: 'user-1', rooms: [{ group: 'lobby' }] })
      expect((await ask('/other')).status).to.be.oneOf([401, 404])
    })
  }
})

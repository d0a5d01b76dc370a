import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { APP, JWT_SECRET, startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { postWebhook } from '../support/webhook.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const execute = promisify(execFile)
const NEW_TOKEN = 'new-webhook-token'

interface Section {
  readonly heading: string
  readonly text: string
  /** Its commands, in order. */
  readonly blocks: readonly string[]
}

const [, ...sections] = readFileSync(join(ROOT, 'server/docs/operations.md'), 'utf8').split(/^## /m)
/** The user of Redis that a document gives to the gateway, or to those on duty, as flags of the server. */
const userIn = (name: string, password: string): string[] => {
  const text = readFileSync(join(ROOT, 'server/docs/redis.md'), 'utf8')
  const [, rights = ''] =
    new RegExp('^user ' + name + ' on >password (resetkeys [^`]+?)\\n```', 'm').exec(text) ?? []
  return ['--user', name, 'on', `>${password}`, ...rights.trim().split(/\s+/)]
}
const blocksIn = (text: string): string[] =>
  [...text.matchAll(/^( *)```sh\n([^]+?)^ *```/gm)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  )
const SECTIONS = sections.map((text): Section => ({
  heading: text.slice(0, text.indexOf('\n')),
  text,
  blocks: blocksIn(text),
}))
/** Those about trouble stand between these two. */
const TROUBLES = SECTIONS.slice(
  SECTIONS.findIndex(({ heading }) => heading === 'Redis is down'),
  SECTIONS.findIndex(({ heading }) => heading === 'How do I test delivery?'),
)
/** What later commands rely on. */
const PREPARATION = 'Before you begin'
const [exports = ''] = SECTIONS.find(({ heading }) => heading === PREPARATION)?.blocks ?? []

describe('the runbook', () => {
  const folders = [temporaryFolder(), temporaryFolder()]
  const [redisFolder = '', dataDir = ''] = folders.map(({ path }) => path)
  const settings = {
    SDK_APP_ID: APP,
    JWT_SECRET,
    WEBHOOK_TOKEN: `${NEW_TOKEN},${WEBHOOK_TOKEN}`,
    DATA_DIR: dataDir,
  }
  let redis: RedisServer
  let environment: Readonly<Record<string, string | undefined>>
  let gateway: GatewayProcess
  let node: GatewayProcess

  before(async () => {
    // Nobody has more rights than the documents give.
    const users = [...userIn('gateway', 'gateway-password'), ...userIn('on-duty', 'on-duty-password')]
    redis = await startRedis({ dataDir: redisFolder, flags: [...users, '--user', 'default', 'off'] })
    const urlOf = (user: string): string => redis.url.replace('//', `//${user}:${user}-password@`)
    // As the documents deploy it: a receiver serves less than a node, and a shell has the settings of one of them.
    gateway = await startGatewayProcess({ ...settings, ROLE: 'receiver', REDIS_URL: urlOf('gateway') })
    node = await startGatewayProcess({ ...settings, ROLE: 'node', REDIS_URL: urlOf('gateway') })
    environment = {
      PATH: process.env['PATH'],
      ...settings,
      ROLE: 'receiver',
      REDIS_URL: urlOf('gateway'),
      REDIS_ADMIN: urlOf('on-duty'),
      PORT: String(gateway.port),
      NEW_TOKEN,
    }
    // Once for all of them: it starts a program.
    const exported = await run(`${exports}printf '%s %s %s' "$GATEWAY" "$NODE" "$RECALL_TOKEN"`)
    const [GATEWAY, NODE, RECALL_TOKEN] = exported.split(' ')
    environment = { ...environment, GATEWAY, NODE, RECALL_TOKEN }
    await postWebhook(gateway.url, { body: 'no JSON' })
    await postWebhook(gateway.url, { query: { SdkAppid: APP } })
  })
  after(async () => {
    await Promise.all([gateway.stop(), node.stop()])
    await redis.stop()
    for (const { remove } of folders) remove()
  })

  /** Runs commands as the introduction says. Resolves to what they print; rejects if one fails. */
  async function run(commands: string): Promise<string> {
    const script = commands
      .replaceAll('NODE=http://127.0.0.1:8080', `NODE=${node.url}`)
      .replaceAll('http://127.0.0.1:8080', gateway.url)
      // Their exit code says that something needs attention, which is so: of 1 and 2.
      .replaceAll(/^(node \S+ (?:status|doctor|who)\b.*)$/gm, '$1 || [ $? -le 2 ]')
    const options = { cwd: ROOT, env: environment }
    return (await execute('bash', ['-euo', 'pipefail', '-c', script], options)).stdout
  }

  it('says of each trouble how it shows, what is lost, what to do with which commands, and when it is over', () => {
    expect(TROUBLES.length).to.be.above(20)
    for (const { heading, text, blocks } of TROUBLES) {
      const parts = [...text.matchAll(/^\*\*(Shows as|Lost meanwhile:|Do:|Over when)\*\*/gm)].map(
        ([, part]) => part,
      )
      expect(parts, heading).to.deep.equal(['Shows as', 'Lost meanwhile:', 'Do:', 'Over when'])
      if (heading !== 'A node is deaf') expect(blocks, heading).to.not.deep.equal([])
    }
  })

  for (const { heading, blocks } of SECTIONS)
    if (blocks.length > 0 && heading !== PREPARATION)
      it(`has commands that work: ${heading}`, async () => {
        for (const block of blocks) {
          const printed = await run(block)
          if (!block.includes('--kind rotten')) expect(printed, block).to.match(/\S/)
          expect(printed, block)
            .to.not.match(/^(ERR|NOPERM|WRONGPASS|NOAUTH)\b/m)
            .and.not.include('"ok":false')
            .and.not.include('"ActionStatus":"FAIL"')
        }
      })

  it('empties the quarantine', async () => {
    expect(await readMetric(gateway.url, 'quarantined')).to.equal(0)
  })
})

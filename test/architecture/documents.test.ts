import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { configSchema } from '../../server/config/config.ts'
import { ERRORS, GOODBYES } from '../../shared/errors.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

/** The rows of the tables of a document, as lists of cells without backquotes. */
const rowsOf = (document: string): string[][] =>
  document
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    )

describe('configuration.md', () => {
  const settings = configSchema.describe().keys as Record<
    string,
    { flags?: { default?: unknown; presence?: string; description?: string } }
  >
  const rows = rowsOf(read('server/docs/configuration.md'))

  for (const [name, { flags }] of Object.entries(settings)) {
    it(`tells ${name} as the settings do`, () => {
      const row = rows.find(([first]) => first === name)
      expect(row, `${name} has no row`).to.not.equal(undefined)
      const given: unknown = flags?.default
      if (typeof given === 'number' || (typeof given === 'string' && given !== ''))
        expect(row?.[1]).to.equal(`${given}`)
      expect(row?.[2]?.replaceAll('\\|', '|')).to.equal(flags?.description?.replaceAll('`', ''))
    })
  }

  it('tells no setting that does not exist', () => {
    const named = rows.map(([first = '']) => first).filter((first) => /^[A-Z][A-Z_]+$/.test(first))
    expect(named.filter((name) => !(name in settings) && !(name in ERRORS))).to.deep.equal([])
  })
})

describe('PROTOCOL.md', () => {
  const rows = rowsOf(read('shared/PROTOCOL.md'))

  for (const [code, { status, retry }] of Object.entries(ERRORS)) {
    it(`tells ${code} as the catalogue does`, () => {
      const row = rows.find(([first]) => first === code)
      expect(row?.slice(1, 3)).to.deep.equal([String(status), retry ? 'yes' : 'no'])
    })
  }

  it('tells every goodbye', () => {
    for (const { code, reason } of Object.values(GOODBYES)) {
      expect(rows.find(([first]) => first === String(code))?.[1]).to.equal(reason)
    }
  })

  it('tells every event of the sockets', () => {
    const events = [...read('shared/protocol.ts').matchAll(/^ {2}'?([a-z-]+)'?\(/gm)].map(
      ([, event = '']) => event,
    )
    expect(events).to.include.members(['subscribe', 'unsubscribe', 'messages-recalled', 'gap', 'goodbye'])
    for (const event of events) expect(read('shared/PROTOCOL.md')).to.include(`\`${event}\``)
  })
})

describe('ARCHITECTURE.md', () => {
  it('names only files that exist', () => {
    const named = [...read('ARCHITECTURE.md').matchAll(/`((?:server|shared|test)\/[\w./-]+)`/g)].map(
      ([, path = '']) => path,
    )
    expect(named.length).to.be.above(20)
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).to.deep.equal([])
  })
})

describe('package-lock.json', () => {
  it('names no host', () => {
    expect(read('package-lock.json')).to.not.match(/"resolved"|https?:\/\/[^"]*\.tgz/)
  })
})

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { REQUEST_CASES } from '../outside/http-request-cases.ts'
import { JSON_TEXTS, NOT_JSON, OPEN_CASES } from '../outside/json-cases.ts'
import { NOT_FOR_US } from '../outside/not-for-us.ts'
import { ENGINE_IO_CASES, SOCKET_IO_CASES } from '../outside/socket-io-cases.ts'
import { INVALID_UTF8, VALID_UTF8 } from '../outside/utf8-sequences.ts'
import { FRAME_CASES } from '../outside/websocket-frame-cases.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

const count = (...tables: Readonly<Record<string, readonly unknown[]>>[]): number =>
  tables.flatMap((table) => Object.values(table).flat()).length

/** How the document says how many cases there are. */
const CASES: Readonly<Record<string, string>> = {
  'socket-io-protocol': `${SOCKET_IO_CASES.length} packets`,
  'engine-io-protocol': `${ENGINE_IO_CASES.length} packets`,
  'websocket-frames': `${count(FRAME_CASES)} frames, ${count(VALID_UTF8, INVALID_UTF8)} UTF-8 sequences`,
  'http-requests': `${count(REQUEST_CASES)} requests`,
  'json-test-suite': `${count(JSON_TEXTS, NOT_JSON) + OPEN_CASES.length} texts in 12 places`,
}

describe('the table of outside judges in ARCHITECTURE.md', () => {
  const rows = [
    ...readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8').matchAll(
      /^\|[^|]*\| `test\/outside\/([\w-]+)\.test\.ts` +\| ([^|]*?) +\| ([^|]*?) +\|$/gm,
    ),
  ].map(([, file = '', cases = '', notForUs = '']) => ({ file, cases, notForUs }))

  it('lists each of them', () => {
    const files = readdirSync(join(ROOT, 'test/outside')).filter((file) => file.endsWith('.test.ts'))
    expect(rows.map(({ file }) => `${file}.test.ts`)).to.have.members(files)
  })

  it('says how many cases they have, and how many are not for us', () => {
    const notForUs: Readonly<Record<string, readonly unknown[]>> = NOT_FOR_US
    for (const row of rows) {
      expect(row.cases, row.file).to.equal(CASES[row.file] ?? row.cases)
      expect(row.notForUs, row.file).to.equal(String(notForUs[row.file]?.length ?? 0))
    }
  })
})

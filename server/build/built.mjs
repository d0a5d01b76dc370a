// Remembers what the gateway in `dist` was built from, so that a start with nothing changed builds nothing: a gateway
// that runs from the same folder keeps its files.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './run.mjs'

// The documents are built into the pages at `/docs`.
const DOCUMENTS = readdirSync(root).filter((file) => file.endsWith('.md'))
const SOURCES = ['server', 'shared', 'package.json', 'package-lock.json', 'tsconfig.json', ...DOCUMENTS]
const record = join(root, 'dist/.built-from')

/** Returns whether the build ended, and nothing it read has changed since. */
export const isBuilt = () => existsSync(record) && readFileSync(record, 'utf8') === fingerprint()

/** Notes that the build ended; `before` is the fingerprint of what it read. */
export const noteBuilt = (before) => writeFileSync(record, before)

/** Tells one state of the sources from another, by the size and the time of each file. */
export function fingerprint() {
  const hash = createHash('sha256')
  const add = (path) => {
    const { mtimeMs, size } = statSync(join(root, path))
    hash.update(`${path} ${mtimeMs} ${size}\n`)
  }
  for (const source of SOURCES) {
    add(source)
    if (!statSync(join(root, source)).isDirectory()) continue
    const paths = readdirSync(join(root, source), { recursive: true, encoding: 'utf8' })
    for (const path of paths.sort((a, b) => (a < b ? -1 : 1))) add(join(source, path))
  }
  return hash.digest('hex')
}

// Records what `dist` was built from. A start without changes then builds nothing, and leaves the files of a gateway that
// runs from the same folder alone.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './run.mjs'

// The documents are built into the pages at `/docs`.
const DOCUMENTS = readdirSync(root).filter((file) => file.endsWith('.md'))
const SOURCES = ['server', 'shared', 'package.json', 'package-lock.json', 'tsconfig.json', ...DOCUMENTS]
const record = join(root, 'dist/.built-from')

/** Returns whether the last build finished, and its sources have not changed since. */
export const isBuilt = () => existsSync(record) && readFileSync(record, 'utf8') === fingerprint()

/** Records that the build finished; `before` is the fingerprint of its sources. */
export const recordBuild = (before) => writeFileSync(record, before)

/** Identifies the state of the sources by the size and modification time of each file. */
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

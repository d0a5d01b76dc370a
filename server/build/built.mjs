// Records what `dist` was built from, and what was built. A start without changes then builds nothing, and leaves the files
// of a gateway that runs from the same folder alone; a damaged `dist` is built again.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './run.mjs'

// The documents are built into the pages at `/docs`, and into the package of the client.
const DOCUMENTS = readdirSync(root).filter((file) => file.endsWith('.md'))
const SOURCES = [
  'server',
  'shared',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'LICENSE',
  ...DOCUMENTS,
]
const OUTPUT = ['dist/server', 'dist/shared', 'dist/client-package']
const record = join(root, 'dist/.built-from')

/** Returns whether the last build finished, and neither its sources nor its output have changed since. */
export const isBuilt = () => existsSync(record) && readFileSync(record, 'utf8') === recordFor(sourceState())

/** Records that the build finished; `before` is the state of its sources when it began. */
export const recordBuild = (before) => writeFileSync(record, recordFor(before))

/** Identifies the state of the sources. */
export const sourceState = () => fingerprint(SOURCES)

const recordFor = (sources) => `${sources} ${fingerprint(OUTPUT)}\n`

/** Hashes the size and modification time of each file. Editors leave links that lead nowhere, and remove files meanwhile. */
function fingerprint(paths) {
  const hash = createHash('sha256')
  const add = (path) => {
    const stats = statSync(join(root, path), { throwIfNoEntry: false })
    hash.update(stats ? `${path} ${stats.mtimeMs} ${stats.size}\n` : `${path} missing\n`)
    return stats
  }
  for (const path of paths) {
    if (!add(path)?.isDirectory()) continue
    const inside = readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
    for (const name of inside.sort((a, b) => (a < b ? -1 : 1))) add(join(path, name))
  }
  return hash.digest('hex')
}

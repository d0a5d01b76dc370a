// Brings a fresh checkout to where it can run: installs what the lock file says, builds, then runs the command line of
// the gateway with the arguments given here, if any. Needs nothing but Node and npm, hence plain JavaScript.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`recall-gateway needs Node 20.19 or newer, this is ${process.versions.node}\n`)
  process.exit(1)
}

if (!isInstalled()) execFileSync('npm', ['ci'], { cwd: root, stdio: 'inherit' })
await import('./build.mjs')

if (process.argv.length > 2) {
  const main = `${root}dist/server/main.js`
  process.argv[1] = main
  await import(pathToFileURL(main).href)
}

/** Whether node_modules holds exactly the packages of the lock file; npm writes down what it installed. */
function isInstalled() {
  const installed = `${root}node_modules/.package-lock.json`
  if (!existsSync(installed)) return false
  const versions = (file) =>
    Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages)
      .filter(([path, { optional }]) => path !== '' && !optional)
      .map(([path, { version }]) => `${path}@${version}`)
      .sort()
      .join('\n')
  return versions(installed) === versions(`${root}package-lock.json`)
}

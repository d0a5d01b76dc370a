// Installs the packages of a folder. The project folder lists those that run and build the gateway; `test` lists those that
// only tests and checks need. npm has no custom dependency groups, and starting or deploying the gateway should neither
// wait for twice as many packages nor fail because of one of them.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fail, say } from './run.mjs'

/** Older versions do not understand the lock file. */
const MIN_NPM_MAJOR = 7

/** Installs the packages in the lock file of `folder`, unless they are installed already. */
export function installPackages(folder) {
  if (isInstalled(folder)) return
  checkNpm()
  say(`installing the packages of ${folder}`)
  // Removed first, so that an interrupted installation does not count.
  orFail('node_modules', () => rmSync(recordOf(folder), { force: true }))
  const cache = canWriteCache()
    ? undefined
    : orFail(tmpdir(), () => mkdtempSync(join(tmpdir(), 'npm-cache-')))
  const parameters = ['ci', '--include=dev', '--ignore-scripts', '--loglevel=error']
  if (cache !== undefined) parameters.push('--cache', cache)
  const { status } = spawnSync('npm', parameters, { cwd: folder, stdio: 'inherit' })
  if (cache !== undefined) rmSync(cache, { recursive: true, force: true })
  if (status !== 0) fail('npm could not install the packages, see its message above.')
}

/** Returns what `write` returns, or exits if it may not write there. */
function orFail(place, write) {
  try {
    return write()
  } catch ({ code }) {
    return fail(`${place} cannot be written (${code}): does it belong to another user?`)
  }
}

/** Returns whether npm can write to its cache, which it cannot without a home directory. */
function canWriteCache() {
  const folder = process.env['npm_config_cache'] ?? join(homedir(), '.npm')
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** The file in which npm records what it installed. */
const recordOf = (folder) => join(folder, 'node_modules/.package-lock.json')

/** Returns whether node_modules holds exactly the packages in the lock file, apart from optional ones. */
function isInstalled(folder) {
  if (!existsSync(recordOf(folder))) return false
  const lockFile = join(folder, 'package-lock.json')
  const wanted = readPackages(lockFile) ?? fail(`${lockFile} is not valid JSON: restore it`)
  const installed = readPackages(recordOf(folder))
  const versions = (entries) =>
    entries
      .map(([path, { version }]) => `${path}@${version}`)
      .sort()
      .join('\n')
  return (
    installed !== undefined &&
    versions(wanted) === versions(installed) &&
    wanted.every(([path]) => existsSync(join(folder, path, 'package.json')))
  )
}

/** Returns the packages that a lock file lists, apart from optional ones; undefined if it cannot be parsed. */
function readPackages(file) {
  try {
    const { packages } = JSON.parse(readFileSync(file, 'utf8'))
    return Object.entries(packages).filter(([path, { optional }]) => path !== '' && !optional)
  } catch {
    return undefined
  }
}

function checkNpm() {
  const { stdout, error } = spawnSync('npm', ['--version'], { encoding: 'utf8' })
  if (error !== undefined)
    fail('npm is needed to install the packages, but is missing: install it, then try again.')
  const version = stdout.trim()
  if (Number.parseInt(version) < MIN_NPM_MAJOR)
    fail(
      `npm ${MIN_NPM_MAJOR} or newer is needed to install the packages, but this is ${version}: npm install --global npm@10`,
    )
}

// Installs the packages of a folder. The folder of the project has those that run and build the gateway, `test` those that
// only tests and checks need: npm knows no groups of its own, and whoever starts or deploys the gateway shall not wait for
// twice as many packages, nor fail because of one of them.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fail } from './run.mjs'

/** Older ones do not understand the lock file. */
const OLDEST_NPM = 7

/** Installs what the lock file of `folder` says, unless it is there already. */
export function installPackages(folder) {
  if (isInstalled(folder)) return
  checkNpm()
  // Removed first, so that an installation that somebody interrupts counts as none.
  rmSync(recordOf(folder), { force: true })
  const cache = canKeepCache() ? undefined : mkdtempSync(join(tmpdir(), 'npm-cache-'))
  const parameters = ['ci', '--include=dev', '--ignore-scripts', '--loglevel=error']
  if (cache !== undefined) parameters.push('--cache', cache)
  const { status } = spawnSync('npm', parameters, { cwd: folder, stdio: 'inherit' })
  if (cache !== undefined) rmSync(cache, { recursive: true, force: true })
  if (status !== 0) fail('npm could not install the packages, see its message above.')
}

/** Returns whether npm can write to its cache: users without a home of their own cannot. */
function canKeepCache() {
  const folder = process.env['npm_config_cache'] ?? join(homedir(), '.npm')
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Where npm writes down what it installed. */
const recordOf = (folder) => join(folder, 'node_modules/.package-lock.json')

/** Returns whether node_modules holds the packages of the lock file, as far as this machine needs them, and no others. */
function isInstalled(folder) {
  if (!existsSync(recordOf(folder))) return false
  const packages = (file) =>
    Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages).filter(
      ([path, { optional }]) => path !== '' && !optional,
    )
  const wanted = packages(join(folder, 'package-lock.json'))
  const versions = (entries) =>
    entries
      .map(([path, { version }]) => `${path}@${version}`)
      .sort()
      .join('\n')
  return (
    versions(wanted) === versions(packages(recordOf(folder))) &&
    wanted.every(([path]) => existsSync(join(folder, path, 'package.json')))
  )
}

function checkNpm() {
  const { stdout, error } = spawnSync('npm', ['--version'], { encoding: 'utf8' })
  if (error !== undefined)
    fail('installing the packages takes npm, which is missing: install it, then try again.')
  const version = stdout.trim()
  if (Number.parseInt(version) < OLDEST_NPM)
    fail(
      `installing the packages takes npm ${OLDEST_NPM} or newer, and this is ${version}: npm install --global npm@10`,
    )
}

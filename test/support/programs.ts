import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What some tests run for real: the program, Debian's package, and the variable that may name another one. An empty
 * variable says that the chosen tests do without the program.
 */
const PROGRAMS = {
  redis: { names: ['redis-server'], variable: 'REDIS_SERVER', debian: 'redis-server' },
  nginx: { names: ['nginx'], variable: 'NGINX', debian: 'nginx-light' },
  openssl: { names: ['openssl'], variable: 'OPENSSL', debian: 'openssl' },
  chromium: {
    names: ['chromium', 'chromium-browser', 'google-chrome'],
    variable: 'CHROMIUM',
    debian: 'chromium',
  },
} as const

type ProgramName = keyof typeof PROGRAMS

/** Where a program is found: Debian keeps servers where only root looks. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin']

const findProgram = (name: string): string | undefined =>
  FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path))

/** The path of a program that `mochaGlobalSetup` has made sure of. */
export function programPath(name: ProgramName): string {
  const { names, variable } = PROGRAMS[name]
  const found = process.env[variable] || names.map(findProgram).find((path) => path !== undefined)
  if (found === undefined) throw new Error(`${name} is missing: install it, or name it in ${variable}`)
  return found
}

function isMissing(name: ProgramName): boolean {
  try {
    programPath(name)
    return false
  } catch {
    return true
  }
}

/** Before all tests: all of them, except for those that the chosen tests do without. */
export function mochaGlobalSetup(): void {
  const names = Object.keys(PROGRAMS) as ProgramName[]
  ensurePrograms(names.filter((name) => process.env[PROGRAMS[name].variable] !== ''))
}

/** Installs what is missing of these when it may, or says in one line what to install. */
export function ensurePrograms(names: readonly ProgramName[]): void {
  const missing = names.filter(isMissing)
  if (missing.length === 0) return
  const packages = missing.map((name) => PROGRAMS[name].debian)
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  if (process.getuid?.() !== 0 || findProgram('apt-get') === undefined) {
    process.stderr.write(`The tests need ${missing.join(', ')}. Install with: sudo ${command}\n`)
    process.stdout.write('0 passed, 1 failed\n')
    process.exit(1)
  }
  process.stderr.write(`installing for the tests: ${packages.join(' ')}\n`)
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const line of ['apt-get update', command]) {
    execFileSync('sh', ['-c', `${line} >&2`], { stdio: ['ignore', 'inherit', 'inherit'], env: environment })
  }
}

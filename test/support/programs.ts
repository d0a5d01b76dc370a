import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'

interface Program {
  /** Names to look for, or paths. */
  readonly names: readonly string[]
  /** Files without which it is of no use; not looked for if the variable names a path. */
  readonly needs?: readonly string[]
  /** May name another path. Empty if the selected tests do not need the program. */
  readonly variable: string
  readonly debian: string
}

/** Where Debian puts the packages of its own Python. */
const PYTHON_PACKAGES = '/usr/lib/python3/dist-packages'

/** Programs that some tests run. */
const PROGRAMS = {
  redis: { names: ['redis-server'], variable: 'REDIS_SERVER', debian: 'redis-server' },
  nginx: { names: ['nginx'], variable: 'NGINX', debian: 'nginx-light' },
  haproxy: { names: ['haproxy'], variable: 'HAPROXY', debian: 'haproxy' },
  caddy: { names: ['caddy'], variable: 'CADDY', debian: 'caddy' },
  strace: { names: ['strace'], variable: 'STRACE', debian: 'strace' },
  openssl: { names: ['openssl'], variable: 'OPENSSL', debian: 'openssl' },
  chromium: {
    names: ['chromium', 'chromium-browser', 'google-chrome'],
    variable: 'CHROMIUM',
    debian: 'chromium',
  },
  prometheus: { names: ['prometheus'], variable: 'PROMETHEUS', debian: 'prometheus' },
  promtool: { names: ['promtool'], variable: 'PROMTOOL', debian: 'prometheus' },
  spin: { names: ['spin'], variable: 'SPIN', debian: 'spin' },
  // Debian's compiler does without the headers of C.
  gcc: { names: ['gcc'], needs: ['/usr/include/stdio.h'], variable: 'GCC', debian: 'gcc libc6-dev' },
  // Another Python in the PATH does not see Debian's packages.
  python: {
    names: ['/usr/bin/python3'],
    needs: ['socketio', 'websocket', 'aiohttp'].map((name) => join(PYTHON_PACKAGES, name)),
    variable: 'PYTHON',
    debian: 'python3-socketio python3-websocket python3-aiohttp',
  },
} satisfies Readonly<Record<string, Program>>

type ProgramName = keyof typeof PROGRAMS

/** Where to look for programs: Debian puts servers where only root's PATH leads. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin']

const findProgram = (name: string): string | undefined =>
  (isAbsolute(name) ? [name] : FOLDERS.map((folder) => join(folder, name))).find((path) => existsSync(path))

/** Returns the path of a program. Throws if it is missing, which `mochaGlobalSetup` rules out. */
export function programPath(name: ProgramName): string {
  const { names, needs = [], variable }: Program = PROGRAMS[name]
  const installed = names.map(findProgram).find((path) => path !== undefined)
  const found = process.env[variable] || (needs.every((path) => existsSync(path)) ? installed : undefined)
  if (found === undefined) throw new Error(`${name} is missing: install it, or set ${variable} to its path`)
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

/** Runs before all tests, and ensures every program whose variable is not empty. */
export function mochaGlobalSetup(): void {
  const names = Object.keys(PROGRAMS) as ProgramName[]
  ensurePrograms(names.filter((name) => process.env[PROGRAMS[name].variable] !== ''))
}

/** Installs the missing ones if permitted; otherwise prints one line that says what to install, and exits. */
export function ensurePrograms(names: readonly ProgramName[]): void {
  const missing = names.filter(isMissing)
  if (missing.length === 0) return
  const packages = new Set(missing.map((name) => PROGRAMS[name].debian))
  const command = `apt-get install -y --no-install-recommends ${[...packages].join(' ')}`
  if (process.getuid?.() !== 0 || findProgram('apt-get') === undefined) {
    process.stderr.write(`The tests need ${missing.join(', ')}. Install with: sudo ${command}\n`)
    process.stdout.write('0 passed, 1 failed\n')
    process.exit(1)
  }
  process.stderr.write(`installing for the tests: ${[...packages].join(' ')}\n`)
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const line of ['apt-get update', command]) {
    execFileSync('sh', ['-c', `${line} >&2`], { stdio: ['ignore', 'inherit', 'inherit'], env: environment })
  }
}

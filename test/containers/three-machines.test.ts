import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { STOP_GRACE_MS } from '../../server/cli/start.ts'
import { configSchema } from '../../server/config/config.ts'
import { readConfig } from '../../server/config/read-config.ts'
import { makeCertificate } from '../support/certificate.ts'
import { runGateway } from '../support/gateway-process.ts'
import { asOrdinaryUser } from '../support/host-proxy.ts'
import { replaceEach } from '../support/nginx-proxy.ts'
import { programPath } from '../support/programs.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')
const UNIT = read('server/deploy/recall-gateway@.service')
const SECTION =
  read('server/docs/deployment.md')
    .split(/^## /m)
    .find((text) => text.startsWith('Three machines')) ?? ''
const ROLES = ['receiver', 'node'] as const
const MACHINES = [11, 12, 13]

/** The blocks of commands of a step. */
function blocksOf(step: number): string[] {
  const text = SECTION.split(/^### /m).find((part) => part.startsWith(`${step}. `)) ?? ''
  return [...text.matchAll(/^( *)```sh\n([^]+?)^ *```/gm)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  )
}

/** The values of a setting of the unit, in order. */
const ofUnit = (name: string): string[] =>
  [...UNIT.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value)

/** Stand in for what would change this machine. They note how they are called; `ETC` is the folder of the test for /etc. */
const STAND_INS: Readonly<Record<string, string>> = {
  // As the packages do: each has a folder, and asks about a file that is there before it.
  'apt-get': `for name in "$@"; do
  case $name in
    haproxy) mkdir -p "$ETC/haproxy" ;;
    redis-server) mkdir "$ETC/redis" && : >"$ETC/redis/redis.conf" ;;
  esac
done`,
  npm: '',
  nft: '',
  systemctl: '',
  chown: 'shift; test -e "$1"',
}

// In order, as the section is.
describe('the section about three machines', () => {
  const folder = temporaryFolder()
  const at = (...names: string[]): string => join(folder.path, ...names)
  /** On one machine, three others are three addresses of it. */
  const network = `127.0.${2 + Math.floor(Math.random() * 250)}`
  const running: ChildProcess[] = []
  const processes = new Map<number, ChildProcess[]>()
  /** Start the processes of a machine again, on their data folders. */
  const starts = new Map<number, (() => ChildProcess)[]>()
  let redis: ChildProcess

  before(() => {
    for (const name of ['bin', 'etc/systemd/system', 'opt']) mkdirSync(at(name), { recursive: true })
    for (const version of ['0.1.0', '0.2.0']) symlinkSync(ROOT, at(`opt/recall-gateway-${version}`))
    const called = `#!/bin/sh\nset -e\necho "$(basename "$0") $*" >>'${at('called')}'\nETC='${at('etc')}'\n`
    for (const [name, does] of Object.entries(STAND_INS))
      writeFileSync(at('bin', name), `${called}${does}\n`, { mode: 0o755 })
    writeFileSync(at('bin/haproxy'), `#!/bin/sh\nexec ${programPath('haproxy')} "$@"\n`, { mode: 0o755 })
  })
  after(async () => {
    for (const child of running) await kill(child)
    folder.remove()
  })

  const kill = async (child: ChildProcess): Promise<void> => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  const called = (): string => readFileSync(at('called'), 'utf8')

  /** With the addresses and folders of the test, as on one of the machines. */
  const here = (text: string, machine = 11): string =>
    text
      .replaceAll('/tmp/rehearsal', at('rehearsal'))
      .replaceAll('127.0.0.1', `${network}.${machine}`)
      .replaceAll('10.0.0.', `${network}.`)
      .replaceAll(/(?<![\w/])\/(etc|opt)\//g, `${at('$1')}/`)
      .replaceAll('/var/lib/', `${at(`state-${machine}`)}/`)
      .replaceAll(/--resolve \S+ /g, '')
      .replaceAll('https://recalls.example.com', `https://${network}.11:8443`)
      .replaceAll(/\bcurl -(sS?) /g, 'curl -$1 --insecure ')

  /** Runs commands as they are written, in one shell as an operator has it. */
  const sh = async (commands: string, machine = 11): Promise<string> => {
    const env = {
      ...process.env,
      PATH: `${at('bin')}:${process.env['PATH']}`,
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      NODE_NO_WARNINGS: '1',
    }
    const script = `umask 022\n${here(commands, machine)}`
    const { stdout } = await promisify(execFile)('bash', ['-euc', script], { env })
    return stdout
  }
  const succeeds = (commands: string, isRight: (output: string) => boolean, machine = 11) =>
    sh(commands, machine).then(isRight, () => false)
  const start = (program: string, args: readonly string[]): ChildProcess => {
    const child = spawn(program, args, { stdio: 'ignore' })
    running.push(child)
    return child
  }
  const startRedis = (dataDir = folder.path): ChildProcess =>
    start(programPath('redis'), [at('etc/redis/redis.conf'), '--dir', dataDir])

  /** The lines of a block that are needed for a part of it. */
  const linesOf = (commands: string, pattern: RegExp): string =>
    commands
      .split('\n')
      .filter((line) => pattern.test(line))
      .join('\n')

  const isRecalled = (commands: string, seq: number): Promise<boolean> =>
    succeeds(linesOf(commands, /^\. |^TOKEN|recalled\?/).replace('129,130,131', String(seq)), (text) =>
      text.includes(`"seq":${seq}`),
    )

  /** Of the room of the rehearsal: a loss in Redis changes it. */
  const epochOf = async (commands: string): Promise<string | undefined> =>
    /"epoch":"([^"]+)"/.exec(await sh(linesOf(commands, /^\. |^TOKEN|position\?/)))?.[1]

  it('installs what its commands need, and lets a link lead to the version', async () => {
    const [commands = '', check = ''] = blocksOf(1)
    await sh(commands)
    expect(called()).to.match(/^apt-get update\napt-get install/)
    for (const name of ['nodejs', 'npm', 'haproxy', 'redis-tools', 'curl', 'openssl', 'nftables'])
      expect(called()).to.match(new RegExp(`^apt-get install .*\\b${name}\\b`, 'm'))
    expect(await sh(check)).to.include('doctor')
  })

  it('closes the machines before anything listens', async () => {
    await sh(blocksOf(2).join(''))
    expect(called()).to.include(`nft -c -f ${at('etc/nftables.conf')}`)
    expect(called()).to.not.include('redis-server')
  })

  it('makes secrets that root alone may read, and leaves the shell as it was', async () => {
    const output = await sh(`${blocksOf(3).join('')}umask`)
    expect(output).to.match(/^-----BEGIN PUBLIC KEY-----[^]+\n0022\n$/)
    for (const name of readdirSync(at('etc/recall-gateway/secrets')))
      expect(statSync(at('etc/recall-gateway/secrets', name)).mode & 0o077, name).to.equal(0)
  })

  it('starts a Redis that can read its files, and that nobody else may use', async () => {
    const [configure = '', users = '', check = ''] = blocksOf(4)
    await sh(configure + users)
    // By its user, too, who is not the one of the test.
    expect(statSync(at('etc/redis/recall-gateway.conf')).mode & 0o044).to.equal(0o044)
    const acl = at('etc/redis/recall-gateway.acl')
    expect(statSync(acl).mode & 0o777).to.equal(0o600)
    expect(called()).to.include(`chown redis:redis ${acl}\nsystemctl restart redis-server\n`)
    redis = startRedis()
    await waitUntil('Redis answers', () => succeeds(check, (answer) => answer === 'PONG\n'))
    expect(await sh('redis-cli -h 10.0.0.11 ping 2>&1 || true')).to.include('NOAUTH')
    const password = '$(cat /etc/recall-gateway/secrets/redis-operator-password)'
    const operator = `REDISCLI_AUTH=${password} redis-cli -h 10.0.0.11 --user operator`
    expect(await sh(`${operator} CONFIG GET appendfsync`)).to.include('always')
  })

  it('starts a receiver and a node on each, which are ready', async () => {
    const [files = '', services = '', check = ''] = blocksOf(5)
    await sh(files + services)
    expect(called()).to.include('systemctl enable --now recall-gateway@receiver recall-gateway@node')
    expect(readFileSync(at('etc/systemd/system/recall-gateway@.service'), 'utf8')).to.equal(UNIT)
    const credentials = Object.fromEntries(
      ofUnit('LoadCredential').map((text) => text.split(':') as [string, string]),
    )
    for (const machine of MACHINES)
      for (const role of ROLES) {
        const resolve = (text: string): string =>
          text
            .replaceAll('%i', role)
            .replaceAll('%S', at(`state-${machine}`))
            .replaceAll(/%d\/([\w-]+)/g, (_, name: string) => here(credentials[name] ?? ''))
        const texts = ofUnit('EnvironmentFile').map((file) => readFileSync(here(resolve(file)), 'utf8'))
        const lines = [
          ...ofUnit('Environment').flatMap((text) => resolve(text).split(' ')),
          ...texts.join('').split('\n'),
        ]
        const settings = Object.fromEntries(
          lines
            .filter((line) => line !== '')
            .map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]),
        )
        const known = Object.keys(configSchema.describe().keys as object)
        for (const name of Object.keys(settings))
          expect([...known, 'NODE_ENV']).to.include(name.replace(/_FILE$/, ''))
        mkdirSync(settings['DATA_DIR'] ?? '', { recursive: true })
        const run = (): ChildProcess => {
          const { child } = runGateway(['start'], { ...settings, HOST: `${network}.${machine}` })
          running.push(child)
          processes.set(machine, [...(processes.get(machine) ?? []), child])
          return child
        }
        run()
        starts.set(machine, [...(starts.get(machine) ?? []), run])
      }
    for (const machine of MACHINES)
      await waitUntil(
        `machine ${machine} is ready`,
        () => succeeds(check, (answer) => answer.split('"ready":true').length === 3, machine),
        30_000,
      )
  })

  it('lets the doctor find nothing critical', async () => {
    const [, , , doctor = ''] = blocksOf(5)
    const inShell = doctor.replace(/^(\. .*)$/m, '$1\nexport HOST=127.0.0.1')
    const look = (): Promise<string> => sh(inShell.replace(/doctor$/m, 'doctor 2>&1 || true'))
    let output = ''
    // A process that the machine has just left without a processor is in doubt for some seconds.
    await waitUntil(
      'nothing is critical',
      async () => !/^CRITICAL/m.test((output = await look())),
      40_000,
    ).catch(() => expect(output).to.not.match(/^CRITICAL/m))
    expect(output).to.match(/^Right: /m)
    expect(output).to.not.include('no gateway was asked')
    // Of a power cut, for one.
    expect(output).to.not.include('may not read')
  })

  it('puts HAProxy in front', async () => {
    const { cert, key } = makeCertificate(folder.path, 'recalls')
    const [commands = '', check = ''] = blocksOf(6)
    const [copy = '', ...rest] = commands
      .replace('fullchain.pem', cert)
      .replace('privkey.pem', key)
      .split('\n')
    await sh(copy)
    const file = at('etc/haproxy/haproxy.cfg')
    // What differs on one machine: addresses, folders, ports that only root may take, and the number of open files.
    const fit = replaceEach(readFileSync(file, 'utf8'), {
      '10.0.0.': `${network}.`,
      '/etc/haproxy/recalls.pem': at('etc/haproxy/recalls.pem'),
      'bind :80\n': `bind ${network}.11:8080\n`,
      'bind :443': `bind ${network}.11:8443`,
      'abns@': `abns@${network}-`,
      'maxconn 70000': 'maxconn 1000',
      ...asOrdinaryUser(),
    }).replaceAll(/^ *bind :::.*$/gm, '')
    writeFileSync(file, fit)
    await sh(rest.join('\n'))
    expect(statSync(at('etc/haproxy/recalls.pem')).mode & 0o077).to.equal(0)
    start(programPath('haproxy'), ['-W', '-f', file])
    await waitUntil('HAProxy serves', () => succeeds(check, (answer) => answer === '{"live":true}'))
  })

  it('delivers a recall with evidence, and keeps one while Redis is away', async () => {
    const [commands = ''] = blocksOf(7)
    const answer = await sh(commands)
    const recalled = answer.split('\n').find((line) => line.includes('"recalled":[')) ?? ''
    expect(recalled).to.include('"seq":130').and.include('"seq":131').and.not.include('"seq":129')
    expect(answer).to.include('VERIFIED')
    const epoch = await epochOf(commands)
    redis.kill('SIGTERM')
    await once(redis, 'exit')
    await sh(linesOf(commands, /^\. | send /).replace('130,131', '132'))
    redis = startRedis()
    await waitUntil('it is published', () => isRecalled(commands, 132))
    expect(await epochOf(commands), 'Redis has lost what it had stored').to.equal(epoch)
  })

  it('goes on without the second machine', async () => {
    const [commands = ''] = blocksOf(7)
    for (const child of processes.get(12) ?? []) await kill(child)
    // More than there are receivers, so that each is tried.
    for (const seq of [140, 141, 142, 143])
      await sh(linesOf(commands, /^\. | send /).replace('130,131', String(seq)))
    for (const seq of [140, 141, 142, 143])
      await waitUntil(`${seq} is recalled`, () => isRecalled(commands, seq))
  })

  it('moves Redis to another machine, which gets back what receivers have', async () => {
    const [, , check = ''] = blocksOf(4)
    const [commands = ''] = blocksOf(7)
    const [lead = ''] = blocksOf(10)
    for (const child of [redis, ...(processes.get(11) ?? [])]) await kill(child)
    const file = at('etc/redis/recall-gateway.conf')
    writeFileSync(file, readFileSync(file, 'utf8').replace(`bind ${network}.11`, `bind ${network}.12`))
    const empty = at('redis-of-12')
    mkdirSync(empty)
    redis = startRedis(empty)
    await waitUntil('Redis answers', () => succeeds(check.replace('.11', '.12'), (text) => text === 'PONG\n'))
    await sh(lead)
    expect(called()).to.match(/systemctl restart recall-gateway@receiver\n$/)
    // The first machine too, as when it is back: each has what came to it.
    for (const child of processes.get(13) ?? []) await kill(child)
    for (const run of [...starts.values()].flat()) run()
    for (const seq of [130, 132, 140, 141, 142, 143])
      await waitUntil(`${seq} is published again`, () => isRecalled(commands, seq))
  })

  it('updates by a folder beside the one that runs', async () => {
    await sh(blocksOf(9).join(''))
    expect(readlinkSync(at('opt/recall-gateway'))).to.equal(at('opt/recall-gateway-0.2.0'))
    expect(called()).to.match(/systemctl restart recall-gateway@receiver\n$/)
  })

  it('gives the service time to stop, files to open and no more rights than it needs', async () => {
    const config = readConfig({
      SDK_APP_ID: '1',
      WEBHOOK_TOKEN: 't',
      JWT_SECRET: 'a-secret-of-at-least-32-characters',
    })
    expect(Number(ofUnit('TimeoutStopSec')[0]) * 1_000).to.be.above(config.DRAIN_MS + STOP_GRACE_MS)
    expect(Number(ofUnit('LimitNOFILE')[0])).to.be.above(config.MAX_SOCKETS + 5_000)
    expect(ofUnit('DynamicUser')).to.deep.equal(['yes'])
    expect(ofUnit('CapabilityBoundingSet')).to.deep.equal([''])
    expect(UNIT).to.not.match(/^MemoryDenyWriteExecute=/m)
    const file = at('recall-gateway@receiver.service')
    writeFileSync(file, UNIT.replace('/usr/bin/node', process.execPath))
    const analyze = (...args: string[]) =>
      promisify(execFile)('systemd-analyze', [...args, file]).then(
        ({ stdout, stderr }) => stdout + stderr,
        (error: { code?: unknown; stdout: string; stderr: string }) =>
          error.code === 'ENOENT' ? undefined : error.stdout + error.stderr,
      )
    const problems = await analyze('verify', '--recursive-errors=no')
    // Undefined where there is no systemd.
    if (problems === undefined) return
    expect(problems).to.equal('')
    expect(
      Number(/exposure level.*: ([\d.]+)/.exec((await analyze('security', '--offline=true')) ?? '')?.[1]),
    ).to.be.below(2)
  })
})

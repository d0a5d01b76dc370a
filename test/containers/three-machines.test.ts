import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { STOP_GRACE_MS } from '../../server/cli/start.ts'
import { configSchema } from '../../server/config/config.ts'
import { readConfig } from '../../server/config/read-config.ts'
import { makeCertificate } from '../support/certificate.ts'
import { runGateway } from '../support/gateway-process.ts'
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

/** The code blocks of a step, commands (`sh`) or files (``). */
function blocksOf(step: number, language: 'sh' | ''): string[] {
  const text = SECTION.split(/^### /m).find((part) => part.startsWith(`${step}. `)) ?? ''
  return [...text.matchAll(/^```(\w*)\n([^]+?)^```/gm)].flatMap(([, kind = '', block = '']) =>
    kind === language ? [block] : [],
  )
}

/** The values of a setting of the unit, in order. */
const ofUnit = (name: string): string[] =>
  [...UNIT.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value)

// In order, as the section is.
describe('the section about three machines', function () {
  this.timeout(60_000)
  const folder = temporaryFolder()
  /** On one machine, three others are three addresses of it. */
  const network = `127.0.${2 + Math.floor(Math.random() * 250)}`
  const running: ChildProcess[] = []
  let redis: ChildProcess

  after(async () => {
    for (const child of running) {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
    folder.remove()
  })

  /** With the addresses and folders of the test. */
  const here = (text: string): string =>
    text
      .replaceAll('10.0.0.', `${network}.`)
      .replaceAll('/etc/', `${folder.path}/etc/`)
      .replaceAll('/opt/recall-gateway', ROOT.replace(/\/$/, ''))
      .replaceAll(/--resolve \S+ /g, '')
      .replaceAll('https://recalls.example.com', `https://${network}.11:8443`)
      .replaceAll('curl -s', 'curl -s --insecure')

  /** Runs commands as they are written, without those that would change this machine. */
  const sh = async (commands: string): Promise<string> => {
    const kept = here(commands)
      .split('\n')
      .filter((line) => !/^(apt-get|chown|systemctl|npm) /.test(line) && !line.includes('systemd/system'))
    const env = { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' }
    const { stdout } = await promisify(execFile)('bash', ['-euc', kept.join('\n')], { env })
    return stdout
  }
  const start = (program: string, args: readonly string[]): ChildProcess => {
    const child = spawn(program, args, { stdio: 'ignore' })
    running.push(child)
    return child
  }
  const startRedis = (): ChildProcess =>
    start(programPath('redis'), [`${folder.path}/etc/redis/recall-gateway.conf`, '--dir', folder.path])

  it('makes secrets', async () => {
    mkdirSync(join(folder.path, 'etc'))
    await sh(blocksOf(2, 'sh').join(''))
  })

  it('starts a Redis that the gateway alone may use', async () => {
    for (const name of ['redis', 'haproxy']) mkdirSync(join(folder.path, 'etc', name))
    writeFileSync(join(folder.path, 'etc/redis/recall-gateway.conf'), here(blocksOf(3, '').join('')))
    const [users = '', check = ''] = blocksOf(3, 'sh')
    await sh(users)
    redis = startRedis()
    await waitUntil('Redis answers', () =>
      sh(check).then(
        (answer) => answer === 'PONG\n',
        () => false,
      ),
    )
    const stranger = await sh(`redis-cli -h 10.0.0.11 ping 2>&1 || true`)
    expect(stranger).to.include('NOAUTH')
  })

  it('starts a receiver and a node on each, which are ready', async () => {
    writeFileSync(join(folder.path, 'etc/recall-gateway/settings'), here(blocksOf(4, '').join('')))
    const [ports = '', check = ''] = blocksOf(4, 'sh')
    await sh(ports)
    const credentials = Object.fromEntries(
      ofUnit('LoadCredential').map((text) => text.split(':') as [string, string]),
    )
    for (const machine of MACHINES)
      for (const role of ROLES) {
        const resolve = (text: string): string =>
          text
            .replaceAll('%i', role)
            .replaceAll('%S', join(folder.path, `state-${machine}`))
            .replaceAll(/%d\/([\w-]+)/g, (_, name: string) => here(credentials[name] ?? ''))
        const files = ofUnit('EnvironmentFile').map((file) => readFileSync(here(resolve(file)), 'utf8'))
        const lines = [
          ...ofUnit('Environment').flatMap((text) => resolve(text).split(' ')),
          ...files.join('').split('\n'),
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
        running.push(runGateway(['start'], { ...settings, HOST: `${network}.${machine}` }).child)
      }
    for (const machine of MACHINES)
      await waitUntil(
        `machine ${machine} is ready`,
        () =>
          sh(check.replaceAll('127.0.0.1', `10.0.0.${machine}`)).then(
            (answer) => answer.split('"ready":true').length === 3,
            () => false,
          ),
        30_000,
      )
  })

  it('puts HAProxy in front', async () => {
    const { cert, key } = makeCertificate(folder.path, 'recalls')
    const [commands = '', check = ''] = blocksOf(5, 'sh')
    const own = commands
      .replace('fullchain.pem', cert)
      .replace('privkey.pem', key)
      .replace('haproxy -c', `${programPath('haproxy')} -c`)
      .replace('&& systemctl restart haproxy', '')
    const file = join(folder.path, 'etc/haproxy/haproxy.cfg')
    const [copy = '', ...rest] = own.split('\n')
    await sh(copy)
    // What differs on one machine: addresses, folders, ports that only root may take, and the number of open files.
    const fit = replaceEach(readFileSync(file, 'utf8'), {
      '10.0.0.': `${network}.`,
      '/etc/haproxy/recalls.pem': `${folder.path}/etc/haproxy/recalls.pem`,
      'bind :80\n': `bind ${network}.11:8080\n`,
      'bind :443': `bind ${network}.11:8443`,
      'abns@': `abns@${network}-`,
      'maxconn 70000': 'maxconn 1000',
    })
    writeFileSync(file, fit)
    await sh(rest.join('\n'))
    start(programPath('haproxy'), ['-W', '-f', file])
    await waitUntil('HAProxy serves', () =>
      sh(check).then(
        (answer) => answer === '{"live":true}',
        () => false,
      ),
    )
  })

  it('delivers a recall, and keeps one while Redis is away', async () => {
    const [commands = ''] = blocksOf(7, 'sh')
    const answer = await sh(commands)
    const recalled = answer.trim().split('\n').at(-1) ?? ''
    expect(recalled).to.include('"seq":130').and.include('"seq":131').and.not.include('"seq":129')
    redis.kill('SIGTERM')
    await once(redis, 'exit')
    await sh(commands.replaceAll(/^(curl|TOKEN).*$/gm, '').replace('130,131', '132'))
    redis = startRedis()
    const ask = commands.replaceAll(/^.* (send|position).*$/gm, '').replaceAll('129,130,131', '132')
    const isThere = () =>
      sh(ask.replace(/^curl.*position.*$/m, '')).then(
        (text) => text.includes('"seq":132'),
        () => false,
      )
    await waitUntil('it is published', isThere, 20_000)
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
    const file = join(folder.path, 'recall-gateway@receiver.service')
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

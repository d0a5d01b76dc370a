import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { DCLinter } from 'dclint'
import { validate } from 'dockerfile-utils'
import { parse } from 'yaml'
import { STOP_GRACE_MS } from '../../server/cli/start.ts'
import { configSchema } from '../../server/config/config.ts'
import { readConfig } from '../../server/config/read-config.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { execForm, readDockerfile } from '../support/image.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

/**
 * Rules that demand alphabetical order, where the order of the file is more telling, and a `name`, which older versions
 * of Compose refuse.
 */
const RULES_OFF = [
  'require-project-name-field',
  'service-dependencies-alphabetical-order',
  'service-keys-order',
  'services-alphabetical-order',
]

const SECRETS = {
  SDK_APP_ID: '1400000000',
  WEBHOOK_TOKEN: 'token',
  JWT_SECRET: 'a-secret-of-at-least-32-characters',
}
const DEFAULTS = readConfig(SECRETS)

interface Service {
  readonly image?: string
  readonly build?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly stop_grace_period?: string
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>
}
const services = Object.entries(compose.services)
const gateways = services.filter(([, { build }]) => build !== undefined)

const instructions = readDockerfile()
const allOf = (name: string) => instructions.filter((instruction) => instruction.name === name)

const isPinned = (image: string): boolean => /:[^:/]*\d[^:/]*$/.test(image)

/** Substitutes variables as Compose does: `${NAME:-default}` and `${NAME:?message}`. */
const interpolate = (text: string, shell: Readonly<Record<string, string>> = {}): string =>
  text.replaceAll(/\$\{(\w+)(?::-([^}]*)|:\?[^}]*)\}/g, (_, name: string, fallback = '') => {
    return shell[name] ?? String(fallback)
  })

describe('Dockerfile', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is valid', () => {
    expect(validate(read('Dockerfile'))).to.deep.equal([])
  })

  it('copies files that exist and are not ignored into the build', () => {
    const included = read('.dockerignore').split('\n')
    const sources = allOf('COPY').filter(({ text }) => !text.startsWith('--from='))
    for (const source of sources.flatMap(({ words }) => words.slice(0, -1))) {
      expect(existsSync(join(ROOT, source)), source).to.equal(true)
      expect(included).to.include(`!${source}`)
    }
  })

  it('copies the output of a build from an existing stage, without the tests', () => {
    const stages = allOf('FROM').map(({ words }) => words[2])
    const copies = allOf('COPY').filter(({ text }) => text.startsWith('--from='))
    const sources = copies.map(({ words }) => words[1]?.replace(/^\/app\//, '') ?? '')
    for (const { words } of copies) expect(stages).to.include(words[0]?.slice('--from='.length))
    for (const source of sources) expect(existsSync(join(ROOT, source)), source).to.equal(true)
    expect(sources).to.have.members(['package.json', 'node_modules', 'dist/server', 'dist/shared'])
  })

  it('lets its user read what was built in a checkout that only its owner can read', () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const files = ['package.json', 'dist/server/publish.lua'].map((file) => join(folder.path, file))
    mkdirSync(join(folder.path, 'dist/server'), { recursive: true, mode: 0o700 })
    for (const file of files) writeFileSync(file, '', { mode: 0o600 })
    // The last step of the stage that is copied from.
    const [command = ''] = allOf('RUN')
      .slice(0, -1)
      .flatMap(({ text }) => text.split(' && '))
      .filter((text) => /^(chmod|chown|umask) /.test(text))
    execFileSync('sh', ['-c', command.replaceAll('/app', folder.path)])
    for (const file of files) expect(statSync(file).mode & 0o044, file).to.equal(0o044)
    expect(statSync(join(folder.path, 'dist/server')).mode & 0o055).to.equal(0o055)
  })

  it('starts a file that the build produces', () => {
    const [program, file = '', command] = execForm(allOf('CMD')[0]?.text ?? '')
    expect([program, command]).to.deep.equal(['node', 'start'])
    expect(existsSync(join(ROOT, file))).to.equal(true)
  })

  it('pins a version of Node that package.json allows', () => {
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } }
    const minMajor = Number(/^>=(\d+)\./.exec(engines.node)?.[1])
    for (const image of allOf('FROM').map(({ words }) => words[0] ?? '')) {
      expect(image).to.satisfy(isPinned)
      expect(Number(/^node:(\d+)/.exec(image)?.[1])).to.be.greaterThan(minMajor)
    }
  })

  it('runs as an unprivileged user, with a data directory that outlives the container', () => {
    const folder = /DATA_DIR=(\S+)/.exec(allOf('ENV')[0]?.text ?? '')?.[1]
    // That of `node` in the image.
    expect(allOf('USER').at(-1)?.text).to.equal('1000')
    expect(allOf('VOLUME')[0]?.text).to.equal(folder)
    expect(allOf('RUN').at(-1)?.text).to.include(`chown node:node ${folder}`)
  })

  it('exposes the port that the gateway listens on by default', () => {
    expect(allOf('EXPOSE')[0]?.text).to.equal(String(DEFAULTS.PORT))
  })

  it('reports a running gateway as healthy, and a missing one as unhealthy', async () => {
    const [program = '', ...parameters] = execForm(allOf('HEALTHCHECK')[0]?.text ?? '')
    const probe = (port: number, HOST?: string): Promise<unknown> =>
      promisify(execFile)(program, parameters, {
        env: { PATH: process.env['PATH'], PORT: String(port), ...(HOST !== undefined && { HOST }) },
      }).then(
        () => 'healthy',
        ({ code }: { code: unknown }) => code,
      )
    const gateway = await startGatewayProcess()
    onCleanUp(() => gateway.stop())

    expect(await probe(gateway.port)).to.equal('healthy')
    expect(await probe(await freePort())).to.equal(1)
    expect(await probe(gateway.port, '0.0.0.0')).to.equal('healthy')
    // It listens on one address, and another one does not answer.
    expect([await probe(gateway.port, '127.0.0.1'), await probe(gateway.port, '127.0.0.9')]).to.deep.equal([
      'healthy',
      1,
    ])
  })
})

describe('docker-compose.yml', () => {
  it('is valid', () => {
    const rules = Object.fromEntries(RULES_OFF.map((name) => [name, 0 as const]))
    const linter = new DCLinter({ rules, quiet: true, debug: false, exclude: [] })
    const results: readonly { messages: readonly unknown[] }[] = linter.lintFiles(
      [join(ROOT, 'docker-compose.yml')],
      false,
    )
    expect(results).to.have.lengthOf(1)
    expect(results.flatMap(({ messages }) => messages)).to.deep.equal([])
  })

  it('pins its images', () => {
    for (const [name, { image }] of services)
      if (image !== undefined) expect(image, name).to.satisfy(isPinned)
  })

  it('publishes only the proxy', () => {
    const published = services.filter(([, { ports }]) => ports !== undefined).map(([name]) => name)
    expect(published).to.deep.equal(['proxy'])
  })

  it('waits only for existing services, until they are healthy', () => {
    for (const needed of services.flatMap(([, service]) => Object.entries(service.depends_on ?? {}))) {
      const [name, { condition }] = needed
      expect(compose.services).to.have.property(name)
      expect(condition).to.equal('service_healthy')
    }
  })

  it('runs one receiver and two nodes', () => {
    const roles = gateways.map(([name, { environment }]) => [name, environment?.['ROLE']])
    expect(roles).to.deep.equal([
      ['receiver', 'receiver'],
      ['node-1', 'node'],
      ['node-2', 'node'],
    ])
  })

  for (const [name, { environment = {}, stop_grace_period: grace }] of gateways) {
    const config = (shell: Readonly<Record<string, string>>) =>
      readConfig(
        Object.fromEntries(Object.entries(environment).map(([key, text]) => [key, interpolate(text, shell)])),
      )

    it(`gives ${name} valid and sufficient settings`, () => {
      const known = Object.keys(configSchema.describe().keys as object)
      expect(known).to.include.members(Object.keys(environment))
      expect(compose.services).to.have.property(new URL(config(SECRETS).REDIS_URL ?? '').hostname)
    })

    it(`gives ${name} no secret in plain text`, () => {
      for (const secret of Object.keys(SECRETS).filter((key) => key in environment)) {
        expect(environment[secret]).to.match(new RegExp(`^\\$\\{${secret}:\\?.+\\}$`))
      }
    })

    it(`gives ${name} enough time to stop`, () => {
      expect(grace).to.match(/^\d+s$/)
      expect(Number.parseInt(grace ?? '') * 1_000).to.be.greaterThan(config(SECRETS).DRAIN_MS + STOP_GRACE_MS)
    })
  }
})

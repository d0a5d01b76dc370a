import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { clientExample } from '../support/client-examples.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
/** The oldest that knows `node16`, and `node10` besides. */
const OLD_TSC = join(ROOT, 'test/node_modules/typescript-4.7/bin/tsc')
const MAX_INSTALLED_BYTES = 4_100_000

interface Manifest {
  readonly name: string
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

const SOURCE = `
import { createRecallClient, RequestRefused, storedPositions } from 'recall-gateway-client'
import type { RecallClient, Room, State, Subscription } from 'recall-gateway-client'
const url: string | undefined = undefined
const topic: string | undefined = undefined
const getToken = () => ''
const client: RecallClient = createRecallClient({ url, getToken, positions: undefined })
createRecallClient({ auth: { userId: 'u', userSig: 's' } })
createRecallClient({ auth: async () => ({ token: '' }), getToken: undefined })
// @ts-expect-error -- neither
createRecallClient({ url })
// @ts-expect-error -- both
createRecallClient({ auth: { token: '' }, getToken })
// @ts-expect-error -- half a UserSig
createRecallClient({ auth: { userId: 'u' } })
const room: Room = { group: 'g', topic }
const subscription: Subscription = client.subscribe(room, ({ offset }): number => offset, { since: undefined })
client.on('state', ({ kind }: State): string => kind)
export const all = [subscription, RequestRefused, storedPositions]
`

describe('the packages', () => {
  let folder: ReturnType<typeof temporaryFolder>
  let installed: string
  let gateway: string

  before(() => {
    folder = temporaryFolder()
    // Without building again what the tests run. The script is what `npm pack` runs after it has packed the gateway.
    const pack = (...command: string[]): void => {
      execFileSync('npm', [...command, '--silent', '--pack-destination', folder.path], {
        cwd: ROOT,
        stdio: 'ignore',
        env: { ...process.env, npm_config_pack_destination: folder.path },
      })
    }
    pack('pack', '--ignore-scripts')
    pack('run', 'postpack')
    const { version } = readManifest(ROOT)
    const unpack = (name: string, to: string): string => {
      mkdirSync(to, { recursive: true })
      const file = join(folder.path, `${name}-${version}.tgz`)
      execFileSync('tar', ['-xzf', file, '-C', to, '--strip-components=1'])
      return to
    }
    gateway = unpack('recall-gateway', join(folder.path, 'gateway'))
    installed = unpack('recall-gateway-client', join(folder.path, 'node_modules/recall-gateway-client'))
    install(installed)
  })

  after(() => folder.remove())

  /** Copies what a package depends on, and in turn that, from what the gateway has installed. */
  function install(from: string): void {
    for (const name of Object.keys(readManifest(from).dependencies ?? {})) {
      const to = join(folder.path, 'node_modules', name)
      if (existsSync(to)) continue
      const nested = join(
        ROOT,
        'node_modules',
        relative(join(folder.path, 'node_modules'), from),
        'node_modules',
        name,
      )
      cpSync(existsSync(nested) ? nested : join(ROOT, 'node_modules', name), to, { recursive: true })
      install(to)
    }
  }

  const node = (...args: string[]): string => {
    try {
      return execFileSync(process.execPath, args, { cwd: folder.path, encoding: 'utf8' }).trim()
    } catch (error) {
      // What the compiler says is on standard output.
      return `failed: ${(error as { readonly stdout: string }).stdout}`
    }
  }

  it('of the client bring socket.io-client and nothing else', () => {
    const packages = filesIn(join(folder.path, 'node_modules'))
      .filter((file) => /node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(file))
      .map((file) => relative(join(folder.path, 'node_modules'), dirname(file)))
    expect(packages.toSorted()).to.deep.equal([
      '@socket.io/component-emitter',
      'debug',
      'engine.io-client',
      'engine.io-parser',
      'ms',
      'recall-gateway-client',
      'socket.io-client',
      'socket.io-parser',
      'ws',
      'xmlhttprequest-ssl',
    ])
    const bytes = filesIn(join(folder.path, 'node_modules')).reduce(
      (sum, file) => sum + readFileSync(file).length,
      0,
    )
    expect(bytes).to.be.below(MAX_INSTALLED_BYTES)
  })

  it('say what they are', () => {
    const { version, license, dependencies } = readManifest(ROOT)
    const manifest = readManifest(installed)
    expect(manifest).to.deep.include({ name: 'recall-gateway-client', version, license, sideEffects: false })
    expect(manifest).to.not.have.any.keys('private', 'scripts', 'devDependencies', 'bin')
    expect(Object.keys(manifest.dependencies ?? {})).to.deep.equal(['socket.io-client'])
    expect(readFileSync(join(installed, 'LICENSE'), 'utf8')).to.include('MIT')
    const readme = readFileSync(join(installed, 'README.md'), 'utf8')
    expect(readme).to.include('npm install').and.to.include('## In React')
    expect(readme).to.not.match(/\]\((?!https?:|#)/)
    for (const [, anchor = ''] of readme.matchAll(/\]\(#([^)]+)\)/g))
      expect(readme.toLowerCase(), anchor).to.match(new RegExp(`^#+ ${anchor.replaceAll('-', '.')}$`, 'm'))
    // The command line follows rooms with the client.
    expect(dependencies).to.have.property('socket.io-client')
    expect(existsSync(join(gateway, 'dist/shared/client.js'))).to.equal(true)
    expect(existsSync(join(gateway, 'dist/server/main.js'))).to.equal(true)
  })

  it('give the client to modules, to CommonJS, and to tools that do not know `exports`', () => {
    const print = (expression: string): string => `console.log(typeof (${expression}).createRecallClient)`
    const script = `import('recall-gateway-client').then((client) => ${print('client')})`
    expect(node('--eval', script)).to.equal('function')
    const { main, module: esModule } = readManifest(installed) as Manifest & { main: string; module: string }
    for (const path of ['recall-gateway-client', join(installed, main)])
      expect(
        node('--no-experimental-require-module', '--eval', print(`require(${JSON.stringify(path)})`)),
        path,
      ).to.equal('function')
    expect(readFileSync(join(installed, esModule), 'utf8')).to.match(/^export /m)
    // Syntax that is newer than ES2018.
    for (const file of filesIn(installed).filter((name) => name.endsWith('.js')))
      expect(readFileSync(file, 'utf8'), file).to.not.match(/\?\.\w|\?\?|^\s+#\w+|\bstatic \{/m)
  })

  it('have types for every way in which TypeScript looks for them', () => {
    for (const name of ['a.mts', 'a.cts', 'a.ts']) writeFileSync(join(folder.path, name), SOURCE)
    const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--lib', 'es2018']
    const modern = ['--ignoreConfig', '--target', 'es2018']
    const all = ['a.ts', 'a.mts', 'a.cts']
    for (const [compiler, ...args] of [
      [OLD_TSC, 'a.ts', '--module', 'commonjs', '--moduleResolution', 'node'],
      [OLD_TSC, ...all, '--module', 'node16'],
      [TSC, ...all, ...modern, '--module', 'nodenext'],
      [TSC, ...all, ...modern, '--module', 'esnext', '--moduleResolution', 'bundler'],
    ] as const)
      expect(node(compiler, ...options, ...args), args.join(' ')).to.equal('')
  })

  it('let the examples of CLIENTS.md for React and Vue compile', () => {
    const app = join(folder.path, 'app')
    mkdirSync(join(app, 'node_modules'), { recursive: true })
    for (const name of ['react', '@types', 'csstype', 'vue', '@vue'])
      symlinkSync(join(ROOT, 'test/node_modules', name), join(app, 'node_modules', name))
    const files = {
      'recalls.ts': clientExample('ts', "from 'react'"),
      'Conversation.tsx': clientExample('tsx', 'Conversation'),
      'vue.ts': clientExample('ts', "from 'vue'"),
      'backend.ts': `export interface Message { readonly seq: number; readonly text: string }
        export declare const getToken: () => Promise<string>
        export declare const loadMessages: (group: string) => Promise<readonly Message[]>`,
    }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(app, name), text)
    const options = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--exactOptionalPropertyTypes',
      '--skipLibCheck',
    ]
    const bundler = [
      '--module',
      'esnext',
      '--moduleResolution',
      'bundler',
      '--jsx',
      'react-jsx',
      '--types',
      '',
    ]
    const paths = Object.keys(files).map((name) => join(app, name))
    expect(node(TSC, ...options, ...bundler, '--lib', 'es2023,dom', '--target', 'es2023', ...paths)).to.equal(
      '',
    )
  })

  it('contain the sources that their source maps name', () => {
    const scripts = filesIn(installed).filter((file) => file.endsWith('.js'))
    expect(scripts.length).to.be.above(30)
    for (const script of scripts) {
      const [, link = ''] = /\n\/\/# sourceMappingURL=(\S+)\s*$/.exec(readFileSync(script, 'utf8')) ?? []
      const map = JSON.parse(readFileSync(join(dirname(script), link), 'utf8')) as {
        readonly sources: readonly string[]
        readonly sourcesContent: readonly (string | null)[]
        readonly sourceRoot?: string
      }
      expect(map.sourceRoot ?? '').to.equal('')
      expect(map.sources.length, link).to.equal(1)
      expect(map.sourcesContent[0], link).to.be.a('string').and.to.not.equal('')
      expect(join(dirname(script), map.sources[0] ?? '')).to.satisfy((path: string) =>
        path.startsWith(join(installed, 'src/')),
      )
    }
    for (const file of filesIn(installed).filter((name) => name.endsWith('.d.ts')))
      expect(readFileSync(file, 'utf8'), file).to.not.match(/sourceMappingURL|from '.*\.ts'/)
  })
})

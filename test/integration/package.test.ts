import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')

const SOURCE = `import { createRecallClient } from 'recall-gateway/client'
const client = createRecallClient({ url: 'https://r.example', getToken: () => '' })
client.subscribe({ group: 'g' }, ({ offset }): number => offset)
`

describe('the package', function () {
  this.timeout(60_000)
  let folder: ReturnType<typeof temporaryFolder>
  let installed: string
  before(() => {
    folder = temporaryFolder()
    installed = join(folder.path, 'node_modules/recall-gateway')
    mkdirSync(installed, { recursive: true })
    symlinkSync(
      join(ROOT, 'node_modules/socket.io-client'),
      join(folder.path, 'node_modules/socket.io-client'),
    )
    // Without its scripts: they would build again what the tests run.
    const [packed = ''] = execFileSync(
      'npm',
      ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder.path],
      { cwd: ROOT, encoding: 'utf8' },
    ).split('\n')
    execFileSync('tar', ['-xzf', join(folder.path, packed), '-C', installed, '--strip-components=1'])
  })

  after(() => folder.remove())

  const node = (...args: string[]): string =>
    execFileSync(process.execPath, args, { cwd: folder.path, encoding: 'utf8' }).trim()

  it('gives the client to whoever imports it', () => {
    const script = `import('recall-gateway/client').then(({ createRecallClient: create }) => console.log(typeof create))`
    expect(node('--eval', script)).to.equal('function')
  })

  it('gives it to tools that know neither modules nor `exports`', () => {
    for (const path of ['recall-gateway/client', join(installed, 'client')]) {
      const script = `console.log(typeof require(${JSON.stringify(path)}).createRecallClient)`
      expect(node('--no-experimental-require-module', '--eval', script), path).to.equal('function')
    }
  })

  it('has its types, in modules and in CommonJS', () => {
    for (const name of ['a.mts', 'a.cts']) writeFileSync(join(folder.path, name), SOURCE)
    for (const [name, lib, ...options] of [
      ['a.mts', 'es2023,dom', '--module', 'nodenext'],
      ['a.cts', 'es2023,dom', '--module', 'nodenext'],
      ['a.mts', 'es2023,dom', '--module', 'esnext', '--moduleResolution', 'bundler'],
      // The declarations are checked too, and need no newer names than the code.
      ['a.cts', 'es2018', '--module', 'commonjs', '--moduleResolution', 'bundler'],
      ['a.mts', 'es2018', '--module', 'esnext', '--moduleResolution', 'bundler'],
    ] as const) {
      const args = ['--ignoreConfig', '--noEmit', '--strict', '--target', 'es2018', '--lib', lib]
      expect(node(TSC, ...args, '--types', '', ...options, name), options.join(' ')).to.equal('')
    }
  })

  it('has types for compilers that know no `exports`, and no other names of sources', () => {
    const manifest = readFileSync(join(installed, 'client/package.json'), 'utf8')
    const { types } = JSON.parse(manifest) as { readonly types: string }
    const declarations = join(installed, 'client', types)
    expect(readFileSync(declarations, 'utf8')).to.include('createRecallClient')
    const all = readdirSync(dirname(declarations), { recursive: true, encoding: 'utf8' })
    const declared = all.filter((name) => name.endsWith('.d.ts'))
    expect(declared).to.include('client/api.d.ts')
    for (const name of declared)
      expect(readFileSync(join(dirname(declarations), name), 'utf8'), name).to.not.match(/from '.*\.ts'/)
  })
})

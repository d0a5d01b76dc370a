// Builds the package `recall-gateway-client` in `dist/client-package`: the client as ES modules and as CommonJS, for front-ends,
// which should not install a server to get it.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** The heading in CLIENTS.md where the README of the package ends. */
const END_OF_README = '\n## Without the package\n'

/** @param {{ root: string, compile: (...args: string[]) => void }} options `compile` runs the TypeScript compiler */
export function buildClientPackage({ root, compile }) {
  const folder = join(root, 'dist/client-package')
  const read = (file) => readFileSync(join(root, file), 'utf8')
  mkdirSync(folder, { recursive: true })
  for (const [format, module] of [
    ['esm', 'es2020'],
    ['cjs', 'commonjs'],
  ]) {
    const out = join(folder, format)
    compile('--project', 'shared/tsconfig.client.json', '--module', module, '--outDir', out)
    for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
      if (name.endsWith('.d.ts')) lowerTypes(join(out, name))
      if (name.endsWith('.map')) moveSources(join(root, 'shared'), folder, join(out, name))
    }
    removeInternalTypes(out)
  }
  writeJson(join(folder, 'cjs/package.json'), { type: 'commonjs', sideEffects: false })
  writeJson(join(folder, 'package.json'), manifest(JSON.parse(read('package.json'))))
  writeFileSync(join(folder, 'README.md'), readme(read('shared/CLIENTS.md')))
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
}

const writeJson = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)

function manifest({ version, license, devDependencies }) {
  const types = (format) => ({ types: `./${format}/client.d.ts`, default: `./${format}/client.js` })
  return {
    name: 'recall-gateway-client',
    version,
    description: 'Receives from a recall gateway which messages of Tencent Cloud Chat groups are recalled',
    license,
    type: 'module',
    sideEffects: false,
    // For tools that do not know `exports`.
    main: './cjs/client.js',
    module: './esm/client.js',
    types: './cjs/client.d.ts',
    exports: {
      '.': { import: types('esm'), require: types('cjs'), default: './esm/client.js' },
      './package.json': './package.json',
    },
    dependencies: { 'socket.io-client': `^${devDependencies['socket.io-client']}` },
  }
}

/**
 * Makes declarations readable for old compilers: those before TypeScript 5 find only imports of what looks like JavaScript, and a
 * compiler whose target is ES5 refuses private names.
 */
const lowerTypes = (file) =>
  writeFileSync(
    file,
    readFileSync(file, 'utf8')
      .replaceAll(/(from '\..*)\.ts'/g, "$1.js'")
      .replaceAll(' #private;', " private readonly '#private';"),
  )

/** The map contains its source. Names it as if it were in the package: elsewhere, it could be a file of the app. */
function moveSources(shared, folder, file) {
  const map = JSON.parse(readFileSync(file, 'utf8'))
  map.sources = map.sources.map((source) => {
    const inside = relative(shared, join(dirname(file), source))
    return relative(dirname(file), join(folder, 'src', inside))
  })
  writeFileSync(file, JSON.stringify(map))
}

/** Keeps the declarations that the entry point needs: the others describe what apps cannot import. */
function removeInternalTypes(out) {
  const needed = new Set()
  const visit = (file) => {
    if (needed.has(file)) return
    needed.add(file)
    for (const [, name] of readFileSync(file, 'utf8').matchAll(/(?:from |import\()'(\.[^']+)\.js'/g))
      visit(join(dirname(file), `${name}.d.ts`))
  }
  visit(join(out, 'client.d.ts'))
  for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
    const file = join(out, name)
    if (name.endsWith('.d.ts') && !needed.has(file)) rmSync(file)
  }
}

/** The beginning of CLIENTS.md. Links to what is not in the package become text. */
function readme(clients) {
  const end = clients.indexOf(END_OF_README)
  if (end === -1) throw new Error(`shared/CLIENTS.md has no heading ${END_OF_README.trim()}`)
  const text = clients.slice(0, end).replace(/^# .+/, '# recall-gateway-client')
  const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(
    ([, title]) => `#${title.toLowerCase().replaceAll(' ', '-')}`,
  )
  const links = text.replaceAll(/\[([^\]]+)\]\(([^)]+)\)/g, (link, words, target) =>
    /^https?:/.test(target) || anchors.includes(target) ? link : words,
  )
  return `${links.trimEnd()}\n`
}

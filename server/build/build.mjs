// Builds `dist`: the compiled TypeScript, the files that TypeScript does not copy, the console, the documents and the
// client. With `--tests`, also the tests.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { recordBuild, sourceState } from './built.mjs'
import { buildDocs } from './docs.mjs'
import { fail, root, run } from './run.mjs'

const require = createRequire(import.meta.url)
const withTests = process.argv.includes('--tests')

/** Runs the program `name` of a package. */
function runTool(packageName, name, ...args) {
  const manifest = require.resolve(`${packageName}/package.json`)
  const { bin } = require(manifest)
  const file = join(dirname(manifest), typeof bin === 'string' ? bin : bin[name])
  run(process.execPath, [file, ...args], `${name} failed, see above.`)
}

/** The client once more, as CommonJS: for tools that know neither modules nor the `exports` of a package. */
function buildCommonJsClient() {
  runTool('typescript', 'tsc', '--project', 'shared/tsconfig.commonjs.json')
  const shared = join(root, 'dist/shared')
  writeFileSync(join(shared, 'commonjs/package.json'), '{ "type": "commonjs" }\n')
  // Declarations name the sources that they import. Compilers before TypeScript 5 find only what looks like JavaScript.
  for (const name of readdirSync(shared, { recursive: true })) {
    if (!name.endsWith('.d.ts')) continue
    const file = join(shared, name)
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/(from '\..*)\.ts'/g, "$1.js'"))
  }
}

const before = sourceState()
try {
  // First, so that an interrupted build does not count.
  rmSync(join(root, 'dist/.built-from'), { force: true })
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  mkdirSync(join(root, 'dist'))
} catch ({ code }) {
  fail(`dist cannot be replaced (${code}): does it, or the checkout, belong to another user?`)
}
runTool('typescript', 'tsc', '--project', withTests ? 'test' : '.')
buildCommonJsClient()
// Lets the compiled tests resolve their packages as their sources do.
if (withTests) symlinkSync('../../test/node_modules', join(root, 'dist/test/node_modules'))
cpSync(join(root, 'server/broker/redis/scripts'), join(root, 'dist/server/broker/redis/scripts'), {
  recursive: true,
})
runTool('vite', 'vite', 'build', 'server/console', '--logLevel', 'warn')

buildDocs(root)

// The client for pages without a bundler, with all its dependencies.
const { build } = await import('vite')
await build({
  configFile: false,
  logLevel: 'warn',
  root,
  publicDir: false,
  build: {
    outDir: join(root, 'dist/server/client'),
    lib: { entry: join(root, 'shared/client.ts'), formats: ['es'], fileName: 'client' },
  },
})
recordBuild(before)

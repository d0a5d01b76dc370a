// Builds `dist`: what TypeScript emits, the files it does not know, and the page. With `--tests`, the tests as well.
import { cpSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fingerprint, noteBuilt } from './built.mjs'
import { buildDocs } from './docs.mjs'
import { fail, root, run } from './run.mjs'

const require = createRequire(import.meta.url)
const withTests = process.argv.includes('--tests')

/** Runs the program `name` of a package. */
function runTool(packageName, name, ...args) {
  const manifest = require.resolve(`${packageName}/package.json`)
  const { bin } = require(manifest)
  const file = join(dirname(manifest), typeof bin === 'string' ? bin : bin[name])
  run(process.execPath, [file, ...args], `${name} found mistakes, see above.`)
}

const before = fingerprint()
try {
  rmSync(join(root, 'dist'), { recursive: true, force: true })
} catch ({ code }) {
  fail(`dist cannot be removed (${code}): does it belong to another user?`)
}
runTool('typescript', 'tsc', '--project', withTests ? 'test' : '.')
// What the tests import is found from where they are compiled to as from where they are written.
if (withTests) symlinkSync('../../test/node_modules', join(root, 'dist/test/node_modules'))
cpSync(join(root, 'server/broker/redis/scripts'), join(root, 'dist/server/broker/redis/scripts'), {
  recursive: true,
})
runTool('vite', 'vite', 'build', 'server/console', '--logLevel', 'warn')

buildDocs(root)

// The client for pages without a bundler of their own, with all that it needs.
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
noteBuilt(before)

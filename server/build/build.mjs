// Builds `dist`: the compiled TypeScript, the files that TypeScript does not copy, the package of the client, the console, the
// documents and the client for pages. With `--tests`, also the tests.
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { recordBuild, sourceState } from './built.mjs'
import { buildClientPackage } from './client-package.mjs'
import { compressFolder } from './compress.mjs'
import { buildDocs } from './docs.mjs'
import { buildPageClient } from './page-client.mjs'
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
buildClientPackage({ root, compile: (...args) => runTool('typescript', 'tsc', ...args) })
// Lets the compiled tests resolve their packages as their sources do.
if (withTests) symlinkSync('../../test/node_modules', join(root, 'dist/test/node_modules'))
cpSync(join(root, 'server/broker/redis/scripts'), join(root, 'dist/server/broker/redis/scripts'), {
  recursive: true,
})
runTool('vite', 'vite', 'build', 'server/console', '--logLevel', 'warn')

buildDocs(root)
await buildPageClient(root)
for (const folder of ['page', 'docs', 'client']) await compressFolder(join(root, 'dist/server'), folder)
recordBuild(before)

// Builds `dist`: what TypeScript emits, the files it does not know, and the page.
import { execFileSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildDocs } from './docs.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const require = createRequire(import.meta.url)

/** Runs the program `name` of a package. */
function run(packageName, name, ...args) {
  const manifest = require.resolve(`${packageName}/package.json`)
  const { bin } = require(manifest)
  const file = join(dirname(manifest), typeof bin === 'string' ? bin : bin[name])
  execFileSync(process.execPath, [file, ...args], { cwd: root, stdio: 'inherit' })
}

rmSync(join(root, 'dist'), { recursive: true, force: true })
run('typescript', 'tsc')
cpSync(join(root, 'server/broker/redis/scripts'), join(root, 'dist/server/broker/redis/scripts'), {
  recursive: true,
})
run('vite', 'vite', 'build', 'server/console', '--logLevel', 'warn')

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

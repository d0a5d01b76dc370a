// Prepares a fresh checkout and runs it: installs the locked packages, builds, then runs the command line of the gateway
// with the given arguments. With `--tests` alone, sets up the tests instead. Plain JavaScript, because it needs nothing but
// Node and npm.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isBuilt } from './built.mjs'
import { lockCheckout } from './lock.mjs'
import { installPackages } from './packages.mjs'
import { root, run, say } from './run.mjs'

const forTests = process.argv[2] === '--tests'
const build = (...flags) => {
  say('building, which can take a minute')
  run(process.execPath, [join(root, 'server/build/build.mjs'), ...flags], 'the build failed, see above.')
}

const release = await lockCheckout()
installPackages(root)
if (forTests) {
  installPackages(join(root, 'test'))
  build('--tests')
  release()
} else {
  if (!isBuilt()) build()
  release()
  const main = join(root, 'dist/server/main.js')
  process.argv[1] = main
  await import(pathToFileURL(main).href)
}

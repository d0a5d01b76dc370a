// Brings a fresh checkout to where it can run: installs what the lock file says, builds, then runs the command line of
// the gateway with the arguments given here. With `--tests` alone, sets up the tests instead.
// Needs nothing but Node and npm, hence plain JavaScript.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isBuilt } from './built.mjs'
import { installPackages } from './packages.mjs'
import { root, run } from './run.mjs'

const forTests = process.argv[2] === '--tests'
const build = (...flags) =>
  run(process.execPath, [join(root, 'server/build/build.mjs'), ...flags], 'the build failed, see above.')

installPackages(root)
if (forTests) {
  installPackages(join(root, 'test'))
  build('--tests')
} else {
  if (!isBuilt()) build()
  const main = join(root, 'dist/server/main.js')
  process.argv[1] = main
  await import(pathToFileURL(main).href)
}

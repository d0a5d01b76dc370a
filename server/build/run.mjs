import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The folder of the project. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Runs a program with its output shown. If it fails, exits with the sentence `failure`. */
export function run(program, parameters, failure) {
  const { status } = spawnSync(program, parameters, { cwd: root, stdio: 'inherit' })
  if (status !== 0) fail(failure)
}

/** Says what takes a while. */
export const say = (sentence) => process.stderr.write(`recall-gateway: ${sentence}\n`)

/** Exits with one sentence that says what to do. */
export function fail(sentence) {
  say(sentence)
  process.exit(1)
}

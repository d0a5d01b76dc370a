import { spawnSync } from 'node:child_process'
import fc from 'fast-check'

function ownNumber(): number {
  const { stdout, status } = spawnSync('git', ['rev-parse', 'HEAD'], { encoding: 'latin1' })
  return status === 0 ? parseInt(stdout.slice(0, 7), 16) : Math.floor(Math.random() * 2 ** 28)
}

/**
 * Where tests start to draw: new with each commit, so that whoever tests a commit again sees the same. `SEED` replaces it.
 * Outside a repository it is random.
 */
export const COMMIT_SEED = Number(process.env['SEED'] ?? 1_000 + ownNumber())

fc.configureGlobal({ seed: COMMIT_SEED })

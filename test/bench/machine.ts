import { execFileSync } from 'node:child_process'
import { cpus, loadavg, totalmem } from 'node:os'
import { programPath } from '../support/programs.ts'

/** Describes the machine that the figures come from. */
export function describeMachine(): string {
  const redis = /v=(\S+)/.exec(execFileSync(programPath('redis'), ['--version'], { encoding: 'utf8' }))?.[1]
  return [
    `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'})`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Node ${process.versions.node}`,
    `Redis ${redis ?? 'unknown'}`,
    `load average ${loadavg()[0]?.toFixed(2) ?? ''}`,
  ].join(', ')
}

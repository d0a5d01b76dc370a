/**
 * Loaded into a gateway before everything else, with `--import`. Counts calls of `JSON.stringify`. On SIGUSR2 it prints
 * the count and the size of what is in memory as one line of JSON, and what it has done step by step if COUNT_STEPS is set.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { countSteps } from './count-steps.ts'
import type { Steps } from './count-steps.ts'

export interface Work {
  /** Calls of `JSON.stringify`. */
  readonly encodings: number
  /** Measured after garbage collection. */
  readonly heapBytes: number
  /** Of buffers, outside the heap. */
  readonly bufferBytes: number
  /** Undefined without COUNT_STEPS. */
  readonly steps?: Steps
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

let encodings = 0
const stringify = JSON.stringify.bind(JSON)
JSON.stringify = ((...args: Parameters<typeof stringify>) => {
  encodings++
  return stringify(...args)
}) as typeof JSON.stringify

const stepsSoFar = process.env['COUNT_STEPS'] === undefined ? undefined : countSteps()

process.on('SIGUSR2', () => {
  const steps = stepsSoFar?.()
  collectGarbage()
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  const work: Work = { encodings, heapBytes: heapUsed, bufferBytes: external, ...(steps && { steps }) }
  process.stdout.write(`${stringify({ work })}\n`)
})

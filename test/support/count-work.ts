/**
 * Loaded into a gateway before anything else, with `--import`: counts what it encodes, and tells that and the size of its
 * heap, in one line of JSON, whenever it is sent SIGUSR2.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface Work {
  /** Calls of `JSON.stringify`. */
  readonly encodings: number
  /** After all that can be freed was freed. */
  readonly heapBytes: number
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

let encodings = 0
const stringify = JSON.stringify.bind(JSON)
JSON.stringify = ((...parameters: Parameters<typeof stringify>) => {
  encodings++
  return stringify(...parameters)
}) as typeof JSON.stringify

process.on('SIGUSR2', () => {
  collect()
  collect()
  const work: Work = { encodings, heapBytes: process.memoryUsage().heapUsed }
  process.stdout.write(`${stringify({ work })}\n`)
})

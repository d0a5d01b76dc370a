import { execFile } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { programPath } from './programs.ts'

const run = promisify(execFile)

/** More than any run prints. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024
/** Deeper than any model; the output says if it is not. */
const MAX_DEPTH = 100_000
/** log2 of the size of the hash table, which grows. */
const HASH_BITS = 20
const MAX_MEMORY_MB = 2_000

/** A mistake that a model can be told to make, and the property that must not survive it. */
interface Defect {
  readonly name: string
  readonly number: string
  readonly property: string
}

/** What the text of a model says of itself. */
interface Model {
  readonly name: string
  readonly path: string
  readonly defects: readonly Defect[]
  /** What must be reached, so that no property holds because nothing happens. */
  readonly situations: readonly string[]
  /** Those that a state violates, and those that an execution violates. */
  readonly safety: readonly string[]
  readonly liveness: readonly string[]
}

export function readModel(path: string): Model {
  const text = readFileSync(path, 'utf8')
  const names = (pattern: RegExp): string[] =>
    [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))].sort()
  const lines = text.matchAll(/^#define (\w+) +(\d+) +\/\* refuted by (\w+):/gm)
  return {
    name: basename(path, '.pml'),
    path,
    defects: [...lines].map(([, name = '', number = '', property = '']) => ({ name, number, property })),
    situations: names(/\bREACHED\((\w+)\)/g),
    safety: names(/\bVIOLATED\((\w+)\)/g),
    liveness: names(/^ltl (\w+)/gm),
  }
}

interface Outcome {
  /** Whether every reachable state was searched. */
  readonly isComplete: boolean
  readonly errors: number
  /** The property that a state violates, or what an execution that never ends violates. */
  readonly violated: string | undefined
  readonly reached: readonly string[]
  readonly output: string
}

/** Compiles a model in this folder. Returns a function that searches all of its states. */
export async function compileModel({ path, liveness }: Model, folder: string) {
  const pan = join(folder, 'pan')
  // Trails are written beside the model.
  cpSync(dirname(path), folder, { recursive: true })
  await run(programPath('spin'), ['-a', basename(path)], { cwd: folder })
  const flags = ['-O2', '-w', `-DMEMLIM=${MAX_MEMORY_MB}`]
  await run(programPath('gcc'), [...flags, '-o', pan, 'pan.c'], { cwd: folder })

  async function execute(values: readonly string[], defect: Defect | undefined): Promise<string> {
    const options = { cwd: folder, env: { DEFECT: defect?.number ?? '0' }, maxBuffer: MAX_OUTPUT_BYTES }
    // An error in the model is in the output, whatever the exit code.
    const { stdout } = await run(pan, values, options).catch((error: { stdout: string }) => error)
    return stdout
  }

  return {
    /** With a defect, searches only for what its property excludes. */
    async search(defect?: Defect): Promise<Outcome> {
      const isOfStates = defect !== undefined && !liveness.includes(defect.property)
      // Without the formula, no state is searched twice. A state in which nothing follows is none of our properties.
      const kind = isOfStates ? ['-noclaim', '-E'] : ['-a']
      const output = await execute([...kind, `-m${MAX_DEPTH}`, `-w${HASH_BITS}`], defect)
      const [, violated = /acceptance cycle \(/.test(output) ? liveness[0] : undefined] =
        /^violated: (\w+)/m.exec(output) ?? []
      return {
        isComplete: !/Search not completed|search depth too small|reached -DMEMLIM/.test(output),
        errors: Number(/errors: (\d+)/.exec(output)?.[1] ?? Number.NaN),
        violated,
        reached: [...new Set([...output.matchAll(/^reached: (\w+)/gm)].map(([, name = '']) => name))].sort(),
        output,
      }
    },

    /** Returns what led to the error of the latest search, in our own words. */
    async trail(defect?: Defect): Promise<string> {
      const output = await execute(['-r', '-n'], defect)
      const [steps = ''] = output.split(/^spin: trail ends/m)
      return steps.replaceAll(/^MSC: .*\n/gm, '')
    },
  }
}

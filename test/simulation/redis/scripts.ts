import { createHash } from 'node:crypto'
import { compile } from './lua/compiler.ts'
import { LIBRARIES } from './lua/library.ts'
import { redisLibrary, toErrorReply, toReply } from './lua/redis-library.ts'
import type { ScriptHost } from './lua/redis-library.ts'
import { first, LuaError, LuaTable } from './lua/runtime.ts'
import type { LuaResult } from './lua/runtime.ts'
import { toInteger } from './numbers.ts'
import { argument } from './commands/command.ts'
import { ErrorReply } from './reply.ts'
import type { Reply } from './reply.ts'

const NO_SCRIPT = 'NOSCRIPT No matching script. Please use EVAL.'

interface Script {
  readonly digest: string
  readonly run: (keys: LuaTable, args: LuaTable) => LuaResult
}

/** The scripts that a server knows, until it restarts. They run themselves, translated to JavaScript. */
export class Scripts {
  readonly #bySource = new Map<string, Script>()
  readonly #byDigest = new Map<string, Script>()
  readonly #libraries: Parameters<ReturnType<typeof compile>>[0]

  constructor(host: ScriptHost) {
    this.#libraries = { ...LIBRARIES, redis: redisLibrary(host) }
  }

  /** Returns the digest. Throws for a script that cannot be translated. */
  load(source: string): string {
    return this.#load(source).digest
  }

  knows(digest: string): boolean {
    return this.#byDigest.has(digest.toLowerCase())
  }

  forget(): void {
    this.#bySource.clear()
    this.#byDigest.clear()
  }

  /** As EVAL and EVALSHA: a script or its digest, the number of keys, keys and arguments. */
  run(args: readonly string[], isDigest: boolean): Reply {
    const count = toInteger(argument(args, 1))
    if (count > args.length - 2)
      throw new ErrorReply("ERR Number of keys can't be greater than number of args")
    if (count < 0) throw new ErrorReply("ERR Number of keys can't be negative")
    const script = isDigest
      ? this.#byDigest.get(argument(args, 0).toLowerCase())
      : this.#load(argument(args, 0))
    if (script === undefined) throw new ErrorReply(NO_SCRIPT)
    try {
      return toReply(
        first(script.run(new LuaTable(args.slice(2, 2 + count)), new LuaTable(args.slice(2 + count)))),
      )
    } catch (error) {
      if (error instanceof LuaError) throw toErrorReply(error, script.digest)
      throw error
    }
  }

  #load(source: string): Script {
    const known = this.#bySource.get(source)
    if (known !== undefined) return known
    const digest = createHash('sha1').update(source, 'latin1').digest('hex')
    const script = { digest, run: translate(source)(this.#libraries) }
    this.#bySource.set(source, script)
    this.#byDigest.set(digest, script)
    return script
  }
}

function translate(source: string): ReturnType<typeof compile> {
  try {
    return compile(source)
  } catch (error) {
    throw new ErrorReply(
      `ERR Error compiling script: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

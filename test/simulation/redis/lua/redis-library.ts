import { createHash } from 'node:crypto'
import { formatDouble, formatInteger } from '../numbers.ts'
import { Double, ErrorReply, Pairs, Status } from '../reply.ts'
import type { Reply } from '../reply.ts'
import type { Library } from './library.ts'
import { isTrue, LuaError, LuaTable } from './runtime.ts'
import type { LuaValue } from './runtime.ts'

export interface ScriptHost {
  /** Runs a command. Throws an ErrorReply. */
  call(name: string, args: readonly string[]): Reply
  /** Whether the user may run this command. */
  mayRun(name: string): boolean
}

/** The functions that Redis adds for scripts. */
export function redisLibrary(host: ScriptHost): Library {
  const call = (...words: LuaValue[]): Reply => {
    const [name, ...args] = words.map(toArgument)
    if (name === undefined)
      throw new ErrorReply('ERR Please specify at least one argument for this redis.call() call')
    return host.call(name.toLowerCase(), args)
  }
  const protectedCall = (...words: LuaValue[]): LuaValue => {
    try {
      return toLua(call(...words))
    } catch (error) {
      if (error instanceof ErrorReply) return toLua(error)
      throw error
    }
  }
  return {
    call(...words) {
      const reply = protectedCall(...words)
      if (errorIn(reply) !== undefined) throw new LuaError(reply)
      return reply
    },
    pcall: protectedCall,
    acl_check_cmd: (name) => host.mayRun(toArgument(name).toLowerCase()),
    error_reply: (text) => LuaTable.of({ err: toArgument(text).replace(/^-/, '') }),
    status_reply: (text) => LuaTable.of({ ok: text }),
    sha1hex: (text) => createHash('sha1').update(toArgument(text), 'latin1').digest('hex'),
  }
}

function toArgument(value: LuaValue): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return formatDouble(value)
  throw new ErrorReply('ERR Lua redis lib command arguments must be strings or integers')
}

function errorIn(value: LuaValue): string | undefined {
  const error = value instanceof LuaTable ? value.get('err') : undefined
  return typeof error === 'string' ? error : undefined
}

/** Scripts get replies as in RESP2. */
function toLua(reply: Reply): LuaValue {
  if (typeof reply === 'string' || typeof reply === 'number') return reply
  if (reply === null) return false
  if (reply instanceof Status) return LuaTable.of({ ok: reply.text })
  if (reply instanceof ErrorReply) return LuaTable.of({ err: reply.message })
  if (reply instanceof Double) return formatDouble(reply.value)
  return new LuaTable((reply instanceof Pairs ? reply.flat : reply).map(toLua))
}

/** Turns what a script returns into a reply. */
export function toReply(value: LuaValue): Reply {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return Number(formatInteger(value))
  if (!(value instanceof LuaTable)) return isTrue(value) && value === true ? 1 : null
  const error = errorIn(value)
  if (error !== undefined) return new ErrorReply(error)
  const status = value.get('ok')
  if (typeof status === 'string') return new Status(status)
  return value.sequence().map(([, item]) => toReply(item))
}

/** Turns an error that ends a script into the reply. */
export function toErrorReply(error: LuaError, digest: string): ErrorReply {
  const { value } = error
  const text = errorIn(value) ?? `ERR ${typeof value === 'string' ? value : 'user_script: unknown error'}`
  return new ErrorReply(`${text} script: ${digest}, on @user_script:1.`)
}

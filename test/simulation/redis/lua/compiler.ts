import type { Library } from './library.ts'
import { Reader } from './reader.ts'
import * as runtime from './runtime.ts'
import type { LuaResult, LuaTable } from './runtime.ts'
import { Statements } from './statements.ts'

type Libraries = Readonly<Record<string, Library>>
/** A script with the libraries that it uses. */
export type Compiled = (libraries: Libraries) => (keys: LuaTable, args: LuaTable) => LuaResult

const compiled = new Map<string, Compiled>()

/**
 * Translates a script into JavaScript: the part of Lua 5.1 that the scripts use. Throws a SyntaxError for anything else. The
 * scripts themselves thus run in the model, and a change of one needs none here.
 */
export function compile(source: string): Compiled {
  const known = compiled.get(source)
  if (known !== undefined) return known
  const body = new Statements(new Reader(source)).script()
  const names = Object.keys(runtime).join(', ')
  const script = `'use strict'; const { ${names} } = runtime; return (library) => (KEYS, ARGV) => {\n${body}}`
  // eslint-disable-next-line typescript/no-implied-eval -- made here, from the scripts of this project
  const made = new Function('runtime', script)(runtime) as Compiled
  compiled.set(source, made)
  return made
}

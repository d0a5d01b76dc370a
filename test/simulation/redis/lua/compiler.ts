import { tokensOf } from './lexer.ts'
import type { Token } from './lexer.ts'
import type { Library } from './library.ts'
import * as runtime from './runtime.ts'
import type { LuaResult, LuaTable } from './runtime.ts'

type Libraries = Readonly<Record<string, Library>>
/** A script with the libraries that it uses. */
export type Compiled = (libraries: Libraries) => (keys: LuaTable, args: LuaTable) => LuaResult

/** JavaScript for an expression. */
interface Expression {
  /** Its value; for a call or `...`, its result, which may be several values. */
  readonly code: string
  /** Whether it counts as true. */
  readonly condition: string
  readonly isSeveral?: boolean
}

const BINARY: Readonly<Record<string, { readonly level: number; readonly isRight?: boolean }>> = {
  or: { level: 1 },
  and: { level: 2 },
  ...Object.fromEntries(['<', '>', '<=', '>=', '~=', '=='].map((one) => [one, { level: 3 }])),
  '..': { level: 4, isRight: true },
  '+': { level: 5 },
  '-': { level: 5 },
  '*': { level: 6 },
  '/': { level: 6 },
  '%': { level: 6 },
  '^': { level: 8, isRight: true },
}
const UNARY_LEVEL = 7
const ARITHMETIC: Readonly<Record<string, string>> = { '+': '+', '-': '-', '*': '*', '/': '/', '^': '**' }

const valueOf = (code: string): Expression => ({ code, condition: `isTrue(${code})` })
const booleanOf = (code: string): Expression => ({ code, condition: code })
const single = ({ code, isSeveral = false }: Expression): string => (isSeveral ? `first(${code})` : code)
const conditionOf = (one: Expression): string =>
  one.isSeveral ? `isTrue(first(${one.code}))` : one.condition
const listOf = (all: readonly Expression[]): string =>
  all
    .map((one, i) => (one.isSeveral && i === all.length - 1 ? `...all(${one.code})` : single(one)))
    .join(', ')

const compiled = new Map<string, Compiled>()

/**
 * Translates a script into JavaScript: the part of Lua 5.1 that the scripts use. Throws a SyntaxError for anything else. The
 * scripts themselves thus run in the model, and a change of one needs none here.
 */
export function compile(source: string): Compiled {
  const known = compiled.get(source)
  if (known !== undefined) return known
  const body = new Compiler(source).script()
  const names = Object.keys(runtime).join(', ')
  const script = `'use strict'; const { ${names} } = runtime; return (library) => (KEYS, ARGV) => {\n${body}}`
  // eslint-disable-next-line typescript/no-implied-eval -- made here, from the scripts of this project
  const made = new Function('runtime', script)(runtime) as Compiled
  compiled.set(source, made)
  return made
}

class Compiler {
  readonly #tokens: readonly Token[]
  #at = 0
  #names = 0
  /** JavaScript names of the local variables, innermost scope last. */
  readonly #scopes: Map<string, string>[] = [
    new Map([
      ['KEYS', 'KEYS'],
      ['ARGV', 'ARGV'],
    ]),
  ]

  constructor(source: string) {
    this.#tokens = tokensOf(source)
  }

  script(): string {
    const body = this.#block()
    if (this.#token.kind !== 'end') this.#fail()
    return body
  }

  get #token(): Token {
    return this.#tokens[this.#at] as Token
  }

  #fail(): never {
    throw new SyntaxError(`line ${this.#token.line}: unexpected ${this.#token.text}`)
  }

  #is(symbol: string): boolean {
    return this.#token.kind === 'symbol' && this.#token.text === symbol
  }

  #accept(symbol: string): boolean {
    if (!this.#is(symbol)) return false
    this.#at++
    return true
  }

  #expect(symbol: string): void {
    if (!this.#accept(symbol)) this.#fail()
  }

  #name(): string {
    if (this.#token.kind !== 'name') this.#fail()
    return this.#tokens[this.#at++]?.text ?? ''
  }

  #declare(name: string): string {
    const made = `${name}_${++this.#names}`
    this.#scopes.at(-1)?.set(name, made)
    return made
  }

  #temporary(): string {
    return `t_${++this.#names}`
  }

  /** Reads statements up to a word that ends them. `names` are declared in their scope first. */
  #block(declare: () => void = () => undefined): string {
    this.#scopes.push(new Map())
    declare()
    let code = ''
    while (this.#token.kind !== 'end' && !['end', 'else', 'elseif', 'until'].some((word) => this.#is(word)))
      code += `${this.#statement()}\n`
    this.#scopes.pop()
    return code
  }

  #statement(): string {
    if (this.#accept(';')) return ''
    if (this.#accept('local')) return this.#accept('function') ? this.#localFunction() : this.#local()
    if (this.#accept('if')) return this.#if()
    if (this.#accept('for')) return this.#for()
    if (this.#accept('while')) {
      const condition = conditionOf(this.#expression())
      this.#expect('do')
      return `while (${condition}) {\n${this.#blockToEnd()}}`
    }
    if (this.#accept('do')) return `{\n${this.#blockToEnd()}}`
    if (this.#accept('return')) return this.#return()
    if (this.#accept('break')) return 'break;'
    return this.#assignmentOrCall()
  }

  #blockToEnd(declare?: () => void): string {
    const code = this.#block(declare)
    this.#expect('end')
    return code
  }

  #return(): string {
    const isLast = this.#token.kind === 'end' || ['end', 'else', 'elseif', ';'].some((word) => this.#is(word))
    const values = isLast ? [] : this.#expressions()
    this.#accept(';')
    const [value] = values
    if (value === undefined) return 'return undefined;'
    return values.length === 1 ? `return ${value.code};` : `return new Several([${listOf(values)}]);`
  }

  #localFunction(): string {
    const name = this.#declare(this.#name())
    return `const ${name} = ${this.#function()};`
  }

  #local(): string {
    const names = [this.#name()]
    while (this.#accept(',')) names.push(this.#name())
    const values = this.#accept('=') ? this.#expressions() : []
    const made = names.map((name) => this.#declare(name))
    const [value] = values
    if (made.length === 1 && values.length <= 1)
      return `let ${made[0]} = ${value ? single(value) : 'undefined'};`
    return `let [${made.join(', ')}] = [${listOf(values)}];`
  }

  #if(): string {
    const condition = conditionOf(this.#expression())
    this.#expect('then')
    const code = `if (${condition}) {\n${this.#block()}}`
    if (this.#accept('elseif')) return `${code} else ${this.#if()}`
    if (this.#accept('else')) return `${code} else {\n${this.#blockToEnd()}}`
    this.#expect('end')
    return code
  }

  #for(): string {
    const names = [this.#name()]
    while (this.#accept(',')) names.push(this.#name())
    if (this.#accept('=')) return this.#numericFor(names[0] ?? '')
    this.#expect('in')
    const [isOrdered, isPairs] = [this.#token.text === 'ipairs', this.#token.text === 'pairs']
    if (!isOrdered && !isPairs) this.#fail()
    this.#at++
    this.#expect('(')
    const table = single(this.#expression())
    this.#expect(')')
    this.#expect('do')
    let made: string[] = []
    const body = this.#blockToEnd(() => (made = names.map((name) => this.#declare(name))))
    const entries = `tableOf(${table}).${isOrdered ? 'sequence' : 'entries'}()`
    return `for (let [${made.join(', ')}] of ${entries}) {\n${body}}`
  }

  #numericFor(name: string): string {
    const [from, to, step = '1', ...others] = this.#expressions().map((one) => `num(${single(one)})`)
    if (from === undefined || to === undefined || others.length > 0) this.#fail()
    this.#expect('do')
    let made = ''
    const body = this.#blockToEnd(() => (made = this.#declare(name)))
    const [i, last, by] = [this.#temporary(), this.#temporary(), this.#temporary()]
    const isBelow = step === '1' ? `${i} <= ${last}` : `${by} > 0 ? ${i} <= ${last} : ${i} >= ${last}`
    const head = `let ${i} = ${from}, ${last} = ${to}, ${by} = ${step}; ${isBelow}; ${i} += ${by}`
    return `for (${head}) {\nlet ${made} = ${i};\n${body}}`
  }

  #assignmentOrCall(): string {
    const targets = [this.#suffixed()]
    while (this.#accept(',')) targets.push(this.#suffixed())
    const [target] = targets
    if (!this.#accept('=')) {
      if (targets.length > 1 || !target?.isSeveral) this.#fail()
      return `${target.code};`
    }
    const values = this.#expressions()
    const [value] = values
    if (target !== undefined && value !== undefined && targets.length === 1 && values.length === 1)
      return this.#assign(target, single(value))
    const list = this.#temporary()
    const assignments = targets.map((one, i) => this.#assign(one, `${list}[${i}]`))
    return `{ const ${list} = [${listOf(values)}];\n${assignments.join('\n')} }`
  }

  #assign({ code, isSeveral }: Expression, value: string): string {
    if (isSeveral) this.#fail()
    return code.startsWith('index(')
      ? `assign(${code.slice('index('.length, -1)}, ${value});`
      : `${code} = ${value};`
  }

  #expressions(): Expression[] {
    const all = [this.#expression()]
    while (this.#accept(',')) all.push(this.#expression())
    return all
  }

  #expression(above = 0): Expression {
    let left = this.#unary()
    for (;;) {
      const symbol = this.#token.text
      const binary =
        this.#token.kind === 'symbol' && Object.hasOwn(BINARY, symbol) ? BINARY[symbol] : undefined
      if (binary === undefined || binary.level <= above) return left
      this.#at++
      left = this.#combine(symbol, left, this.#expression(binary.isRight ? binary.level - 1 : binary.level))
    }
  }

  #combine(symbol: string, left: Expression, right: Expression): Expression {
    const [a, b] = [single(left), single(right)]
    if (symbol === 'and' || symbol === 'or') return this.#choice(symbol, left, right)
    if (symbol === '==') return booleanOf(`(${a} === ${b})`)
    if (symbol === '~=') return booleanOf(`(${a} !== ${b})`)
    if (symbol === '<') return booleanOf(`isLess(${a}, ${b})`)
    if (symbol === '>') return booleanOf(`isLess(${b}, ${a})`)
    if (symbol === '<=') return booleanOf(`isAtMost(${a}, ${b})`)
    if (symbol === '>=') return booleanOf(`isAtMost(${b}, ${a})`)
    if (symbol === '..') return valueOf(`concat(${a}, ${b})`)
    if (symbol === '%') return valueOf(`modulo(num(${a}), num(${b}))`)
    return valueOf(`(num(${a}) ${ARITHMETIC[symbol]} num(${b}))`)
  }

  #choice(symbol: 'and' | 'or', left: Expression, right: Expression): Expression {
    const choose = symbol === 'and' ? 'and' : 'or'
    const join = symbol === 'and' ? '&&' : '||'
    return {
      code: `${choose}(${single(left)}, () => ${single(right)})`,
      condition: `(${conditionOf(left)} ${join} ${conditionOf(right)})`,
    }
  }

  #unary(): Expression {
    if (this.#accept('not')) return booleanOf(`!${conditionOf(this.#expression(UNARY_LEVEL))}`)
    if (this.#accept('-')) return valueOf(`(-num(${single(this.#expression(UNARY_LEVEL))}))`)
    if (this.#accept('#')) return valueOf(`lengthOf(${single(this.#expression(UNARY_LEVEL))})`)
    return this.#simple()
  }

  #simple(): Expression {
    const { kind, text } = this.#token
    if (kind === 'number' || kind === 'string') {
      this.#at++
      return valueOf(kind === 'number' ? String(Number(text)) : JSON.stringify(text))
    }
    if (this.#accept('nil')) return valueOf('undefined')
    if (this.#accept('true')) return booleanOf('true')
    if (this.#accept('false')) return booleanOf('false')
    if (this.#accept('function')) return valueOf(this.#function())
    if (this.#is('{')) return this.#table()
    return this.#suffixed()
  }

  #function(): string {
    this.#expect('(')
    const names: string[] = []
    if (!this.#is(')'))
      do names.push(this.#name())
      while (this.#accept(','))
    this.#expect(')')
    let made: string[] = []
    const body = this.#blockToEnd(() => (made = names.map((name) => this.#declare(name))))
    return `((${made.join(', ')}) => {\n${body}})`
  }

  #table(): Expression {
    this.#expect('{')
    const items: Expression[] = []
    while (!this.#is('}')) {
      if (this.#tokens[this.#at + 1]?.text === '=' && this.#token.kind === 'name') return this.#record()
      items.push(this.#expression())
      if (!this.#accept(',') && !this.#accept(';')) break
    }
    this.#expect('}')
    return valueOf(`new LuaTable([${listOf(items)}])`)
  }

  /** A table with nothing but names. */
  #record(): Expression {
    const entries: string[] = []
    while (!this.#is('}')) {
      const name = this.#name()
      this.#expect('=')
      entries.push(`${JSON.stringify(name)}: ${single(this.#expression())}`)
      if (!this.#accept(',') && !this.#accept(';')) break
    }
    this.#expect('}')
    return valueOf(`LuaTable.of({ ${entries.join(', ')} })`)
  }

  #suffixed(): Expression {
    let left = this.#accept('(') ? this.#parenthesized() : this.#variable(this.#name())
    for (;;) {
      if (this.#accept('.')) left = valueOf(`index(${single(left)}, ${JSON.stringify(this.#name())})`)
      else if (this.#accept('[')) {
        const key = single(this.#expression())
        this.#expect(']')
        left = valueOf(`index(${single(left)}, ${key})`)
      } else if (this.#accept('(')) {
        const values = this.#is(')') ? [] : this.#expressions()
        this.#expect(')')
        left = { ...valueOf(`callable(${single(left)})(${listOf(values)})`), isSeveral: true }
      } else return left
    }
  }

  #parenthesized(): Expression {
    const inner = this.#expression()
    this.#expect(')')
    return inner.isSeveral ? valueOf(single(inner)) : inner
  }

  #variable(name: string): Expression {
    const local = this.#scopes.findLast((scope) => scope.has(name))?.get(name)
    if (local !== undefined) return valueOf(local)
    if (!this.#accept('.')) return valueOf(`library['']?.${name}`)
    return valueOf(`library.${name}?.${this.#name()}`)
  }
}

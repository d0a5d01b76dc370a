import type { Reader } from './reader.ts'

/** JavaScript for an expression. */
export interface Expression {
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
export const single = ({ code, isSeveral = false }: Expression): string =>
  isSeveral ? `first(${code})` : code
export const conditionOf = (one: Expression): string =>
  one.isSeveral ? `isTrue(first(${one.code}))` : one.condition
export const listOf = (all: readonly Expression[]): string =>
  all
    .map((one, i) => (one.isSeveral && i === all.length - 1 ? `...all(${one.code})` : single(one)))
    .join(', ')

/** Reads a block up to its end; what is declared first is known in it. */
type ReadBody = (declare: () => void) => string

/** Translates expressions. */
export class Expressions {
  readonly #reader: Reader
  readonly #readBody: ReadBody

  constructor(reader: Reader, readBody: ReadBody) {
    this.#reader = reader
    this.#readBody = readBody
  }

  /** Reads one expression, or several with commas between them. */
  list(): Expression[] {
    const all = [this.read()]
    while (this.#reader.accept(',')) all.push(this.read())
    return all
  }

  /** Reads an expression up to an operator that binds no more than this. */
  read(above = 0): Expression {
    let left = this.#unary()
    for (;;) {
      const symbol = this.#reader.token.text
      const binary =
        this.#reader.token.kind === 'symbol' && Object.hasOwn(BINARY, symbol) ? BINARY[symbol] : undefined
      if (binary === undefined || binary.level <= above) return left
      this.#reader.skip()
      left = this.#combine(symbol, left, this.read(binary.isRight ? binary.level - 1 : binary.level))
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
    if (this.#reader.accept('not')) return booleanOf(`!${conditionOf(this.read(UNARY_LEVEL))}`)
    if (this.#reader.accept('-')) return valueOf(`(-num(${single(this.read(UNARY_LEVEL))}))`)
    if (this.#reader.accept('#')) return valueOf(`lengthOf(${single(this.read(UNARY_LEVEL))})`)
    return this.#simple()
  }

  #simple(): Expression {
    const { kind, text } = this.#reader.token
    if (kind === 'number' || kind === 'string') {
      this.#reader.skip()
      return valueOf(kind === 'number' ? String(Number(text)) : JSON.stringify(text))
    }
    if (this.#reader.accept('nil')) return valueOf('undefined')
    if (this.#reader.accept('true')) return booleanOf('true')
    if (this.#reader.accept('false')) return booleanOf('false')
    if (this.#reader.accept('function')) return valueOf(this.function())
    if (this.#reader.is('{')) return this.#table()
    return this.suffixed()
  }

  /** Reads a function, behind that word. */
  function(): string {
    this.#reader.expect('(')
    const names: string[] = []
    if (!this.#reader.is(')'))
      do names.push(this.#reader.name())
      while (this.#reader.accept(','))
    this.#reader.expect(')')
    let made: string[] = []
    const body = this.#readBody(() => (made = names.map((name) => this.#reader.declare(name))))
    return `((${made.join(', ')}) => {\n${body}})`
  }

  #table(): Expression {
    this.#reader.expect('{')
    const items: Expression[] = []
    while (!this.#reader.is('}')) {
      if (this.#reader.following?.text === '=' && this.#reader.token.kind === 'name') return this.#record()
      items.push(this.read())
      if (!this.#reader.accept(',') && !this.#reader.accept(';')) break
    }
    this.#reader.expect('}')
    return valueOf(`new LuaTable([${listOf(items)}])`)
  }

  /** A table with nothing but names. */
  #record(): Expression {
    const entries: string[] = []
    while (!this.#reader.is('}')) {
      const name = this.#reader.name()
      this.#reader.expect('=')
      entries.push(`${JSON.stringify(name)}: ${single(this.read())}`)
      if (!this.#reader.accept(',') && !this.#reader.accept(';')) break
    }
    this.#reader.expect('}')
    return valueOf(`LuaTable.of({ ${entries.join(', ')} })`)
  }

  /** Reads a variable, a field or a call. */
  suffixed(): Expression {
    let left = this.#reader.accept('(') ? this.#parenthesized() : this.#variable(this.#reader.name())
    for (;;) {
      if (this.#reader.accept('.'))
        left = valueOf(`index(${single(left)}, ${JSON.stringify(this.#reader.name())})`)
      else if (this.#reader.accept('[')) {
        const key = single(this.read())
        this.#reader.expect(']')
        left = valueOf(`index(${single(left)}, ${key})`)
      } else if (this.#reader.accept('(')) {
        const values = this.#reader.is(')') ? [] : this.list()
        this.#reader.expect(')')
        left = { ...valueOf(`callable(${single(left)})(${listOf(values)})`), isSeveral: true }
      } else return left
    }
  }

  #parenthesized(): Expression {
    const inner = this.read()
    this.#reader.expect(')')
    return inner.isSeveral ? valueOf(single(inner)) : inner
  }

  #variable(name: string): Expression {
    const local = this.#reader.localOf(name)
    if (local !== undefined) return valueOf(local)
    if (!this.#reader.accept('.')) return valueOf(`library['']?.${name}`)
    return valueOf(`library.${name}?.${this.#reader.name()}`)
  }
}

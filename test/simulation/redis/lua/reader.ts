import { tokensOf } from './lexer.ts'
import type { Token } from './lexer.ts'

/** A script while it is read: the next token, and the variables that are known there. */
export class Reader {
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

  get token(): Token {
    return this.#tokens[this.#at] as Token
  }

  /** The one after it. */
  get following(): Token | undefined {
    return this.#tokens[this.#at + 1]
  }

  get isAtEnd(): boolean {
    return this.token.kind === 'end'
  }

  fail(): never {
    throw new SyntaxError(`line ${this.token.line}: unexpected ${this.token.text}`)
  }

  skip(): void {
    this.#at++
  }

  is(symbol: string): boolean {
    return this.token.kind === 'symbol' && this.token.text === symbol
  }

  isOneOf(symbols: readonly string[]): boolean {
    return symbols.some((symbol) => this.is(symbol))
  }

  accept(symbol: string): boolean {
    if (!this.is(symbol)) return false
    this.#at++
    return true
  }

  expect(symbol: string): void {
    if (!this.accept(symbol)) this.fail()
  }

  name(): string {
    if (this.token.kind !== 'name') this.fail()
    return this.#tokens[this.#at++]?.text ?? ''
  }

  /** Reads something in a scope of its own. */
  inScope(read: () => string): string {
    this.#scopes.push(new Map())
    const code = read()
    this.#scopes.pop()
    return code
  }

  /** Returns the JavaScript name of a new local variable. */
  declare(name: string): string {
    const made = `${name}_${++this.#names}`
    this.#scopes.at(-1)?.set(name, made)
    return made
  }

  /** Returns the JavaScript name of a local variable; undefined if there is none. */
  localOf(name: string): string | undefined {
    return this.#scopes.findLast((scope) => scope.has(name))?.get(name)
  }

  temporary(): string {
    return `t_${++this.#names}`
  }
}

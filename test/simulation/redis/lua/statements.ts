import { conditionOf, Expressions, listOf, single } from './expressions.ts'
import type { Expression } from './expressions.ts'
import type { Reader } from './reader.ts'

const BLOCK_ENDS = ['end', 'else', 'elseif', 'until']
const RETURN_ENDS = ['end', 'else', 'elseif', ';']

/** Translates statements. */
export class Statements {
  readonly #reader: Reader
  readonly #expressions: Expressions

  constructor(reader: Reader) {
    this.#reader = reader
    this.#expressions = new Expressions(reader, (declare) => this.#blockToEnd(declare))
  }

  script(): string {
    const body = this.#block()
    if (!this.#reader.isAtEnd) this.#reader.fail()
    return body
  }

  /** Reads statements up to a word that ends them. What is declared first is known in them. */
  #block(declare: () => void = () => undefined): string {
    return this.#reader.inScope(() => {
      declare()
      let code = ''
      while (!this.#reader.isAtEnd && !this.#reader.isOneOf(BLOCK_ENDS)) code += `${this.#statement()}\n`
      return code
    })
  }

  #statement(): string {
    if (this.#reader.accept(';')) return ''
    if (this.#reader.accept('local'))
      return this.#reader.accept('function') ? this.#localFunction() : this.#local()
    if (this.#reader.accept('if')) return this.#if()
    if (this.#reader.accept('for')) return this.#for()
    if (this.#reader.accept('while')) {
      const condition = conditionOf(this.#expressions.read())
      this.#reader.expect('do')
      return `while (${condition}) {\n${this.#blockToEnd()}}`
    }
    if (this.#reader.accept('do')) return `{\n${this.#blockToEnd()}}`
    if (this.#reader.accept('return')) return this.#return()
    if (this.#reader.accept('break')) return 'break;'
    return this.#assignmentOrCall()
  }

  #blockToEnd(declare?: () => void): string {
    const code = this.#block(declare)
    this.#reader.expect('end')
    return code
  }

  #return(): string {
    const isLast = this.#reader.isAtEnd || this.#reader.isOneOf(RETURN_ENDS)
    const values = isLast ? [] : this.#expressions.list()
    this.#reader.accept(';')
    const [value] = values
    if (value === undefined) return 'return undefined;'
    return values.length === 1 ? `return ${value.code};` : `return new Several([${listOf(values)}]);`
  }

  #localFunction(): string {
    const name = this.#reader.declare(this.#reader.name())
    return `const ${name} = ${this.#expressions.function()};`
  }

  #local(): string {
    const names = [this.#reader.name()]
    while (this.#reader.accept(',')) names.push(this.#reader.name())
    const values = this.#reader.accept('=') ? this.#expressions.list() : []
    const made = names.map((name) => this.#reader.declare(name))
    const [value] = values
    if (made.length === 1 && values.length <= 1)
      return `let ${made[0]} = ${value ? single(value) : 'undefined'};`
    return `let [${made.join(', ')}] = [${listOf(values)}];`
  }

  #if(): string {
    const condition = conditionOf(this.#expressions.read())
    this.#reader.expect('then')
    const code = `if (${condition}) {\n${this.#block()}}`
    if (this.#reader.accept('elseif')) return `${code} else ${this.#if()}`
    if (this.#reader.accept('else')) return `${code} else {\n${this.#blockToEnd()}}`
    this.#reader.expect('end')
    return code
  }

  #for(): string {
    const names = [this.#reader.name()]
    while (this.#reader.accept(',')) names.push(this.#reader.name())
    if (this.#reader.accept('=')) return this.#numericFor(names[0] ?? '')
    this.#reader.expect('in')
    const [isOrdered, isPairs] = [this.#reader.token.text === 'ipairs', this.#reader.token.text === 'pairs']
    if (!isOrdered && !isPairs) this.#reader.fail()
    this.#reader.skip()
    this.#reader.expect('(')
    const table = single(this.#expressions.read())
    this.#reader.expect(')')
    this.#reader.expect('do')
    let made: string[] = []
    const body = this.#blockToEnd(() => (made = names.map((name) => this.#reader.declare(name))))
    const entries = `tableOf(${table}).${isOrdered ? 'sequence' : 'entries'}()`
    return `for (let [${made.join(', ')}] of ${entries}) {\n${body}}`
  }

  #numericFor(name: string): string {
    const [from, to, step = '1', ...others] = this.#expressions.list().map((one) => `num(${single(one)})`)
    if (from === undefined || to === undefined || others.length > 0) this.#reader.fail()
    this.#reader.expect('do')
    let made = ''
    const body = this.#blockToEnd(() => (made = this.#reader.declare(name)))
    const [i, last, by] = [this.#reader.temporary(), this.#reader.temporary(), this.#reader.temporary()]
    const isBelow = step === '1' ? `${i} <= ${last}` : `${by} > 0 ? ${i} <= ${last} : ${i} >= ${last}`
    const head = `let ${i} = ${from}, ${last} = ${to}, ${by} = ${step}; ${isBelow}; ${i} += ${by}`
    return `for (${head}) {\nlet ${made} = ${i};\n${body}}`
  }

  #assignmentOrCall(): string {
    const targets = [this.#expressions.suffixed()]
    while (this.#reader.accept(',')) targets.push(this.#expressions.suffixed())
    const [target] = targets
    if (!this.#reader.accept('=')) {
      if (targets.length > 1 || !target?.isSeveral) this.#reader.fail()
      return `${target.code};`
    }
    const values = this.#expressions.list()
    const [value] = values
    if (target !== undefined && value !== undefined && targets.length === 1 && values.length === 1)
      return this.#assign(target, single(value))
    const list = this.#reader.temporary()
    const assignments = targets.map((one, i) => this.#assign(one, `${list}[${i}]`))
    return `{ const ${list} = [${listOf(values)}];\n${assignments.join('\n')} }`
  }

  #assign({ code, isSeveral }: Expression, value: string): string {
    if (isSeveral) this.#reader.fail()
    return code.startsWith('index(')
      ? `assign(${code.slice('index('.length, -1)}, ${value});`
      : `${code} = ${value};`
  }
}

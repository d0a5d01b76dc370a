type TokenKind = 'name' | 'number' | 'string' | 'symbol' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** For a string, its content. Keywords and operators are symbols. */
  readonly text: string
  readonly line: number
}

const KEYWORDS = new Set(
  'and break do else elseif end false for function if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
)
const TOKEN =
  /\s+|--\[\[[^]*?\]\]|--[^\n]*|([A-Za-z_]\w*)|(0[xX][\da-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|("(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*')|(\.\.\.|\.\.|==|~=|<=|>=|[-+*/%^#<>=(){}[\];:,.])/y
const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/** Cuts a script into tokens; the last one is an `end`. Throws for what is not Lua. */
export function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = []
  let line = 1
  TOKEN.lastIndex = 0
  for (let at = 0; at < source.length; at = TOKEN.lastIndex) {
    const match = TOKEN.exec(source)
    if (match === null)
      throw new SyntaxError(`line ${line}: unexpected ${JSON.stringify(source.slice(at, at + 10))}`)
    const [all, name, number, quoted, symbol] = match
    if (name !== undefined) tokens.push({ kind: KEYWORDS.has(name) ? 'symbol' : 'name', text: name, line })
    else if (number !== undefined) tokens.push({ kind: 'number', text: number, line })
    else if (quoted !== undefined) tokens.push({ kind: 'string', text: unescape(quoted.slice(1, -1)), line })
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', text: symbol, line })
    line += all.split('\n').length - 1
  }
  return [...tokens, { kind: 'end', text: 'the end', line }]
}

const unescape = (text: string): string =>
  text.replaceAll(/\\(\d{1,3}|[^])/g, (_all, code: string) =>
    /^\d/.test(code) ? String.fromCharCode(Number(code)) : (ESCAPES[code] ?? code),
  )

const CLASSES: Readonly<Record<string, string>> = {
  a: 'A-Za-z',
  d: '0-9',
  l: 'a-z',
  s: ' \\t\\n\\v\\f\\r',
  u: 'A-Z',
  w: 'A-Za-z0-9',
  x: 'A-Fa-f0-9',
  c: '\\x00-\\x1f\\x7f',
  p: '!-\\/:-@[-`{-~',
}
const cache = new Map<string, RegExp>()

/** Translates a pattern of Lua. Throws for what the scripts do not use: `%b`, `%f`, `%1` and captured positions. */
export function regExpOf(pattern: string): RegExp {
  const known = cache.get(pattern)
  if (known !== undefined) return known
  const made = translate(pattern)
  cache.set(pattern, made)
  return made
}

function translate(pattern: string): RegExp {
  let source = ''
  let isInSet = false
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i] ?? ''
    if (char === '%') {
      source += ofClass(pattern[++i] ?? '', isInSet, pattern)
    } else if (isInSet) {
      const isStart = /\[\^?$/.test(source)
      if (char === ']' && !isStart) isInSet = false
      source += char === '^' || char === '-' || (char === ']' && !isInSet) ? char : escape(char)
    } else if (char === '[') {
      isInSet = true
      source += '['
    } else if (char === '^') source += i === 0 ? '^' : '\\^'
    else if (char === '$') source += i === pattern.length - 1 ? '$' : '\\$'
    else if (char === '.') source += '[^]'
    else if (char === '-') source += '*?'
    else if (char === '(' && pattern[i + 1] === ')')
      throw new SyntaxError(`no captured positions: ${pattern}`)
    else source += '*+?()'.includes(char) ? char : escape(char)
  }
  return new RegExp(source)
}

function ofClass(letter: string, isInSet: boolean, pattern: string): string {
  const members = CLASSES[letter.toLowerCase()]
  if (members === undefined) {
    if (/[bf\d]/.test(letter) || letter === '') throw new SyntaxError(`unsupported in a pattern: ${pattern}`)
    return escape(letter)
  }
  if (letter === letter.toLowerCase()) return isInSet ? members : `[${members}]`
  if (isInSet) throw new SyntaxError(`unsupported in a set of a pattern: ${pattern}`)
  return `[^${members}]`
}

const escape = (char: string): string =>
  /[A-Za-z0-9_ ]/.test(char) ? char : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`

/** A directive of an nginx configuration. */
export interface Directive {
  readonly name: string
  readonly values: readonly string[]
  /** Those between its braces. */
  readonly children: readonly Directive[]
}

/** Parses an nginx configuration, without checking it. */
export function parseNginxConf(text: string): Directive[] {
  const tokens =
    text.match(/#.*|'(?:\\.|[^'])*'|"(?:\\.|[^"])*"|[{};]|(?:\$\{|[^\s;{}'"])(?:[^\s;{}]|\{\d)*/g) ?? []
  const readable = tokens.filter((token) => !token.startsWith('#')).values()
  return readBlock(readable)
}

function readBlock(tokens: Iterator<string>): Directive[] {
  const directives: Directive[] = []
  let words: string[] = []
  for (let next = tokens.next(); next.done !== true && next.value !== '}'; next = tokens.next()) {
    if (next.value !== ';' && next.value !== '{') {
      words.push(next.value)
      continue
    }
    const [name = '', ...values] = words
    directives.push({ name, values, children: next.value === '{' ? readBlock(tokens) : [] })
    words = []
  }
  return directives
}

/** Returns the blocks or directives of this name, at any depth. */
export const findAll = (directives: readonly Directive[], name: string): Directive[] =>
  directives.flatMap((directive) => [
    ...(directive.name === name ? [directive] : []),
    ...findAll(directive.children, name),
  ])

/** `1500ms`, `10s`, in ms. Throws for anything else, as for a missing directive. */
export function milliseconds(text: string | undefined): number {
  const [, digits = '', unit = ''] = /^(\d+)(ms|s)$/.exec(text ?? '') ?? []
  if (unit === '') throw new Error(`not a time: ${text}`)
  return Number(digits) * (unit === 's' ? 1_000 : 1)
}

/** `16k`, in bytes. Throws for anything else. */
export function bytes(text: string | undefined): number {
  const [, digits = ''] = /^(\d+)k$/.exec(text ?? '') ?? []
  if (digits === '') throw new Error(`not a size: ${text}`)
  return Number(digits) * 1_024
}
